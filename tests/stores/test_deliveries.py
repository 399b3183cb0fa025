"""The books of deliveries and of disabled URLs, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pixmill.services.accounts import Accounts
from pixmill.stores import deliveries, endpoints
from pixmill.stores.db import Database
from pixmill.stores.deliveries import Attempt, Delivery

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
async def delivery(database: Database) -> Delivery:
    """Give a delivery whose first attempt is ordered."""
    account = await Accounts(database=database).create(email="ada@x.org", plan="self-hosted")
    delivery = Delivery(
        id="msg_1",
        account_id=account.id,
        url="https://hooks.example.com/ä?" + "ü" * 2000,
        dialect="optimagio",
        event="batch.completed",
        subject="b1",
        base_url="https://images.example.com",
        attempts=1,
        queued=True,
        created_at=NOW,
        next_attempt_at=NOW + MINUTE,
    )
    async with database.transaction() as connection:
        await deliveries.add(connection, delivery)
    return delivery


def made(delivery: Delivery, body: bytes) -> Delivery:
    return replace(delivery, body=body, content_type="text/x", headers={"X-A": body.decode()})


async def test_a_delivery_comes_back_as_it_was(database: Database, delivery: Delivery) -> None:
    full = replace(
        delivery,
        id="msg_2",
        state="failed",
        failures=3,
        queued=False,
        body=b"\0\xff",
        content_type="text/x",
        headers={"X-A": "é"},
        next_attempt_at=None,
        finished_at=NOW + SECOND,
    )
    async with database.transaction() as connection:
        await deliveries.add(connection, full)

        assert await deliveries.find(connection, id_="msg_1") == delivery
        assert await deliveries.find(connection, id_="msg_2") == full
        assert await deliveries.find(connection, id_="msg_3") is None


async def test_what_is_sent_is_kept_once(database: Database, delivery: Delivery) -> None:
    async with database.transaction() as connection:
        first = await deliveries.claim(connection, made(delivery, b"1"), until=NOW + 2 * MINUTE)
        second = await deliveries.claim(connection, made(delivery, b"2"), until=NOW + 3 * MINUTE)

    kept = replace(made(delivery, b"1"), next_attempt_at=NOW + 2 * MINUTE)
    assert first == kept
    assert second == replace(kept, next_attempt_at=NOW + 3 * MINUTE)


async def test_only_the_current_attempt_counts(database: Database, delivery: Delivery) -> None:
    old = replace(delivery, attempts=0)
    async with database.transaction() as connection:
        assert await deliveries.claim(connection, made(old, b"1"), until=NOW) is None
        assert not await deliveries.wait(connection, old, until=NOW)
        assert not await deliveries.end(connection, old, state="failed", now=NOW)
        assert await deliveries.find(connection, id_="msg_1") == delivery

        assert await deliveries.wait(connection, delivery, until=NOW + MINUTE)
        waiting = replace(delivery, queued=False, failures=1)
        assert await deliveries.find(connection, id_="msg_1") == waiting
        assert not await deliveries.wait(connection, delivery, until=NOW)
        assert not await deliveries.end(connection, delivery, state="failed", now=NOW)
        assert await deliveries.claim(connection, made(delivery, b"1"), until=NOW) is None


async def test_an_end_is_one(database: Database, delivery: Delivery) -> None:
    async with database.transaction() as connection:
        assert await deliveries.end(connection, delivery, state="delivered", now=NOW)
        assert not await deliveries.end(connection, delivery, state="failed", now=NOW + SECOND)
        ended = await deliveries.find(connection, id_="msg_1")

        assert ended == replace(
            delivery, state="delivered", queued=False, next_attempt_at=None, finished_at=NOW
        )
        assert not await deliveries.is_due(connection, now=NOW + MINUTE)


async def test_what_is_due_is_ordered_once(database: Database, delivery: Delivery) -> None:
    later = NOW + MINUTE
    async with database.transaction() as connection:
        await deliveries.wait(connection, delivery, until=later)
        assert not await deliveries.is_due(connection, now=later - SECOND)
        assert not await deliveries.order(connection, now=later - SECOND, until=later, limit=9)

        assert await deliveries.is_due(connection, now=later)
        until = later + MINUTE
        assert await deliveries.order(connection, now=later, until=until, limit=9) == [("msg_1", 2)]
        assert not await deliveries.order(connection, now=later, until=until, limit=9)
        ordered = await deliveries.find(connection, id_="msg_1")
        assert ordered == replace(
            delivery, attempts=2, failures=1, queued=True, next_attempt_at=until
        )
        assert ordered.due_at is None

        # It is not heard of again: one more is ordered, and this one has failed.
        assert await deliveries.order(connection, now=until, until=until, limit=9) == [("msg_1", 3)]
        lost = await deliveries.find(connection, id_="msg_1")
        assert lost
        assert (lost.attempts, lost.failures) == (3, 2)


async def test_those_that_wait_longest_are_ordered_first(
    database: Database, delivery: Delivery
) -> None:
    async with database.transaction() as connection:
        for number in range(2, 6):
            another = replace(
                delivery, id=f"msg_{number}", next_attempt_at=NOW + number * SECOND, queued=False
            )
            await deliveries.add(connection, another)

        ordered = await deliveries.order(
            connection, now=NOW + 4 * SECOND, until=NOW + MINUTE, limit=2
        )
        assert sorted(ordered) == [("msg_2", 2), ("msg_3", 2)]
        ordered = await deliveries.order(
            connection, now=NOW + 4 * SECOND, until=NOW + MINUTE, limit=2
        )
        assert ordered == [("msg_4", 2)]


async def test_a_replay_begins_anew_and_counts_on(database: Database, delivery: Delivery) -> None:
    async with database.transaction() as connection:
        assert await deliveries.replay(connection, id_="msg_1", now=NOW) is None
        await deliveries.claim(connection, made(delivery, b"1"), until=NOW)
        await deliveries.end(connection, delivery, state="failed", now=NOW)

        again = await deliveries.replay(connection, id_="msg_1", now=NOW + SECOND)

        assert again == replace(made(delivery, b"1"), queued=False, next_attempt_at=NOW + SECOND)
        assert again.due_at == NOW + SECOND
        assert await deliveries.replay(connection, id_="msg_x", now=NOW) is None


async def test_what_is_forgotten_goes_with_its_attempts(
    database: Database, delivery: Delivery
) -> None:
    attempt = Attempt(delivery_id="msg_1", number=1, at=NOW, error="timeout", milliseconds=10_000)
    another = Attempt(delivery_id="msg_2", number=7, at=NOW, status=200)
    async with database.transaction() as connection:
        await deliveries.add(connection, replace(delivery, id="msg_2"))
        await deliveries.note(connection, attempt)
        await deliveries.note(connection, another)
        await deliveries.end(connection, delivery, state="failed", now=NOW)
        assert await deliveries.made(connection, id_="msg_1") == [attempt]

        assert await deliveries.forget(connection, before=NOW - SECOND, limit=9) == 0
        assert await deliveries.forget(connection, before=NOW, limit=9) == 1
        assert await deliveries.forget(connection, before=NOW, limit=9) == 0

        assert await deliveries.find(connection, id_="msg_1") is None
        assert await deliveries.made(connection, id_="msg_1") == []
        assert await deliveries.made(connection, id_="msg_2") == [another]


async def test_a_url_is_disabled_once(database: Database, delivery: Delivery) -> None:
    place = {"account_id": delivery.account_id, "url": delivery.url}
    async with database.transaction() as connection:
        assert not await endpoints.is_disabled(connection, **place)
        await endpoints.disable(connection, **place, now=NOW)
        await endpoints.disable(connection, **place, now=NOW + SECOND)

        assert await endpoints.is_disabled(connection, **place)
        assert not await endpoints.is_disabled(connection, **place | {"url": delivery.url + "x"})
        assert not await endpoints.is_disabled(connection, **place | {"account_id": "acc_x"})
        [endpoint] = await endpoints.listed(connection, account_id=delivery.account_id)
        assert (endpoint.url, endpoint.disabled_at) == (delivery.url, NOW)
        assert await endpoints.listed(connection, account_id="acc_x") == []

        assert await endpoints.enable(connection, **place)
        assert not await endpoints.enable(connection, **place)
        assert not await endpoints.is_disabled(connection, **place)
