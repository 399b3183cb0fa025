"""What one process does with work: how much at once, what fails, and how it stops."""

import asyncio
import logging

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services.queue.types import Lane
from services.queue.bench import NARROW, WIDE, Bench, sqlite
from services.queue.conftest import Start
from services.queue.hands import Hands
from services.queue.waiting import until

pytestmark = pytest.mark.anyio


async def test_a_lane_takes_no_more_than_it_has_places_for(bench: Bench, start: Start) -> None:
    await start()
    await bench.put(*(f"wait {number}" for number in range(WIDE.places + 2)))
    await bench.diary.until("begin", WIDE.places)

    # What comes later in another lane is not held up, and shows that the first one was looked at.
    await bench.put("note 1", lane=NARROW)
    await bench.diary.until("end", 1)

    assert len(bench.diary.entries("begin")) == WIDE.places + 1
    bench.diary.open_gate()
    await bench.diary.until("end", WIDE.places + 3)


@sqlite
async def test_one_place_is_one_at_a_time(bench: Bench, start: Start) -> None:
    await start()

    await bench.put(*(f"note {number}" for number in range(5)), lane=NARROW)
    await bench.diary.until("end", 5)

    assert [entry.what for entry in bench.diary.entries()] == ["begin", "end"] * 5


async def test_work_runs_on_the_loop_that_started_it(bench: Bench, start: Start) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def work(_argument: str) -> None:
        loops.append(asyncio.get_running_loop())

    await start(work)
    await bench.put("1")
    await until(lambda: bool(loops))

    assert loops == [asyncio.get_running_loop()]


@sqlite
async def test_lanes_of_another_version_are_left_to_it(bench: Bench, start: Start) -> None:
    done: list[str] = []

    async def work(argument: str) -> None:
        done.append(argument)

    newer = Lane(name="newer", workflow="newer-work", places=1)
    await bench.queue.open_lanes([newer])
    await start(work)
    await bench.put("1", lane=newer)
    for number in ("2", "3"):  # after two of DBOS's looks for lanes that are new
        await asyncio.sleep(1.1)
        await bench.put(number)
    await until(lambda: done == ["2", "3"])

    await bench.until_claimed()


@sqlite
async def test_work_that_fails_is_tried_three_times_and_then_over(
    bench: Bench, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    await start()

    await bench.put("fail 1")
    await bench.diary.until("begin", 3)
    await bench.until_claimed()

    assert bench.diary.arguments("begin") == ["fail 1"] * 3
    assert [(record.levelno, record.message) for record in caplog.records] == [
        (logging.WARNING, "work failed and is tried again"),
        (logging.WARNING, "work failed and is tried again"),
        (logging.ERROR, "work failed for good"),
    ]
    assert "it is wrong" in caplog.text


@sqlite
async def test_work_that_meets_an_outage_goes_on_when_it_is_over(
    bench: Bench, start: Start
) -> None:
    await start()

    await bench.put("busy 1")
    await bench.diary.until("begin", 2)
    bench.diary.open_gate()

    await bench.diary.until("end", 1)


async def test_a_stop_lets_work_put_back_the_rest_and_the_next_start_does_it(
    bench: Bench, start: Start
) -> None:
    executor = await start()
    await bench.put("leave 1")
    await bench.diary.until("begin", 1)

    await executor.stop()

    assert bench.diary.arguments("end") == ["leave 1"]
    assert await bench.queue.claims() == []
    assert await bench.node_ids() == []
    await start()
    await bench.diary.until("end", 2)
    assert bench.diary.arguments("begin") == ["leave 1", "note rest"]


async def test_what_is_put_while_it_stops_is_for_the_next_start(bench: Bench, start: Start) -> None:
    executor = await start()
    await bench.put("wait 1")
    await bench.diary.until("begin", 1)
    stop = asyncio.create_task(executor.stop())
    await executor.stopping.wait()

    await bench.put("note 2")
    bench.diary.open_gate()
    await stop

    assert bench.diary.arguments("end") == ["wait 1"]
    assert not executor.alive()
    await start()
    await bench.diary.until("end", 2)
    assert bench.diary.arguments("begin") == ["wait 1", "note 2"]


async def test_a_stop_that_is_cut_short_cancels_work_and_the_next_start_does_it_again(
    bench: Bench, start: Start
) -> None:
    executor = await start()
    await bench.put("wait 1", "busy 2")
    await bench.diary.until("begin", 2)
    stop = asyncio.create_task(executor.stop())
    await executor.stopping.wait()

    stop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stop

    assert bench.diary.arguments("canceled") == ["wait 1"]
    assert bench.diary.arguments("end") == []
    assert await bench.queue.claims() == []
    bench.diary.open_gate()
    await start()
    await bench.diary.until("end", 2)
    assert sorted(bench.diary.arguments("end")) == ["busy 2", "wait 1"]


@sqlite
async def test_a_stop_can_be_cut_short_at_any_moment(bench: Bench, start: Start) -> None:
    for number in range(6):
        executor = await start()
        stop = asyncio.create_task(executor.stop())
        await asyncio.sleep(number * 0.01)
        stop.cancel()
        await asyncio.gather(stop, return_exceptions=True)
        await executor.stop()

    await start()
    await bench.put("note 1")
    await bench.diary.until("end", 1)


@sqlite
async def test_it_can_be_stopped_twice(start: Start) -> None:
    executor = await start()
    assert executor.alive()

    await asyncio.gather(executor.stop(), executor.stop())
    await executor.stop()

    assert not executor.alive()


async def test_a_process_has_one_executor(bench: Bench, start: Start) -> None:
    first = await start()
    second = Hands(bench, lease=1.0).executor

    with pytest.raises(errors.Internal):
        await second.start()

    await second.stop()
    assert len(await bench.node_ids()) == 1
    await bench.put("note 1")
    await bench.diary.until("end", 1)
    assert first.alive()


async def test_a_start_without_a_database_fails_and_can_be_tried_again(
    bench: Bench, start: Start, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("away")
    away = Bench.at("postgresql://u@127.0.0.1:1/name", folder / "diary")

    with pytest.raises(errors.Unavailable):
        await Hands(away, lease=1.0).executor.start()

    await away.close()
    await start()
    await bench.put("note 1")
    await bench.diary.until("end", 1)


async def test_lanes_in_which_there_is_nothing_are_not_polled(start: Start) -> None:
    executor = await start()
    assert executor._life
    statements: list[str] = []

    @sa.event.listens_for(executor._life[1]._engine, "before_cursor_execute")
    def count(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        statements.append(statement)

    def how_many(part: str) -> int:
        return sum(part in statement for statement in statements)

    await until(lambda: how_many("EXISTS") >= 20)

    # One poll of each of two lanes may have begun already. Left to itself, DBOS polls each of them
    # as often as we look.
    assert how_many("priority ASC") <= 4
