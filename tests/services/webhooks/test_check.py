"""URLs are looked at when they are given; what names lead to is seen when something is sent."""

import pytest

from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.stores.db import Database
from services.webhooks.office import Office, fetch_config

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com/hook",
        "ftp://example.com/",
        "https://user:word@example.com/",
        "https://example.com/a b",
        "http://2130706433/",
        "http://127.0.0.2.:99999/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://93.184.215.14:8080/",
        "https://example.com/" + "a" * 2048,
    ],
)
async def test_what_cannot_be_a_receiver_is_refused_at_once(office: Office, url: str) -> None:
    with pytest.raises(errors.BadUrl) as caught:
        office.webhooks.check(url)

    assert str(caught.value) == "The URL of a webhook must be a public http or https URL."


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/pixmill?token=1",
        "http://hooks.example.com:8080/",  # it may lead into a network that is allowed
        "https://93.184.215.14/",
        "http://127.0.0.1:8080/",  # allowed here
        "https://[2606:4700:4700::1111]/",
    ],
)
async def test_what_can_be_one_is_taken_unseen(office: Office, url: str) -> None:
    office.webhooks.check(url)


async def test_this_machine_is_none_unless_the_operator_says_so(
    office: Office, fetcher: Fetcher
) -> None:
    guarded = Fetcher(fetch_config(allow=()), tls=fetcher._tls)
    with pytest.raises(errors.BadUrl):
        office.open(fetcher=guarded).check("http://127.0.0.1:8080/")
    await guarded.stop()
