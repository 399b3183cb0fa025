"""What becomes of a job that goes wrong, of its neighbors and of the job after it."""

import asyncio
import json
import os
import signal
import subprocess
from typing import Any

import psutil
import pytest
import uvloop

from pixmill import errors
from pixmill.engine.types import Limits, Options
from pixmill.services.pool.channel import Channel
from pixmill.services.pool.crew import tell_why_it_ended
from pixmill.services.pool.launcher import Launcher, LaunchFailed
from pixmill.services.pool.messages import Orders
from pixmill.services.pool.sandbox import Conditions
from services.pool.bench import Bench, OpenPool, left_of, until

#: With all that Linux has, and as on a system without handles of processes and framed sockets.
KINDS = [frozenset[str](), frozenset({"seqpacket", "pidfd"})]


@pytest.fixture(scope="module", params=KINDS, ids=["linux", "other"])
def bench(open_shared_pool: OpenPool, request: pytest.FixtureRequest) -> Bench:
    return open_shared_pool(disable=request.param)


@pytest.fixture(scope="module", params=KINDS, ids=["linux", "other"])
def hasty(open_shared_pool: OpenPool, request: pytest.FixtureRequest) -> Bench:
    """Kill a job after a short while."""
    return open_shared_pool(disable=request.param, job_timeout=0.6)


@pytest.mark.parametrize("how", ["asleep", "in a C loop", "stopped"])
def test_a_job_that_does_not_end_is_killed(hasty: Bench, how: str) -> None:
    killed_before = hasty.pool.status().counters.killed
    stuck = hasty.ask("process")["pid"]

    with pytest.raises(errors.TooCostly):
        hasty.ask("hang", how)

    assert hasty.ask("process")["pid"] != stuck
    assert hasty.pool.status().counters.killed == killed_before + 1
    assert left_of({stuck}) == set()


@pytest.mark.parametrize(
    "how", ["segmentation fault", "abort", "SIGKILL", "a nameless signal", "exit", "SystemExit"]
)
def test_a_crash_fails_one_job_only(bench: Bench, how: str) -> None:
    crashed_before = bench.pool.status().counters.crashed

    with pytest.raises(errors.UnreadableImage) as caught:
        bench.ask("crash", how)

    assert type(caught.value) is errors.UnreadableImage
    assert bench.ask("echo", "next") == "next"
    assert bench.pool.status().counters.crashed == crashed_before + 1


def test_a_patient_job_survives_the_death_of_a_codec_at_the_hands_of_others(
    open_pool: OpenPool,
) -> None:
    bench = open_pool()
    first = bench.ask("process")["pid"]

    async def killed_meanwhile() -> Any:
        job = asyncio.create_task(bench.optimize("process", 0.5, patient=True))
        await until(lambda: bench.pool.status().busy == 1)
        os.kill(first, signal.SIGKILL)
        return json.loads((await job).data)

    assert bench.run(killed_meanwhile())["pid"] != first


def test_a_patient_job_that_kills_its_codec_does_so_twice_at_most(bench: Bench) -> None:
    crashed_before = bench.pool.status().counters.crashed

    with pytest.raises(errors.UnreadableImage):
        bench.run(bench.optimize("crash", "segmentation fault", patient=True))

    assert bench.ask("echo", "next") == "next"
    assert bench.pool.status().counters.crashed == crashed_before + 2


def test_a_crash_does_not_disturb_the_neighbor(open_pool: OpenPool) -> None:
    bench = open_pool(workers=2)

    async def both() -> Any:
        return await asyncio.gather(
            bench.answer("process", 0.3),
            bench.answer("crash", "segmentation fault"),
            return_exceptions=True,
        )

    neighbor, crashed = bench.run(both())
    assert isinstance(neighbor, dict)
    assert isinstance(crashed, errors.UnreadableImage)


def test_the_cause_of_a_crash_is_logged(
    open_pool: OpenPool, caplog: pytest.LogCaptureFixture
) -> None:
    bench = open_pool()

    with pytest.raises(errors.UnreadableImage):
        bench.ask("crash", "segmentation fault")
    bench.ask("echo", "next")

    assert any("Segmentation fault" in record.getMessage() for record in caplog.records)


