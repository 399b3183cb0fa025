"""Rows of batches: who is first, and what is counted."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pixmill.services.keys import Keys
from pixmill.stores import batches
from pixmill.stores.batches import Batch
from pixmill.stores.db import Database

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
async def account_id(database: Database) -> str:
    return (await Keys(database=database).create(plan="self-hosted")).key.account_id


@pytest.fixture
def batch(account_id: str) -> Batch:
    return Batch(
        id="b",
        account_id=account_id,
        key_id="k",
        dialect="optimagio",
        name="holiday",
        base_url="https://images.example.com",
        webhook_url=None,
        created_at=NOW,
        touched_at=NOW,
    )


async def test_the_first_of_a_name_is_everybody_s(database: Database, batch: Batch) -> None:
    async def begin(number: int) -> Batch:
        async with database.transaction() as connection:
            return await batches.begin(connection, replace(batch, id=f"b{number}"))

    found = await asyncio.gather(*(begin(number) for number in range(6)))

    assert len({each.id for each in found}) == 1


async def test_those_without_a_name_are_apart(database: Database, batch: Batch) -> None:
    async with database.transaction() as connection:
        for id_ in ("x", "y"):
            nameless = replace(batch, id=id_, name=None)
            assert await batches.begin(connection, nameless) == nameless


async def test_it_is_found_by_id_and_by_name(database: Database, batch: Batch) -> None:
    other = replace(batch, id="c", name="b")
    async with database.transaction() as connection:
        await batches.begin(connection, batch)
        await batches.begin(connection, other)

    async with database.reading() as connection:
        for name, found in (("b", batch), ("holiday", batch), ("c", other), ("d", None)):
            owner = batch.account_id
            assert await batches.find(connection, account_id=owner, name=name) == found
        assert await batches.find(connection, account_id="somebody", name="b") is None
        assert await batches.by_id(connection, id_="b") == batch
        assert await batches.by_id(connection, id_="holiday") is None


async def test_what_is_added_is_counted(database: Database, batch: Batch) -> None:
    later = NOW + HOUR
    async with database.transaction() as connection:
        await batches.begin(connection, replace(batch, completed_at=NOW))
        grown = await batches.grow(connection, id_="b", accepted=0, rejected=2, now=later)
        assert grown == replace(batch, rejected=2, touched_at=later, completed_at=NOW)
        grown = await batches.grow(
            connection,
            id_="b",
            accepted=3,
            rejected=0,
            now=later,
            committed=True,
            close=True,
            webhook_url="https://hooks.example.com",
        )

    expected = replace(batch, accepted=3, rejected=2, touched_at=later, closed_at=later)
    expected = replace(expected, committed=True, webhook_url="https://hooks.example.com")
    assert grown == expected
    async with database.transaction() as connection:
        again = await batches.grow(
            connection, id_="b", accepted=1, rejected=0, now=later + HOUR, close=True
        )
        assert (again.closed_at, again.committed) == (later, True)
        assert again.webhook_url == expected.webhook_url
        assert (await batches.close(connection, id_="b", now=later + HOUR)).closed_at == later


async def test_it_is_complete_once(database: Database, batch: Batch) -> None:
    async with database.transaction() as connection:
        await batches.begin(connection, replace(batch, accepted=2))
        await batches.close(connection, id_="b", now=NOW)

    async def end() -> Batch | None:
        async with database.transaction() as connection:
            await batches.finish(connection, id_="b", finished=1, failed=0)
            return await batches.complete(connection, id_="b", now=NOW, idle_since=NOW - HOUR)

    ends = await asyncio.gather(end(), end())

    assert sorted(each.finished for each in ends if each) == [2]
    async with database.transaction() as connection:
        assert not await batches.complete(connection, id_="b", now=NOW, idle_since=NOW)


@pytest.mark.parametrize(
    ("accepted", "touched_at", "idle"),
    [(0, NOW - HOUR, True), (0, NOW, False), (1, NOW - HOUR, False)],
)
async def test_it_is_idle_when_nothing_is_left_and_nothing_came_for_long(
    database: Database, batch: Batch, accepted: int, touched_at: datetime, *, idle: bool
) -> None:
    since = NOW - HOUR / 4
    async with database.transaction() as connection:
        await batches.begin(connection, replace(batch, accepted=accepted, touched_at=touched_at))

        assert bool(await batches.idle(connection, since=since, limit=9)) == idle
        done = await batches.complete(connection, id_="b", now=NOW, idle_since=since)
        assert bool(done) == idle
        assert await batches.idle(connection, since=since, limit=9) == []


async def test_old_ones_lose_their_names_the_oldest_first(database: Database, batch: Batch) -> None:
    async with database.transaction() as connection:
        for number in range(4):
            await batches.begin(
                connection,
                replace(batch, id=f"{number}", name=f"{number}", completed_at=NOW - number * HOUR),
            )
        before = NOW - HOUR
        assert await batches.retire(connection, before=before, limit=1) == ["3"]
        assert sorted(await batches.retire(connection, before=before, limit=9)) == ["1", "2", "3"]
        begun = await batches.begin(connection, replace(batch, id="new", name="3"))
        assert begun.id == "new"
        await batches.delete(connection, ids=["1", "2", "3"])
        assert await batches.by_id(connection, id_="0")
        assert await batches.by_id(connection, id_="1") is None
