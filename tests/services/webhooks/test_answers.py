"""What receivers do, and what is made of it. The database has no part in it, so one is enough."""

import asyncio

import pytest

from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.webhooks.types import SCHEDULE
from pixmill.stores.db import Database
from services.webhooks.office import Office, fetch_config
from services.webhooks.receiver import Receiver, redirecting, saying

pytestmark = pytest.mark.anyio


@pytest.fixture
def database(sqlite_database: Database) -> Database:
    return sqlite_database


async def test_no_more_is_sent_than_has_to_be(office: Office, receiver: Receiver) -> None:
    url = receiver.url("/hook?a=b", saying(b"", 500, Set_Cookie="a=b"), 200)
    await office.announce(url)
    await office.work()
    office.clock.moment += SCHEDULE[0]
    await office.tick()

    assert [set(message.headers) for message in receiver.heard] == [
        {
            "host", "user-agent", "accept", "accept-encoding", "connection", "content-type",
            "content-length", "x-event", "webhook-id", "webhook-timestamp", "webhook-signature",
        }
    ] * 2  # fmt: skip


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_any_success_is_one(office: Office, receiver: Receiver, status: int) -> None:
    id_ = await office.announce(receiver.url("/hook", status))
    await office.work()

    assert await office.state(id_) == "delivered"


async def test_no_redirect_is_followed(office: Office, receiver: Receiver) -> None:
    elsewhere = receiver.url("/elsewhere")
    ids = [
        await office.announce(receiver.url(f"/{status}", redirecting(elsewhere, status)))
        for status in (301, 302, 303, 307, 308)
    ]
    await office.work()

    assert [await office.errors(id_) for id_ in ids] == [["redirect"]] * 5
    assert [message.path for message in receiver.heard] == ["/301", "/302", "/303", "/307", "/308"]


async def test_what_the_receiver_says_is_not_kept(office: Office, receiver: Receiver) -> None:
    url = receiver.url("/hook", saying(b"tell-nobody", 500, X_Also="tell-nobody"))
    id_ = await office.announce(url)
    await office.work()

    assert await office.errors(id_) == ["status 500"]
    assert "tell-nobody" not in repr(await office.log.find(id_=id_))


async def test_a_private_address_is_not_asked(
    office: Office, receiver: Receiver, fetcher: Fetcher
) -> None:
    guarded = Fetcher(fetch_config(allow=()), tls=fetcher._tls)
    office.webhooks = office.open(fetcher=guarded)
    by_name = receiver.url("/hook").replace("127.0.0.1", "localhost")
    ids = [await office.announce(url) for url in (receiver.url("/hook"), by_name)]
    await office.work()
    await guarded.stop()

    assert [await office.errors(id_) for id_ in ids] == [["refused_address"]] * 2
    assert receiver.heard == []


async def test_a_slow_receiver_is_not_waited_for(office: Office, receiver: Receiver) -> None:
    office.webhooks = office.open(attempt_timeout=0.2)
    id_ = await office.announce(receiver.url("/hook", receiver.hang))
    await office.work()

    assert await office.errors(id_) == ["timeout"]


async def test_a_long_answer_is_not_heard_out(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url("/hook", receiver.flood))
    await office.work()

    assert await office.state(id_) == "delivered"


async def test_what_is_no_http_is_a_failure(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url("/hook", receiver.mumble))
    await office.work()

    assert await office.errors(id_) == ["bad_answer"]


async def test_nobody_there_is_a_failure(office: Office) -> None:
    id_ = await office.announce("http://127.0.0.1:1/hook")
    await office.work()

    assert await office.errors(id_) == ["connection_failed"]


async def test_a_url_that_was_one_once_is_not_asked(office: Office) -> None:
    id_ = await office.announce("gopher://example.com/")
    await office.work()

    assert await office.errors(id_) == ["refused_address"]


async def test_a_receiver_that_does_not_answer_is_left_alone(
    office: Office, receiver: Receiver
) -> None:
    office.webhooks = office.open(attempt_timeout=1.05)
    dead = receiver.url("/dead", receiver.hang)
    ids = [await office.announce(dead) for _ in range(5)]
    await asyncio.gather(*(office.webhooks.deliver(f"{id_}.1") for id_ in ids))
    office.line.waiting.clear()

    later = await office.announce(receiver.url("/later"))
    await office.work()

    assert await office.errors(later) == ["resting"]
    assert (await office.delivery(later)).due_at == office.clock.moment + SCHEDULE[0]
    assert "/later" not in {message.path for message in receiver.heard}
