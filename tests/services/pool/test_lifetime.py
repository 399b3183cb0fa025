"""How a pool begins and ends, and that nothing of it stays behind."""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from pixmill import errors
from services.pool.bench import Bench, OpenPool, StartServer, left_of, until

USERS = [None, 65_534] if os.geteuid() == 0 else [None]


@pytest.mark.parametrize("user", USERS)
def test_a_server_that_is_killed_leaves_no_process(
    start_server: StartServer, user: int | None
) -> None:
    server = start_server(
        user,
        config={"workers": 3},
        stay=[["hang", "asleep"], ["hang", "in a C loop"]],
    )
    family = family_of(server["server"])
    os.kill(server["server"], signal.SIGKILL)

    assert len(family) == 5  # the server, the fork server, two that are busy and an idle one
    assert left_of(family) == set()


@pytest.mark.parametrize("user", USERS)
def test_a_fork_server_that_is_killed_leaves_no_process(
    start_server: StartServer, user: int | None
) -> None:
    server = start_server(user, config={"workers": 2}, stay=[["hang", "in a C loop"]])
    family = family_of(server["server"]) - {server["server"]}
    os.kill(server["fork server"], signal.SIGKILL)

    assert len(family) == 3
    assert left_of(family) == set()


def test_what_a_terminal_or_systemd_sends_to_all_does_not_end_a_running_job(
    open_pool: OpenPool,
) -> None:
    bench = open_pool()
    before = bench.ask("process")

    async def interrupt() -> object:
        job = asyncio.create_task(bench.answer("process", 0.3))
        await until(lambda: bench.pool.status().busy == 1)
        for pid in (before["parent"], before["pid"]):
            os.kill(pid, signal.SIGTERM)
            os.kill(pid, signal.SIGINT)
        return await job

    assert bench.run(interrupt()) == before
    assert bench.ask("process") == before


def test_stopping_lets_running_jobs_finish_and_sends_the_waiting_away(open_pool: OpenPool) -> None:
    bench = open_pool()

    async def stop() -> Any:
        running = asyncio.create_task(bench.answer("process", 0.3))
        waiting = asyncio.create_task(bench.answer("echo", "waiting"))
        await until(lambda: bench.pool.status().waiting == 1)
        stopping = asyncio.create_task(bench.pool.stop(grace=30))
        late = asyncio.create_task(bench.answer("echo", "late"))
        jobs = await asyncio.gather(running, waiting, late, return_exceptions=True)
        await stopping
        return jobs

    running, waiting, late = bench.run(stop())
    assert isinstance(running, dict)
    assert isinstance(waiting, errors.Busy)
    assert isinstance(late, errors.Busy)
    assert left_of({running["pid"], running["parent"]}) == set()


def test_a_job_that_does_not_finish_in_time_can_be_tried_again_elsewhere(
    open_pool: OpenPool,
) -> None:
    bench = open_pool()

    async def stop() -> object:
        stuck = asyncio.create_task(bench.answer("hang", "in a C loop"))
        await until(lambda: bench.pool.status().busy == 1)
        await bench.pool.stop(grace=0.05)
        return (await asyncio.gather(stuck, return_exceptions=True))[0]

    assert isinstance(bench.run(stop()), errors.Busy)


def test_a_pool_that_cannot_start_leaves_nothing() -> None:
    before = descriptors(), children()
    unstartable = Bench(workers=2, disable=frozenset({"landlock"}), require=("landlock",))
    with pytest.raises(errors.Internal, match="landlock"), unstartable:
        pass

    assert (descriptors(), children()) == before


def test_a_preload_that_leaves_a_thread_is_refused(
    open_pool: OpenPool, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.Internal):
        open_pool(preload="services.pool.probes:leave_a_thread")

    assert "left 1 threads" in capfd.readouterr().err


def test_a_pool_without_room_for_processes_does_not_start(open_pool: OpenPool) -> None:
    with pytest.raises(errors.Internal, match="no codec process can be forked"):
        open_pool(preload="services.pool.probes:forbid_forks")


@pytest.mark.parametrize("target", ["os.system", "services.pool.probes:do()", "no.such.module:do"])
def test_a_target_that_is_no_function_of_a_module_is_refused(
    open_pool: OpenPool, target: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(errors.Internal):
        open_pool(target=target)

    assert capfd.readouterr().err


@pytest.mark.parametrize("disable", [frozenset[str](), frozenset({"seqpacket", "pidfd"})])
def test_nothing_leaks_over_many_jobs_of_all_kinds(disable: frozenset[str]) -> None:
    before = descriptors(), children()
    with Bench(workers=2, worker_jobs=4, job_timeout=0.05, disable=disable) as bench:
        bench.run(work_through_all_kinds(bench))
        warm = descriptors()
        bench.run(work_through_all_kinds(bench))
        bench.run(work_through_all_kinds(bench))

        assert descriptors() == warm
        status = bench.pool.status()
        counted = status.counters
        assert counted.jobs >= 300
        assert min(counted.killed, counted.crashed, counted.recycled, counted.cancelled) > 0
        assert (status.busy, status.waiting, status.memory_in_use) == (0, 0, 0)

    assert (descriptors(), children()) == before


async def work_through_all_kinds(bench: Bench) -> None:
    """Have about 100 jobs done, half of which go wrong, each in its way."""
    fine: list[object] = ["echo", "fine"]
    kinds: list[list[object]] = [
        *([fine] * 6),
        ["fail", "otherwise"],
        ["crash", "abort"],
        ["hang", "asleep"],
        ["say", ["a lie"]],
    ]
    await asyncio.gather(*(bench.answer(*kind) for kind in kinds * 10), return_exceptions=True)
    for _ in range(5):
        job = asyncio.create_task(bench.answer("hang", "asleep"))
        await until(lambda: bench.pool.status().busy == 1)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    await until(lambda: bench.pool.status().alive == 2)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def family_of(pid: int) -> set[int]:
    return {pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))}
