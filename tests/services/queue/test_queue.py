"""What is put in a transaction is run once that is committed, and later forgotten."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services.queue.queue import Queue
from pixmill.stores import schema
from services.queue.bench import NARROW, WIDE, Bench
from services.queue.conftest import Start
from services.queue.waiting import until

pytestmark = pytest.mark.anyio


async def test_what_is_committed_runs_once(bench: Bench, start: Start) -> None:
    await start()

    await bench.put("note 1", "note 2")

    await bench.diary.until("end", 2)
    assert sorted(bench.diary.arguments("begin")) == ["note 1", "note 2"]


async def test_what_was_put_before_anybody_ran_work_runs_as_well(
    bench: Bench, start: Start
) -> None:
    await bench.put("note early")

    await start()

    await bench.diary.until("end", 1)


async def test_what_is_rolled_back_never_runs(bench: Bench, start: Start) -> None:
    await start()

    async def change_mind() -> None:
        async with bench.database.transaction() as connection:
            await bench.queue.put(connection, lane=WIDE, id_="1", argument="note 1")
            raise errors.BadKey

    with pytest.raises(errors.BadKey):
        await change_mind()
    await bench.put("note 2")

    await bench.diary.until("end", 1)
    assert bench.diary.arguments("begin") == ["note 2"]


async def test_the_same_id_is_the_same_work(bench: Bench, start: Start) -> None:
    await bench.put("note 1")
    await bench.put("note 1")
    await start()
    await bench.diary.until("end", 1)

    await bench.put("note 1", "note 2")

    await bench.diary.until("end", 2)
    assert bench.diary.arguments("end") == ["note 1", "note 2"]


async def test_the_more_urgent_comes_first_and_else_the_one_put_first(
    bench: Bench, start: Start
) -> None:
    for number in (1, 2):
        await bench.put(f"note late {number}", lane=NARROW, priority=9)
    for number in (1, 2):
        await bench.put(f"note soon {number}", lane=NARROW, priority=3)

    await start()

    await bench.diary.until("end", 4)
    expected = ["note soon 1", "note soon 2", "note late 1", "note late 2"]
    assert bench.diary.arguments("begin") == expected


async def test_what_has_ended_is_forgotten_and_the_rest_is_not(bench: Bench, start: Start) -> None:
    await start()
    await bench.put("note old", "fail old", "wait young")
    await until(lambda: bench.diary.arguments("begin").count("fail old") == 3)
    await bench.until_claimed("wait young")
    moment = datetime.now(UTC) + timedelta(milliseconds=2)
    # On SQLite, DBOS knows only whole seconds.
    await until(lambda: datetime.now(UTC) > moment + timedelta(seconds=1))
    await bench.put("note young")
    await until(lambda: "note young" in bench.diary.arguments("end"))
    await bench.until_claimed("wait young")

    assert await bench.queue.forget(before=moment) == 2

    assert await kept(bench) == ["note young", "wait young"]
    assert await bench.queue.forget(before=moment) == 0


async def kept(bench: Bench) -> list[str]:
    statement = f"SELECT workflow_uuid FROM {bench.status_table} ORDER BY 1"
    async with bench.database.reading() as connection:
        return list((await connection.execute(sa.text(statement))).scalars())


async def test_any_number_may_make_its_tables_at_once(blank_database_url: str) -> None:
    schema.migrate(blank_database_url)
    queues = [Queue(database_url=blank_database_url) for _ in range(3)]

    await asyncio.gather(*(queue.start() for queue in queues))

    for queue in queues:
        assert await queue.claims() == []
        await queue.close()


async def test_dbos_tables_are_no_difference(bench: Bench) -> None:
    await bench.queue.start()

    assert schema.differences(bench.url) == []


async def test_the_list_of_foreign_tables_is_that_of_dbos(sqlite_path: Path) -> None:
    queue = Queue(database_url=f"sqlite:///{sqlite_path}")
    before = tables(sqlite_path)

    await queue.start()

    assert tables(sqlite_path) - before == schema.FOREIGN_TABLES
    await queue.close()


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {name for (name,) in rows}


async def test_dbos_says_nothing_of_its_own(
    bench: Bench,
    start: Start,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    executor = await start()
    await bench.put("note 1", "leave 2")
    await bench.diary.until("begin", 2)
    await executor.stop()

    assert [record for record in caplog.records if record.name.startswith("dbos")] == []
    assert capfd.readouterr() == ("", "")


async def test_a_database_that_is_away_is_not_waited_for() -> None:
    url = "postgresql://u:hunter2@127.0.0.1:1/name"
    queue = Queue(database_url=url)

    with pytest.raises(errors.Unavailable) as caught:
        await queue.forget(before=datetime.now(UTC))

    assert "hunter2" not in str(caught.value) + caught.value.detail
    await queue.close()
