"""Rows of jobs and chunks: who may change what, and what is found how."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.services.keys import Keys
from pixmill.stores import batches, chunks, jobs
from pixmill.stores.batches import Batch
from pixmill.stores.chunks import Chunk
from pixmill.stores.db import Database
from pixmill.stores.jobs import Job

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def connection(database: Database, account_id: str) -> AsyncIterator[AsyncConnection]:
    """Give one transaction, in which a test happens; on SQLite nothing else happens meanwhile."""
    assert account_id
    async with database.transaction() as connection:
        yield connection


@pytest.fixture
async def account_id(database: Database) -> str:
    return (await Keys(database=database).create(plan="self-hosted")).key.account_id


@pytest.fixture
async def chunk(account_id: str, connection: AsyncConnection) -> Chunk:
    chunk = Chunk(
        id="c",
        batch_id=None,
        account_id=account_id,
        key_id="k",
        subject=account_id,
        period="2026-06",
        dialect="optimagio",
        base_url="https://images.example.com",
        webhook_url=None,
        free_repeats=True,
        max_file_size=1000,
        created_at=NOW,
    )
    await chunks.add(connection, chunk)
    return chunk


def job(chunk: Chunk, number: int = 0, **details: Any) -> Job:
    values: dict[str, Any] = {
        "id": f"{chunk.id}{number}",
        "chunk_id": chunk.id,
        "batch_id": chunk.batch_id,
        "account_id": chunk.account_id,
        "number": number,
        "label": "{}",
        "filename": None,
        "source_key": None,
        "source_url": "https://example.com/a.png",
        "source_size": None,
        "wanted": "[{}]",
        "committed": False,
        "held": 2,
        "created_at": NOW,
        "expires_at": NOW + DAY,
    }
    return Job(**values | details)


async def batch(connection: AsyncConnection, account_id: str, id_: str = "b") -> str:
    row = Batch(
        id=id_,
        account_id=account_id,
        key_id="k",
        dialect="optimagio",
        name=id_,
        base_url="",
        webhook_url=None,
        created_at=NOW,
        touched_at=NOW,
    )
    await batches.begin(connection, row)
    return id_


async def test_a_row_comes_back_as_it_was(connection: AsyncConnection, chunk: Chunk) -> None:
    rows = [job(chunk), job(chunk, 1, filename="ä \U0001f600.png", label='{"a": "\\u0000"}')]
    await jobs.add(connection, rows)

    assert await jobs.of_chunk(connection, chunk_id="c") == rows
    assert await jobs.find(connection, id_="c1") == rows[1]
    assert await jobs.find(connection, id_="nobody") is None
    assert await chunks.find(connection, id_="c") == chunk


async def test_what_is_begun_is_being_processed_since_the_first_time(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    await jobs.add(connection, [job(chunk, number) for number in (2, 0, 1)])
    await jobs.end(connection, id_="c1", state="failed", now=NOW)

    await jobs.begin(connection, chunk_id="c", now=NOW)
    assert await jobs.put_back(connection, chunk_id="c") == 2
    begun = await jobs.begin(connection, chunk_id="c", now=NOW + DAY)

    assert [each.number for each in begun] == [0, 2]
    assert {each.state for each in begun} == {"processing"}
    assert {each.started_at for each in begun} == {NOW}


async def test_turns_are_counted_until_the_end(connection: AsyncConnection, chunk: Chunk) -> None:
    await jobs.add(connection, [job(chunk)])

    assert await jobs.count_turn(connection, id_="c0") == 1
    assert await jobs.count_turn(connection, id_="c0") == 2
    assert await jobs.count_turn(connection, id_="c0", by=-1) == 1
    await jobs.end(connection, id_="c0", state="completed", now=NOW)
    assert await jobs.count_turn(connection, id_="c0") is None


async def test_a_job_ends_once(connection: AsyncConnection, chunk: Chunk) -> None:
    await jobs.add(connection, [job(chunk)])

    assert await jobs.end(
        connection, id_="c0", state="completed", now=NOW, outcomes="[1]", source_size=7
    )
    assert not await jobs.end(connection, id_="c0", state="failed", now=NOW + DAY, error="busy")

    found = await jobs.find(connection, id_="c0")
    assert found == job(chunk, state="completed", outcomes="[1]", source_size=7, finished_at=NOW)
    assert await jobs.put_back(connection, chunk_id="c") == 0
    assert await jobs.begin(connection, chunk_id="c", now=NOW) == []


async def test_only_jobs_in_the_states_that_are_named_end(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    await jobs.add(connection, [job(chunk, state="processing")])

    assert not await jobs.end(connection, id_="c0", state="cancelled", now=NOW, only=("queued",))
    assert await jobs.living(connection, chunk_id="c") == 1


async def test_late_ones_are_found_the_latest_first(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    await jobs.add(
        connection,
        [
            job(chunk, 0, expires_at=NOW),
            job(chunk, 1, expires_at=NOW - DAY, state="processing"),
            job(chunk, 2, expires_at=NOW - DAY, state="completed"),
            job(chunk, 3, expires_at=NOW + DAY),
        ],
    )

    assert [each.number for each in await jobs.late(connection, now=NOW, limit=9)] == [1, 0]
    assert [each.number for each in await jobs.late(connection, now=NOW, limit=1)] == [1]


async def test_a_batch_s_jobs_are_paged_by_number_and_by_end(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    batch_id = await batch(connection, chunk.account_id)
    own = replace(chunk, id="d", batch_id=batch_id)
    await chunks.add(connection, own)
    await jobs.add(connection, [job(chunk), *(job(own, number) for number in range(4))])
    for finish, number in enumerate((3, 1), start=1):
        await jobs.end(connection, id_=f"d{number}", state="completed", now=NOW)
        await jobs.number(connection, id_=f"d{number}", finish=finish)

    async def numbers(**wanted: Any) -> list[int]:
        found = await jobs.page(connection, batch_id=batch_id, **wanted)
        return [each.number for each in found]

    assert await numbers() == [0, 1, 2, 3]
    assert await numbers(start=1, limit=2) == [1, 2]
    assert await numbers(state="completed") == [1, 3]
    ended = await jobs.ended(connection, batch_id=batch_id, after=0, limit=9)
    assert [each.number for each in ended] == [3, 1]
    assert await jobs.ended(connection, batch_id=batch_id, after=2, limit=9) == []
    await jobs.begin(connection, chunk_id="d", now=NOW)
    assert await jobs.processing(connection, batch_id=batch_id) == 2


async def test_jobs_are_forgotten_by_batch_and_by_chunk_a_few_at_a_time(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    batch_id = await batch(connection, chunk.account_id)
    for id_, owner in (("d", batch_id), ("e", None), ("f", None)):
        each = replace(chunk, id=id_, batch_id=owner)
        await chunks.add(connection, each)
        await jobs.add(connection, [job(each, number) for number in range(3)])

    async def forget() -> int:
        return await jobs.forget(connection, batch_ids=[batch_id], chunk_ids=["e"], limit=4)

    assert [await forget(), await forget(), await forget()] == [4, 2, 0]
    await chunks.forget(connection, batch_ids=[batch_id], ids=["e"])
    await batches.delete(connection, ids=[batch_id])
    assert len(await jobs.of_chunk(connection, chunk_id="f")) == 3
    left = await connection.execute(sa.select(chunks.chunks.c.id).order_by(chunks.chunks.c.id))
    assert list(left.scalars()) == ["c", "f"]


async def test_a_chunk_counts_its_turns_until_it_is_over(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    for turns in (1, 2):
        assert await chunks.begin(connection, id_="c") == replace(chunk, turns=turns)
    assert await chunks.unfinished(connection, account_id=chunk.account_id) == 1

    await chunks.finish(connection, id_="c", now=NOW)

    assert await chunks.begin(connection, id_="c") is None
    assert await chunks.begin(connection, id_="nobody") is None
    assert await chunks.unfinished(connection, account_id=chunk.account_id) == 0


async def test_chunks_of_batches_are_over_with_their_batch(
    connection: AsyncConnection, chunk: Chunk
) -> None:
    batch_id = await batch(connection, chunk.account_id)
    for id_, owner, finished_at in (
        ("d", batch_id, NOW - DAY), ("e", None, NOW - DAY), ("f", None, NOW + DAY),
        ("g", None, NOW),
    ):  # fmt: skip
        await chunks.add(
            connection, replace(chunk, id=id_, batch_id=owner, finished_at=finished_at)
        )

    assert await chunks.over(connection, before=NOW, limit=9) == ["e", "g"]
    assert await chunks.over(connection, before=NOW, limit=1) == ["e"]