def test_an_error_of_the_engine_arrives_as_it_is(bench: Bench) -> None:
    process = bench.ask("process")

    with pytest.raises(errors.TooManyPixels) as caught:
        bench.ask("fail", "as designed")

    assert caught.value.detail == "50 megapixels"
    assert bench.ask("process") == process


def test_any_other_exception_means_that_the_image_is_bad(bench: Bench) -> None:
    process = bench.ask("process")

    with pytest.raises(errors.UnreadableImage) as caught:
        bench.ask("fail", "otherwise")

    assert type(caught.value) is errors.UnreadableImage
    assert caught.value.detail == "LookupError"
    assert bench.ask("process") == process


def test_an_image_that_needs_too_much_memory_is_too_costly(bench: Bench) -> None:
    process = bench.ask("process")

    with pytest.raises(errors.TooCostly):
        bench.ask("fail", "for lack of memory")

    assert bench.ask("process") == process


def test_options_and_limits_arrive_as_they_were_given(bench: Bench) -> None:
    options = Options(format="webp", quality=33, width=7, fit="exact", background=(1, 2, 3))
    done = bench.run(bench.optimize("options", options=options))

    assert json.loads(done.data) == repr((options, Limits()))


@pytest.mark.parametrize("how", ["asleep", "in a C loop"])
def test_a_caller_who_goes_away_takes_the_job_along(bench: Bench, how: str) -> None:
    cancelled_before = bench.pool.status().counters.cancelled
    stuck = bench.ask("process")["pid"]

    async def go_away() -> None:
        job = asyncio.create_task(bench.answer("hang", how))
        await until(lambda: bench.pool.status().busy == 1)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job

    bench.run(go_away())

    assert bench.ask("process")["pid"] != stuck
    status = bench.pool.status()
    assert status.counters.cancelled == cancelled_before + 1
    assert status.memory_in_use == 0
    assert left_of({stuck}) == set()


