"""Processes that are killed, frozen and restarted in the middle of work, which goes on."""

import asyncio

import pytest
import sqlalchemy as sa

from pixmill import errors
from services.queue.bench import WIDE, Bench, postgresql, sqlite
from services.queue.conftest import NODE_LEASE, Start, StartNode
from services.queue.waiting import until

pytestmark = pytest.mark.anyio


async def test_the_next_start_goes_on_after_a_kill(bench: Bench, start_node: StartNode) -> None:
    first = await start_node()
    await bench.put("wait 1", "wait 2")
    await bench.diary.until("begin", 2)
    first.kill()
    bench.diary.open_gate()

    await start_node()

    await bench.diary.until("end", 2)
    await bench.until_claimed()
    assert sorted(bench.diary.arguments("end")) == ["wait 1", "wait 2"]
    assert sorted(bench.diary.arguments("begin")) == ["wait 1", "wait 1", "wait 2", "wait 2"]


@postgresql
async def test_one_of_two_survivors_takes_over_each_piece(
    bench: Bench, start_node: StartNode
) -> None:
    first = await start_node()
    pieces = [f"wait {number}" for number in range(4)]
    await bench.put(*pieces)
    await bench.diary.until("begin", 4)
    await start_node()
    await start_node()

    first.kill()
    await bench.diary.until("begin", 8)
    bench.diary.open_gate()
    await bench.diary.until("end", 4)
    await bench.until_claimed()

    assert sorted(bench.diary.arguments("begin")) == sorted(2 * pieces)
    assert sorted(bench.diary.arguments("end")) == pieces
    assert len(await bench.node_ids()) == 2


@postgresql
async def test_a_frozen_node_stops_its_work_when_it_wakes_and_begins_anew(
    bench: Bench, start_node: StartNode
) -> None:
    first = await start_node()
    await bench.put("wait 1")
    await bench.diary.until("begin", 1)
    known = await bench.node_ids()
    second = await start_node()

    first.freeze()
    await bench.diary.until("begin", 2)
    first.thaw()
    await bench.diary.until("canceled", 1)
    bench.diary.open_gate()
    await bench.diary.until("end", 1)
    await bench.until_claimed()

    assert [entry.pid for entry in bench.diary.entries("begin")] == [first.pid, second.pid]
    assert [entry.pid for entry in bench.diary.entries("canceled")] == [first.pid]
    assert [entry.pid for entry in bench.diary.entries("end")] == [second.pid]
    assert "this node was taken for dead" in first.log()
    # It lives on, under another name.
    second.kill()
    await bench.put("note 2")
    await until(lambda: "note 2" in bench.diary.arguments("end"))
    assert bench.diary.entries("end")[-1].pid == first.pid
    assert not set(known) & set(await bench.node_ids())


@postgresql
async def test_nodes_that_were_all_frozen_do_not_judge_each_other(
    bench: Bench, start_node: StartNode
) -> None:
    both = [await start_node(), await start_node()]
    pieces = [f"wait {number}" for number in range(6)]
    await bench.put(*pieces)
    await bench.diary.until("begin", 6)
    known = await bench.nodes()
    for node in both:
        node.freeze()
    frozen = await bench.nodes()
    await asyncio.sleep(1.2 * NODE_LEASE)

    # Whoever is first finds the other as it was left, and goes on to look at it.
    both[0].thaw()
    for _ in range(2):
        await until_different(bench)
    both[1].thaw()
    while any(node in frozen for node in await bench.nodes()):
        await until_different(bench)
    bench.diary.open_gate()
    await bench.diary.until("end", 6)

    assert [node.id for node in await bench.nodes()] == [node.id for node in known]
    assert sorted(bench.diary.arguments("begin")) == pieces


@sqlite
async def test_a_second_process_on_one_sqlite_file_is_refused(
    bench: Bench, start: Start, start_node: StartNode
) -> None:
    first = await start_node()

    with pytest.raises(errors.Internal, match="use PostgreSQL"):
        await start()

    await bench.put("note 1")
    await bench.diary.until("end", 1)
    assert [entry.pid for entry in bench.diary.entries("end")] == [first.pid]
    first.kill()
    await start()


async def test_a_process_that_is_told_to_stop_leaves_nothing_behind(
    bench: Bench, start_node: StartNode
) -> None:
    node = await start_node()
    await bench.put("leave 1", "note 2")
    await bench.diary.until("begin", 2)

    assert node.stop() == 0

    assert await bench.queue.claims() == []
    assert await bench.node_ids() == []
    await start_node()
    await bench.diary.until("end", 3)
    assert sorted(bench.diary.arguments("end")) == ["leave 1", "note 2", "note rest"]


async def test_work_of_a_node_that_nobody_knows_is_run(bench: Bench, start: Start) -> None:
    await start()

    await put_claimed(bench, "note 1", node="nobody")

    await bench.diary.until("end", 1)
    await bench.until_claimed()


async def test_work_that_was_lost_on_the_way_is_run(bench: Bench, start: Start) -> None:
    await start()
    await bench.put("wait 1")
    await bench.diary.until("begin", 1)
    (me,) = await bench.node_ids()

    await put_claimed(bench, "note 2", node=me)

    await bench.diary.until("end", 1)
    assert bench.diary.arguments("begin") == ["wait 1", "note 2"]


async def put_claimed(bench: Bench, argument: str, *, node: str) -> None:
    """Put work in as if *node* had taken it and never begun."""
    claim = (
        f"UPDATE {bench.status_table} SET status = 'PENDING', executor_id = :node"
        " WHERE workflow_uuid = :id"
    )
    async with bench.database.transaction() as connection:
        await bench.queue.put(connection, lane=WIDE, id_=argument, argument=argument)
        await connection.execute(sa.text(claim), {"node": node, "id": argument})


async def until_different(bench: Bench) -> None:
    """Wait for the next beat of any node."""
    before = await bench.nodes()

    async def different() -> bool:
        return await bench.nodes() != before

    await until(different)
