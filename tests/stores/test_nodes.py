"""Nodes are alive while they say so, and their work is for one other."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import chain

import pytest
import sqlalchemy as sa

from pixmill.stores import nodes
from pixmill.stores.db import Database

pytestmark = pytest.mark.anyio

EVER = datetime.max.replace(tzinfo=UTC)


async def live(database: Database, id_: str) -> datetime:
    async with database.transaction() as connection:
        await nodes.add(connection, id_=id_)
        seen_at = await nodes.beat(connection, id_=id_)
    assert seen_at
    return seen_at


async def bury(database: Database, *, but: str, before: datetime) -> list[str]:
    async with database.transaction() as connection:
        return await nodes.bury(connection, but=but, before=before)


async def listed(database: Database) -> list[nodes.Node]:
    async with database.reading() as connection:
        return await nodes.listed(connection)


async def test_a_beat_is_the_time_of_the_database(database: Database) -> None:
    first = await live(database, "a")
    second = await live(database, "a")

    assert first <= second
    assert abs(second - datetime.now(UTC)) < timedelta(minutes=1)
    assert await listed(database) == [nodes.Node(id="a", state="live", seen_at=second)]


async def test_a_beat_within_a_long_transaction_is_when_it_happens(database: Database) -> None:
    async with database.transaction() as connection:
        await nodes.add(connection, id_="a")
        first = await nodes.beat(connection, id_="a")
        await asyncio.sleep(0.01)
        second = await nodes.beat(connection, id_="a")

    assert first
    assert second
    assert first < second


async def test_the_silent_are_buried_and_hear_of_it(database: Database) -> None:
    await live(database, "a")
    seen_at = await live(database, "b")
    await live(database, "me")

    assert await bury(database, but="me", before=seen_at) == ["a"]

    assert [node.state for node in await listed(database)] == ["dead", "live", "live"]
    async with database.transaction() as connection:
        assert await nodes.beat(connection, id_="a") is None
        assert await nodes.beat(connection, id_="b")


async def test_nobody_buries_himself(database: Database) -> None:
    await live(database, "me")

    assert await bury(database, but="me", before=EVER) == []


async def test_of_many_who_bury_one_gets_the_work(database: Database) -> None:
    for number in range(5):
        await live(database, f"dead {number}")
    seen_at = await live(database, "last")

    found = await asyncio.gather(
        *(bury(database, but=f"taker {number}", before=seen_at) for number in range(8))
    )

    assert sorted(chain.from_iterable(found)) == [f"dead {number}" for number in range(5)]


async def test_what_a_dead_taker_leaves_is_found_again(database: Database) -> None:
    await live(database, "a")
    await bury(database, but="taker", before=EVER)

    (left,) = await listed(database)
    assert await bury(database, but="other", before=left.seen_at) == []
    assert await bury(database, but="other", before=left.seen_at + timedelta(seconds=1)) == ["a"]


async def test_a_node_is_added_once(database: Database) -> None:
    await live(database, "a")

    async with database.transaction() as connection:
        await nodes.add(connection, id_="a", state="dead")
        await nodes.add(connection, id_="b", state="dead")

    found = await listed(database)
    assert [(node.id, node.state) for node in found] == [("a", "live"), ("b", "dead")]
    assert found[1].seen_at == nodes.LONG_AGO


async def test_removed_and_unknown_nodes_are_told_apart(database: Database) -> None:
    await live(database, "a")
    await live(database, "b")

    async with database.transaction() as connection:
        await nodes.remove(connection, id_="b")
        assert await nodes.unknown(connection, ["a", "b", "c"]) == {"b", "c"}
        assert await nodes.unknown(connection, []) == set()


async def test_a_row_that_somebody_is_writing_is_not_waited_for(database: Database) -> None:
    await live(database, "a")
    await live(database, "b")
    if database.dialect == "sqlite":  # which has one writer at a time
        assert await bury(database, but="me", before=EVER) == ["a", "b"]
        return

    async with database.transaction() as connection:
        await connection.execute(
            sa.select(nodes.nodes.c.id).where(nodes.nodes.c.id == "a").with_for_update()
        )
        assert await bury(database, but="me", before=EVER) == ["b"]
