"""The pages about the APIs: everything is there, and the examples run."""

import html
import re
import subprocess
from pathlib import Path

import pytest
import requests
from playwright.sync_api import expect

from pixmill import errors
from pixmill.dialects import all_dialects
from pixmill.http.dialect import Dialect
from pixmill.services.keys import Keys
from web.visitors import Visitor

from fixtures.origins import ALLOWED, Origin
from fixtures.pictures import encode, photo
from fixtures.servers import PATIENCE, RunningServer, opened, run, start

NAMES = [dialect.name for dialect in all_dialects()]
JPEG = encode(photo(), "JPEG", quality=92)

#: The program of each language, and the file it is kept in.
PROGRAMS = {
    "curl": ("sh", "call.sh"),
    "Python": ("python", "call.py"),
    "Node": ("node", "call.mjs"),
}


def named(name: str) -> Dialect:
    return next(dialect for dialect in all_dialects() if dialect.name == name)


def page_of(server: RunningServer, name: str) -> str:
    path = f"{server.base_url}/apis/{name.replace('_', '-')}"
    answer = requests.get(path, timeout=PATIENCE)
    assert answer.status_code == 200
    return answer.text


def example(text: str, language: str) -> str:
    """Return the first example in *language*."""
    found = re.search(r'data-copy="([^"]*)"', text[text.index(f"<summary>{language}<") :])
    assert found
    return html.unescape(found[1])


@pytest.fixture(scope="module")
def fetching(tmp_path_factory: pytest.TempPathFactory):
    """Give a server that may fetch from this machine."""
    running = start(tmp_path_factory.mktemp("fetching"), env=ALLOWED)
    yield running
    assert running.stop() == 0


@pytest.mark.parametrize("name", NAMES)
def test_a_page_has_every_call_with_its_fields_and_errors(server: RunningServer, name: str) -> None:
    text = html.unescape(page_of(server, name))
    for operation in named(name).operations:
        if operation.alias:
            continue
        assert f"<code>{operation.path}</code>" in text
        assert operation.summary in text
        for field in (*operation.form, *operation.query_parameters, *operation.header_parameters):
            assert f"<code>{field}</code>" in text, field
    assert f"<code>{named(name).errors[errors.BadKey].code}</code>" in text


@pytest.mark.parametrize("language", PROGRAMS)
@pytest.mark.parametrize("name", NAMES)
def test_the_examples_run(
    fetching: RunningServer, origin: Origin, tmp_path: Path, name: str, language: str
) -> None:
    code = example(page_of(fetching, name), language)
    assert fetching.base_url in code
    program, filename = PROGRAMS[language]
    url = origin.picture(JPEG)
    code = code.replace("YOUR_KEY", fetching.key()).replace("https://example.com/photo.jpg", url)
    if program == "sh":
        code = code.replace("curl ", "curl --fail-with-body -sS ", 1)
    (tmp_path / "photo.jpg").write_bytes(JPEG)
    (tmp_path / filename).write_text(code)
    called = subprocess.run(
        [program, filename],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )

    assert called.returncode == 0, called.stdout + called.stderr
    made = tmp_path / "small.webp"
    if "small.webp" in code:
        assert made.read_bytes()[8:12] == b"WEBP"
    else:
        told = ("webp", "sessionId", "output")  # the last is Tinify's
        assert any(word in called.stdout for word in told)


def test_the_pages_are_for_everybody(visitor: Visitor) -> None:
    page = visitor.open("/apis")
    visitor.check_accessibility()
    for dialect in all_dialects():
        expect(page.get_by_role("heading", name=dialect.title)).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="Optimagio").click()
    expect(page).to_have_title("Optimagio API · Pixmill")
    page.get_by_text("Parameters (", exact=False).first.click()
    page.get_by_text("Errors", exact=True).first.click()
    visitor.check_accessibility()
    page.get_by_role("link", name="Try it out").click()
    expect(page.locator("#operations-tag-Optimagio")).to_be_visible()
    page.get_by_role("link", name="API pages").click()
    expect(page.get_by_role("heading", name="APIs")).to_be_visible()


def test_whoever_is_signed_in_sees_the_beginning_of_a_key_that_works(member: Visitor) -> None:
    page = member.open("/apis/optipic")
    expect(page.locator("pre").first).to_contain_text("Bearer YOUR_KEY")
    prefix = make_key(member)
    page = member.open("/apis/optipic")

    expect(page.locator("pre").first).to_contain_text(f"Bearer {prefix}...")


def make_key(member: Visitor) -> str:
    """Make a key for the member, and return what is shown of it."""

    async def made() -> str:
        async with opened(member.server.database_url) as database:
            created = await Keys(database=database).create(account=member.email)
        return created.key.display_prefix

    return run(made())


def test_an_api_that_does_not_exist_has_no_page(server: RunningServer) -> None:
    for name in ("nobody", "picture_optimizer", "..%2f", "optipic/"):
        assert requests.get(f"{server.base_url}/apis/{name}", timeout=10).status_code == 404


def test_language_models_are_told_of_every_call(server: RunningServer) -> None:
    answer = requests.get(f"{server.base_url}/llms.txt", timeout=PATIENCE)

    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    for dialect in all_dialects():
        for operation in dialect.operations:
            assert operation.alias or f"`{operation.method} {operation.path}`" in answer.text
