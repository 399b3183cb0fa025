"""Forms and addresses, sent past the pages: too often, and with what nobody can type."""

import re
from collections.abc import Iterator

import pytest
import requests

from pixmill.services.accounts import Accounts
from pixmill.services.plans import Plans
from web.visitors import OPERATOR, signed_in

from fixtures.databases import PostgreSQL
from fixtures.servers import PATIENCE, RunningServer, opened, run, start

#: What is paid for by asking, as it is in the APIs.
ORDERS = (
    "sessions",
    "sessions/x/pictures",
    "sessions/x/analyze",
    "sessions/x/export",
    "batches/x/retry",
    "batches/jobs/x/retry",
)


@pytest.fixture(scope="module")
def strict(
    postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Give a server on PostgreSQL, which takes no text with NUL in it."""
    with postgresql.fresh() as url:
        running = start(tmp_path_factory.mktemp("strict"), env={"PIXMILL_DATABASE_URL": url})
        yield running
        assert running.stop() == 0


@pytest.fixture(scope="module")
def session(strict: RunningServer) -> Iterator[requests.Session]:
    """Give whoever runs that server, without a browser."""
    token = run(signed_in(strict.database_url, OPERATOR))
    with requests.Session() as opened:
        opened.headers.update({"Cookie": f"__Host-pixmill={token}"})
        page = opened.get(f"{strict.base_url}/apis", timeout=PATIENCE)
        [csrf] = re.findall(r'<meta name="csrf" content="(\w+)"', page.text)
        opened.headers.update({"X-CSRF-Token": csrf, "Accept": "application/json"})
        yield opened


async def _once_a_minute(database_url: str, plan: str) -> None:
    async with opened(database_url) as database:
        await Plans(database=database).change(name=plan, changes={"minute_requests": 1})
        await Accounts(database=database).set_plan(name=OPERATOR, plan=plan)


@pytest.mark.parametrize(
    "path",
    [
        "webhooks?url=%00",
        "usage?key=%00&api=%00",
        "usage/credits?before=%00",
        "accounts?q=%00",
        "sessions/%00",
        "batches/%00",
    ],
)
def test_an_address_that_nobody_can_type_breaks_nothing(
    session: requests.Session, strict: RunningServer, path: str
) -> None:
    answer = session.get(f"{strict.base_url}/dashboard/{path}", timeout=PATIENCE)

    assert answer.status_code in {200, 404}


@pytest.mark.parametrize(
    ("path", "form"),
    [
        ("keys", {"name": "\0", "plan": "\0"}),
        ("keys/%00/rename", {"name": "x"}),
        ("keys/%00/switch", {"on": "yes"}),
        ("keys/%00/delete", {"sure": "yes"}),
        ("account/sign-ins/end", {"sign_in": "\0"}),
        ("webhooks/enable", {"url": "https://example.com/\0"}),
        ("accounts/invite", {"email": "\0a@example.com", "plan": "\0"}),
        ("accounts/x/plan", {"plan": "\0"}),
        ("plans/optipic-free", {"title": "\0", "max_file_size": "1MiB", "quota_per": "key"}),
    ],
)
def test_a_form_that_nobody_can_fill_in_breaks_nothing(
    session: requests.Session, strict: RunningServer, path: str, form: dict[str, str]
) -> None:
    url = f"{strict.base_url}/dashboard/{path}"
    answer = session.post(url, data=form, timeout=PATIENCE, allow_redirects=False)

    assert answer.status_code < 500, answer.text


def test_work_ordered_in_a_browser_counts_for_the_minute(
    session: requests.Session, strict: RunningServer
) -> None:
    run(_once_a_minute(strict.database_url, "picture-optimizer-pro"))

    # The first one is looked for; by then the minute is used up.
    codes = [
        session.post(
            f"{strict.base_url}/dashboard/{path}",
            data={"look": "82"},
            timeout=PATIENCE,
            allow_redirects=False,
        ).status_code
        for path in ("batches/x/retry", *ORDERS)
    ]

    assert codes == [404, *[429] * len(ORDERS)]
