"""Work on chunks: what is done once, what is tried again, and what is given up."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.jobs.types import Accepted, InBatch, Job, Report
from pixmill.services.jobs.work import MOST_TURNS, Work
from pixmill.services.keys import Caller
from pixmill.stores import chunks, jobs
from services.desk import Desk
from services.jobs.audit import Audit
from services.jobs.mill import AVIF, WEBP, Mill, nothing, picture, press

pytestmark = pytest.mark.anyio


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await desk.caller("self-hosted")


async def states(mill: Mill, accepted: Accepted) -> list[str]:
    assert accepted.chunk_id
    async with mill.database.reading() as connection:
        return [job.state for job in await jobs.of_chunk(connection, chunk_id=accepted.chunk_id)]


async def report(mill: Mill, job: Job) -> Report:
    return await mill.jobs.find(id_=job.id, account_id=job.account_id)


async def die(mill: Mill, work: Work, chunk_id: str) -> None:
    """Begin with a chunk, and be gone in the middle of the first image, if there is one."""
    reached = asyncio.Event()

    async def hang(*_: object) -> bytes:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    mill.press.mood = hang
    running = asyncio.create_task(work.run(chunk_id))
    waiting = asyncio.create_task(reached.wait())
    await asyncio.wait([running, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    mill.press.mood = press


def unless(number: int, error: Exception) -> Callable[[bytes, Options], Awaitable[bytes]]:
    """Return what fails for one picture."""

    async def mood(data: bytes, options: Options) -> bytes:
        if data == picture(number):
            raise error
        return await press(data, options)

    return mood


async def test_each_job_gets_its_results(mill: Mill, audit: Audit, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1, 2, item={"wanted": (WEBP, AVIF)})

    await mill.work_off()

    for number, job in zip((1, 2), accepted.jobs, strict=True):
        told = await report(mill, job)
        assert told.job.state == "completed"
        for options, each in zip((WEBP, AVIF), told.results, strict=True):
            assert each.stored
            outcome = await mill.results.recall(each.stored)
            assert outcome.data == await press(picture(number), options)
            assert each.stored.filename == "photo.png"
    assert await mill.waiting() == []
    await audit.check()


async def test_a_chunk_that_is_over_is_not_begun_again(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1)
    await mill.work_off()
    mill.press.seen.clear()

    await mill.work().run(accepted.chunk_id or "")

    assert mill.press.seen == []
    await audit.check()


async def test_two_at_once_end_each_job_once(mill: Mill, audit: Audit, caller: Caller) -> None:
    accepted = await mill.submit(caller, *range(6), batch=InBatch(close=True))
    assert accepted.chunk_id

    await asyncio.gather(*(mill.work(places=3).run(accepted.chunk_id) for _ in range(2)))

    assert set(await states(mill, accepted)) == {"completed"}
    await audit.check()


async def test_what_is_busy_is_put_back_and_counts_no_turn(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1, 2)
    assert accepted.chunk_id
    mill.press.mood = unless(2, errors.StorageFull())
    for _ in range(2 * MOST_TURNS):
        with pytest.raises(errors.StorageFull):
            await mill.work().run(accepted.chunk_id)

        assert await states(mill, accepted) == ["completed", "queued"]
    mill.press.mood = press
    await mill.work().run(accepted.chunk_id)

    assert await states(mill, accepted) == ["completed", "completed"]
    await audit.check()


async def test_a_bug_is_tried_three_times_and_fails_only_its_own_job(
    mill: Mill, audit: Audit, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    accepted = await mill.submit(caller, 1, 2, 3)
    assert accepted.chunk_id
    mill.press.mood = unless(2, ZeroDivisionError("a secret"))
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await mill.work().run(accepted.chunk_id)
        assert await states(mill, accepted) == ["completed", "queued", "completed"]

    await mill.work().run(accepted.chunk_id)

    assert await states(mill, accepted) == ["completed", "failed", "completed"]
    told = await report(mill, accepted.jobs[1])
    assert told.failure
    assert told.failure.kind is errors.Internal
    assert "secret" not in told.failure.message
    await audit.check()


async def test_a_bug_beside_something_that_passes_is_still_only_tried_three_times(
    mill: Mill, audit: Audit, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    accepted = await mill.submit(caller, 1, 2)
    assert accepted.chunk_id

    async def mood(data: bytes, _options: Options) -> bytes:
        raise errors.Unavailable if data == picture(1) else ZeroDivisionError

    mill.press.mood = mood
    for _ in range(2):
        with pytest.raises((errors.Unavailable, ZeroDivisionError)):
            await mill.work().run(accepted.chunk_id)
    with pytest.raises(errors.Unavailable):
        await mill.work().run(accepted.chunk_id)

    assert await states(mill, accepted) == ["queued", "failed"]
    await audit.check()


async def test_a_job_that_five_processes_did_not_survive_is_given_up(
    mill: Mill, audit: Audit, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    accepted = await mill.submit(caller, 1)
    assert accepted.chunk_id
    for _ in range(5):
        await die(mill, mill.work(), accepted.chunk_id)
        assert await states(mill, accepted) == ["processing"]

    await mill.work().run(accepted.chunk_id)

    assert await states(mill, accepted) == ["failed"]
    await audit.check()


async def test_deaths_are_not_counted_against_jobs_whose_turn_never_came(
    mill: Mill, audit: Audit, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)
    accepted = await mill.submit(caller, 1, 2, 3)
    assert accepted.chunk_id
    for _ in range(10):
        await die(mill, mill.work(places=1), accepted.chunk_id)
        if "failed" in await states(mill, accepted):
            break

    await mill.work().run(accepted.chunk_id)

    assert await states(mill, accepted) == ["failed", "completed", "completed"]
    await audit.check()


async def test_who_is_told_to_stop_finishes_what_he_has_begun_and_puts_the_rest_back(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, *range(5), batch=InBatch(close=True))
    for rest in (4, 3, 2):
        [(id_, chunk_id)] = await mill.waiting()
        await mill.take(id_)
        seen = len(mill.press.seen)
        stopping = lambda seen=seen: len(mill.press.seen) > seen  # noqa: E731 - short

        await mill.work(places=1, stopping=stopping).run(chunk_id)

        assert (await states(mill, accepted)).count("queued") == rest
    assert len(await mill.waiting("chunks")) == 1
    await mill.work_off()

    assert set(await states(mill, accepted)) == {"completed"}
    assert len(mill.press.seen) == 5
    await audit.check()


async def test_a_single_job_does_not_wait_for_the_end_of_a_long_chunk(
    mill: Mill, caller: Caller
) -> None:
    long = await mill.submit(caller, *range(30), batch=InBatch(close=True))
    short = await mill.submit(caller, 99)
    work = mill.work(places=2)

    await asyncio.gather(work.run(long.chunk_id or ""), work.run(short.chunk_id or ""))

    assert picture(99) in mill.press.seen[:10]


async def test_the_image_s_own_fault_is_told_and_costs_nothing(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1, 2)
    mill.press.mood = unless(1, errors.TooManyPixels(detail="not for anybody"))
    await mill.work_off()

    told = await report(mill, accepted.jobs[0])
    assert await states(mill, accepted) == ["failed", "completed"]
    assert told.failure
    assert told.failure.kind is errors.TooManyPixels
    assert told.failure.message == str(errors.TooManyPixels())
    await audit.check()


async def test_what_is_no_image_fails(mill: Mill, audit: Audit, caller: Caller) -> None:
    order = await mill.order()
    item = await mill.item(b"<html>")
    accepted = await mill.jobs.submit(
        caller=caller, order=type(order)(dialect="x", base_url="", items=[item])
    )
    await mill.work_off()

    assert await states(mill, accepted) == ["failed"]
    await audit.check()


async def test_a_second_result_that_cannot_be_made_is_told_beside_the_first(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    async def mood(data: bytes, options: Options) -> bytes:
        if options == AVIF:
            raise errors.UnreadableImage
        return await press(data, options)

    mill.press.mood = mood
    accepted = await mill.submit(caller, 1, item={"wanted": (WEBP, AVIF)})
    await mill.work_off()

    told = await report(mill, accepted.jobs[0])
    assert told.job.state == "completed"
    assert [bool(each.stored) for each in told.results] == [True, False]
    assert told.results[1].failure
    assert told.results[1].failure.kind is errors.UnreadableImage
    await audit.check()


async def test_without_the_first_result_nothing_else_is_tried(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    mill.press.mood = unless(1, errors.UnreadableImage())
    accepted = await mill.submit(caller, 1, item={"wanted": (WEBP, AVIF)})
    await mill.work_off()

    assert await states(mill, accepted) == ["failed"]
    assert len(mill.press.seen) == 1
    await audit.check()


async def test_a_result_that_a_sweep_gave_up_meanwhile_is_made_anew(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    async def mood(data: bytes, options: Options) -> bytes:
        if options == AVIF and len(mill.press.seen) == 2:  # so long after the first
            mill.clock.advance(minutes=16)
            await mill.results.sweep()
        return await press(data, options)

    mill.press.mood = mood
    accepted = await mill.submit(caller, 1, item={"wanted": (WEBP, AVIF)})
    await mill.work_off()

    told = await report(mill, accepted.jobs[0])
    assert len(mill.press.seen) == 4
    for each in told.results:
        assert each.stored
        await mill.results.check(each.stored)
    await audit.check()


async def test_bytes_that_arrive_after_they_were_given_up_do_not_stay_for_ever(
    mill: Mill, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1)

    async def take_long() -> None:
        mill.objects.before_put = nothing
        mill.clock.advance(minutes=16)
        await mill.results.sweep()

    mill.objects.before_put = take_long
    await mill.work_off()
    mill.clock.advance(days=2)
    await mill.results.sweep()

    assert await states(mill, accepted) == ["completed"]
    assert mill.files() == []


async def test_an_upload_that_is_gone_fails_its_job(mill: Mill, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1, 2)
    await mill.objects.delete([accepted.jobs[0].source_key or ""])

    await mill.work_off()

    assert await states(mill, accepted) == ["failed", "completed"]
    told = await report(mill, accepted.jobs[0])
    assert told.failure
    assert told.failure.kind is errors.UploadIncomplete


async def test_all_jobs_canceled_leave_a_chunk_that_ends(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1, 2)
    for job in accepted.jobs:
        await mill.jobs.cancel(id_=job.id, account_id=job.account_id)

    await mill.work_off()

    async with mill.database.reading() as connection:
        chunk = await chunks.find(connection, id_=accepted.chunk_id or "")
    assert chunk.finished_at
    assert mill.press.seen == []
    await audit.check()