def test_a_caller_who_goes_away_from_the_line_kills_nothing(bench: Bench) -> None:
    async def go_away() -> Any:
        running = asyncio.create_task(bench.answer("process", 0.2))
        waiting = asyncio.create_task(bench.answer("echo", "never"))
        await until(lambda: bench.pool.status().waiting == 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return await running

    process = bench.run(go_away())

    assert bench.ask("process") == process
    assert bench.pool.status().waiting == 0


def test_a_process_that_dies_between_jobs_is_replaced(bench: Bench) -> None:
    dead = bench.ask("process")["pid"]
    os.kill(dead, signal.SIGKILL)

    assert left_of({dead}) == set()
    assert bench.ask("process")["pid"] != dead


def test_processes_are_replaced_while_nobody_asks(open_pool: OpenPool) -> None:
    bench = open_pool(workers=2)
    fork_server = bench.ask("process")["parent"]
    before = {child.pid for child in psutil.Process(fork_server).children()}
    for pid in before:
        os.kill(pid, signal.SIGKILL)

    def replaced() -> bool:
        return len({child.pid for child in psutil.Process(fork_server).children()} - before) == 2

    bench.run(until(replaced))
    bench.run(until(lambda: bench.pool.status().alive == 2))

    assert {process.pid for process in bench.pool._crew._idle}.isdisjoint(before)
    assert bench.ask("process")["pid"] not in before
    assert bench.pool.status().counters.crashed == 2


def test_a_fork_server_that_dies_is_replaced_with_all_its_processes(open_pool: OpenPool) -> None:
    bench = open_pool(workers=2)
    before = bench.ask("process")
    os.kill(before["parent"], signal.SIGKILL)

    assert left_of({before["parent"], before["pid"]}) == set()
    assert bench.ask("process")["parent"] != before["parent"]
    bench.run(until(lambda: bench.pool.status().alive == 2))


def test_an_image_is_not_blamed_for_the_end_of_the_fork_server(open_pool: OpenPool) -> None:
    bench = open_pool(workers=2)
    fork_server = bench.ask("process")["parent"]

    async def lose_it() -> Any:
        jobs = [asyncio.create_task(bench.answer("process", 0.5)) for _ in range(2)]
        await until(lambda: bench.pool.status().busy == 2)
        os.kill(fork_server, signal.SIGKILL)
        return await asyncio.gather(*jobs)

    first, second = bench.run(lose_it())
    assert fork_server not in {first["parent"], second["parent"]}


def test_an_image_whose_fork_server_ends_twice_can_be_tried_again_later(
    open_pool: OpenPool,
) -> None:
    bench = open_pool()

    async def lose_it_twice() -> object:
        job = asyncio.create_task(bench.answer("hang", "asleep"))
        for jobs in (1, 2):
            await until(lambda jobs=jobs: bench.pool.status().counters.jobs == jobs)  # type: ignore[misc] # jobs is bound
            await until(lambda: bench.pool.status().busy == 1)
            fork_server, _ = bench.pool._crew._launcher._running or (None, None)
            assert fork_server
            os.kill(fork_server.pid, signal.SIGKILL)
        return (await asyncio.gather(job, return_exceptions=True))[0]

    assert isinstance(bench.run(lose_it_twice()), errors.Busy)
    assert bench.ask("echo", "next") == "next"


def test_a_malformed_answer_of_a_fork_server_means_that_there_is_no_process() -> None:
    async def ask(answer: object, stand_in: subprocess.Popen[bytes]) -> None:
        launcher = Launcher(
            Orders(
                preload="services.pool.probes:preload",
                target="services.pool.probes:do",
                conditions=Conditions(memory_size=1 << 30, output_size=1 << 20),
            )
        )
        ours, theirs = Channel.pair()
        launcher._running = stand_in, ours
        theirs.send(answer)  # type: ignore[arg-type] # that is the point
        with pytest.raises(LaunchFailed):
            await launcher.launch(0)
        theirs.close()
        stand_in.kill()
        await launcher.close()

    for answer in ({}, {"pid": "x"}, [], 7, None):
        with subprocess.Popen(["sleep", "60"]) as stand_in:
            asyncio.run(ask(answer, stand_in))


def test_a_supervisor_that_fails_is_critical(caplog: pytest.LogCaptureFixture) -> None:
    async def supervise() -> None:
        raise LookupError

    async def fail() -> None:
        supervisor = asyncio.create_task(supervise())
        supervisor.add_done_callback(tell_why_it_ended)
        await asyncio.gather(supervisor, return_exceptions=True)

    asyncio.run(fail())

    assert [record.levelname for record in caplog.records] == ["CRITICAL"]


def test_a_process_is_replaced_after_its_share_of_jobs(open_pool: OpenPool) -> None:
    bench = open_pool(worker_jobs=3)

    pids = [bench.ask("process")["pid"] for _ in range(9)]

    assert [pids.index(pid) for pid in pids] == [0, 0, 0, 3, 3, 3, 6, 6, 6]
    assert bench.pool.status().counters.recycled == 3


def test_who_comes_to_a_full_line_is_sent_away(open_pool: OpenPool) -> None:
    bench = open_pool(queue_size=1)

    async def three() -> Any:
        jobs = [asyncio.create_task(bench.answer("process", 0.1)) for _ in range(3)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, second, third = bench.run(three())
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert isinstance(third, errors.Busy)
    assert bench.pool.status().counters.refused == 1


def test_who_waits_too_long_is_sent_away(open_pool: OpenPool) -> None:
    bench = open_pool(queue_timeout=0.05)

    async def two() -> Any:
        jobs = [asyncio.create_task(bench.answer("process", 0.3)) for _ in range(2)]
        return await asyncio.gather(*jobs, return_exceptions=True)

    first, second = bench.run(two())
    assert isinstance(first, dict)
    assert isinstance(second, errors.Busy)


def test_images_that_need_much_memory_wait_for_each_other(open_pool: OpenPool) -> None:
    bench = open_pool(workers=2, memory_size=100)

    async def two() -> tuple[int, int]:
        jobs = [
            asyncio.create_task(bench.optimize("process", 0.1, memory_size=60)) for _ in range(2)
        ]
        await until(lambda: bench.pool.status().busy == 1)
        status = bench.pool.status()
        await asyncio.gather(*jobs)
        return status.waiting, status.memory_in_use

    assert bench.run(two()) == (1, 60)


def test_it_works_on_another_event_loop(open_pool: OpenPool) -> None:
    bench = open_pool(loop_factory=uvloop.new_event_loop, job_timeout=0.6)

    assert bench.ask("echo", "first") == "first"
    with pytest.raises(errors.UnreadableImage):
        bench.ask("crash", "abort")
    with pytest.raises(errors.TooCostly):
        bench.ask("hang", "asleep")
    assert bench.ask("echo", "last") == "last"
