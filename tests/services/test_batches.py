"""Batches: how far they are, when they are complete, and when they are forgotten."""

import asyncio
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.batches import Progress
from pixmill.services.jobs.types import InBatch, Report
from pixmill.services.keys import Caller
from pixmill.stores import batches, chunks, jobs, leases, results
from pixmill.stores.deliveries import deliveries
from services.desk import Desk
from services.jobs.audit import Audit
from services.jobs.mill import HOOK, Mill, picture, press

pytestmark = pytest.mark.anyio

NAME = InBatch(name="b")
LAST = InBatch(name="b", close=True)


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await desk.caller("self-hosted")


async def progress(mill: Mill, caller: Caller, name: str = "b") -> Progress:
    return await mill.batches.find(name=name, account_id=caller.account.id)


async def status(mill: Mill, caller: Caller) -> str:
    return (await progress(mill, caller)).status


def counts(found: Progress) -> tuple[int, ...]:
    return found.total, found.queued, found.processing, found.completed, found.failed


async def announced(mill: Mill) -> int:
    """Return how often it was told that a batch is complete."""
    async with mill.database.reading() as connection:
        rows = await connection.execute(
            sa.select(deliveries).where(deliveries.c.event == "batch.completed")
        )
        return len(rows.all())


async def rows(mill: Mill, table: sa.Table) -> int:
    async with mill.database.reading() as connection:
        statement = sa.select(sa.func.count()).select_from(table)
        return int((await connection.execute(statement)).scalar_one())


async def fail(*_: object) -> bytes:
    raise errors.UnreadableImage


async def test_chunks_of_one_name_are_one_batch(mill: Mill, audit: Audit, caller: Caller) -> None:
    first = await mill.submit(caller, 1, 2, batch=NAME)
    second = await mill.submit(caller, 3, batch=InBatch(name="b", rejected=4))

    assert first.batch
    assert second.batch
    assert first.batch.id == second.batch.id
    assert [job.number for job in (*first.jobs, *second.jobs)] == [0, 1, 2]
    found = await progress(mill, caller)
    assert counts(found) == (3, 3, 0, 0, 0)
    assert (found.status, found.rejected, found.over) == ("processing", 4, False)
    assert await progress(mill, caller, found.batch.id) == found
    assert len(await mill.waiting("chunks")) == 2
    await audit.check()


async def test_names_are_each_account_s_own(mill: Mill, desk: Desk, caller: Caller) -> None:
    other = await desk.caller("self-hosted")
    first = await mill.submit(caller, 1, batch=NAME)
    second = await mill.submit(other, 1, batch=NAME)

    assert first.batch
    assert second.batch
    assert first.batch.id != second.batch.id
    for ask in (mill.batches.find, mill.batches.close):
        with pytest.raises(errors.NotFound):
            await ask(name=first.batch.id, account_id=other.account.id)


async def test_a_batch_called_like_the_id_of_another_hides_nothing(
    mill: Mill, caller: Caller
) -> None:
    first = (await mill.submit(caller, 1, batch=NAME)).batch
    assert first
    await mill.submit(caller, 1, 2, batch=InBatch(name=first.id))

    assert (await progress(mill, caller, first.id)).batch == first


async def test_it_says_what_is_done(mill: Mill, audit: Audit, caller: Caller) -> None:
    await mill.submit(caller, 1, batch=NAME)
    second = await mill.submit(caller, 2, 3, 4, batch=NAME)
    await mill.jobs.cancel(id_=second.jobs[0].id, account_id=caller.account.id)
    [(first_id, first_chunk), _] = await mill.waiting()
    await mill.take(first_id)
    await mill.work().run(first_chunk)
    assert await mill.work()._begin(second.chunk_id or "")

    assert counts(await progress(mill, caller)) == (4, 0, 2, 1, 1)
    mill.press.mood = fail
    await mill.work_off()

    assert counts(await progress(mill, caller)) == (4, 0, 0, 1, 3)
    assert await status(mill, caller) == "open"
    await audit.check()


async def test_a_batch_that_was_closed_is_complete_when_the_last_job_is_over(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1, batch=NAME, webhook_url=HOOK)
    await mill.submit(caller, 2, batch=LAST)
    assert await announced(mill) == 0
    await mill.work_off()

    assert await status(mill, caller) == "completed"
    assert await announced(mill) == 1
    await audit.check()


async def test_a_failure_shows(mill: Mill, caller: Caller) -> None:
    mill.press.mood = fail
    await mill.submit(caller, 1, batch=LAST)
    await mill.work_off()

    assert await status(mill, caller) == "completed_with_errors"


async def test_closing_can_come_last_and_again(mill: Mill, audit: Audit, caller: Caller) -> None:
    await mill.submit(caller, 1, batch=NAME, webhook_url=HOOK)
    await mill.work_off()
    assert await status(mill, caller) == "open"

    for _ in range(3):
        found = await mill.batches.close(name="b", account_id=caller.account.id)
        assert found.status == "completed"
        mill.clock.advance(minutes=1)
    await mill.submit(caller, batch=LAST)

    assert (await progress(mill, caller)).batch.closed_at == found.batch.closed_at
    assert await announced(mill) == 1
    await audit.check()


async def test_the_last_word_may_come_without_a_file(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1, batch=NAME, webhook_url=HOOK)
    await mill.work_off()
    await mill.submit(caller, batch=LAST)

    assert await status(mill, caller) == "completed"
    assert await announced(mill) == 1
    await audit.check()


async def test_a_batch_whose_jobs_are_all_canceled_is_complete(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1, 2, batch=LAST, webhook_url=HOOK)
    for job in accepted.jobs:
        await mill.jobs.cancel(id_=job.id, account_id=job.account_id)

    assert await status(mill, caller) == "completed_with_errors"
    assert await announced(mill) == 1
    await mill.work_off()
    await audit.check()


async def test_nothing_is_added_to_what_was_closed(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1, batch=LAST)

    with pytest.raises(errors.BatchClosed):
        await mill.submit(caller, 2, batch=NAME)

    await mill.results.sweep()
    assert len(mill.files()) == 1
    await audit.check()


async def test_an_idle_batch_is_complete_after_a_while(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1, batch=NAME, webhook_url=HOOK)
    await mill.work_off()
    mill.clock.advance(minutes=14)
    await mill.batches.sweep()
    assert await status(mill, caller) == "open"

    mill.clock.advance(minutes=2)
    assert await status(mill, caller) == "completed"
    for _ in range(2):
        await mill.batches.sweep()

    assert await announced(mill) == 1
    await audit.check()


async def test_a_batch_that_is_idle_but_not_done_is_not_complete(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1, batch=NAME, webhook_url=HOOK)
    mill.clock.advance(hours=1)
    await mill.batches.sweep()
    assert await status(mill, caller) == "processing"
    await mill.work_off()
    await mill.batches.sweep()

    assert await status(mill, caller) == "completed"
    assert await announced(mill) == 1
    await audit.check()


async def test_a_batch_that_was_complete_can_grow_and_is_complete_again(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1, batch=NAME, webhook_url=HOOK)
    await mill.work_off()
    mill.clock.advance(hours=1)
    await mill.batches.sweep()
    await mill.submit(caller, batch=InBatch(name="b", rejected=1))
    await mill.batches.sweep()
    assert await announced(mill) == 1
    await audit.check()

    await mill.submit(caller, 2, batch=LAST)
    await mill.work_off()

    assert await announced(mill) == 2
    await audit.check()


async def test_it_is_full_exactly_when_it_is(mill: Mill, audit: Audit, caller: Caller) -> None:
    mill.jobs = mill.accepting(most_jobs=4)
    await mill.submit(caller, 1, 2, 3, batch=NAME)
    accepted = await mill.submit(caller, 4, 5, 6, batch=NAME)

    assert len(accepted.jobs) == 1
    assert [type(item) for item in accepted.items[1:]] == [errors.BatchFull] * 2
    with pytest.raises(errors.BatchFull):
        await mill.submit(caller, 7, batch=NAME)
    assert (await mill.submit(caller, batch=LAST)).batch
    found = await progress(mill, caller)
    assert (found.total, found.rejected) == (4, 2)
    await mill.results.sweep()
    assert len(mill.files()) == 4
    await audit.check()


async def test_many_chunks_at_once_fill_it_exactly(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    mill.jobs = mill.accepting(most_jobs=17)

    async def add(number: int) -> int:
        try:
            return len((await mill.submit(caller, number, 1, 2, batch=NAME)).jobs)
        except errors.BatchFull:
            return 0

    added = await asyncio.gather(*(add(number) for number in range(8)))

    assert sum(added) == 17
    found = await progress(mill, caller)
    assert found.total == 17
    await audit.check()


async def test_jobs_that_end_at_once_are_numbered_without_a_gap(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    for start in (0, 8, 16):
        await mill.submit(caller, *range(start, start + 8), batch=LAST if start == 16 else NAME)
    batch = (await progress(mill, caller)).batch
    seen: list[int] = []

    async def watch() -> None:
        """Read as somebody who is told of each job: what comes later has a larger number."""
        while len(seen) < 24:
            for report in await mill.batches.ended(batch=batch, after=len(seen), limit=5):
                seen.append(report.job.finish or 0)  # noqa: PERF401 - one after the other
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    work = mill.work(places=8)
    await asyncio.gather(*(work.run(chunk_id) for _, chunk_id in await mill.waiting()))
    await watching

    assert seen == list(range(1, 25))
    await audit.check()


async def test_who_follows_hears_of_each_end_once_and_of_the_last(
    mill: Mill, caller: Caller
) -> None:
    await mill.submit(caller, 1, 2, 3, batch=NAME)
    await mill.work_off()
    heard = []
    following = mill.batches.follow(progress=await progress(mill, caller), after=1)

    async def follow() -> None:
        async for each in following:
            heard.append(each)  # noqa: PERF401 - as it comes

    task = asyncio.create_task(follow())
    await mill.submit(caller, 4, batch=LAST)
    await mill.work_off()
    await task

    ends = [each.job.finish for each in heard if isinstance(each, Report)]
    assert ends == [2, 3, 4]
    assert isinstance(heard[-1], Progress)
    assert [each.over for each in heard if isinstance(each, Progress)][-1:] == [True]


async def test_items_come_in_pages(mill: Mill, caller: Caller) -> None:
    await mill.submit(caller, *range(5), batch=LAST)

    async def mood(data: bytes, options: Options) -> bytes:
        if data == picture(2):
            raise errors.UnreadableImage
        return await press(data, options)

    mill.press.mood = mood
    await mill.work_off()
    batch = (await progress(mill, caller)).batch

    async def numbers(**wanted: object) -> list[int]:
        found = await mill.batches.items(batch=batch, **{"start": 0, "limit": 9} | wanted)  # type: ignore[arg-type] # a test's shorthand
        return [report.job.number for report in found]

    assert await numbers() == [0, 1, 2, 3, 4]
    assert await numbers(start=1, limit=2) == [1, 2]
    assert await numbers(state="failed") == [2]
    assert await numbers(start=1, limit=2, state="completed") == [1, 3]
    assert [report.job.number async for report in mill.batches.completed(batch=batch)] == [
        0, 1, 3, 4,
    ]  # fmt: skip


async def test_all_completed_ones_come_however_many_there_are(mill: Mill, caller: Caller) -> None:
    mill.batches = mill.keeping(step=2)
    await mill.submit(caller, *range(4), batch=LAST)
    await mill.work_off()
    batch = (await progress(mill, caller)).batch

    assert len([report async for report in mill.batches.completed(batch=batch)]) == 4


async def test_it_is_expired_once_its_results_are(mill: Mill, caller: Caller) -> None:
    await mill.submit(caller, 1, batch=LAST)
    await mill.submit(caller, 1, batch=InBatch(name="c", close=True), item={"committed": True})
    await mill.work_off()
    mill.clock.advance(hours=25)

    assert await status(mill, caller) == "expired"
    assert (await progress(mill, caller, "c")).status == "completed"


async def test_jobs_that_nobody_came_to_expire(mill: Mill, audit: Audit, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1, 2, batch=LAST, webhook_url=HOOK)
    single = await mill.submit(caller, 3, webhook_url=HOOK)
    mill.clock.advance(days=3)
    await mill.sweep()

    found = await progress(mill, caller)
    assert (found.failed, found.status) == (2, "completed_with_errors")
    assert await announced(mill) == 1
    for job in (*accepted.jobs, *single.jobs):
        told = await mill.jobs.find(id_=job.id, account_id=caller.account.id)
        assert told.job.state == "expired"
        assert told.failure
    mill.clock.advance(days=1)  # for so long they could have been tried again
    await mill.results.sweep()
    assert mill.files() == []
    await mill.work_off()
    assert mill.press.seen == []
    async with mill.database.reading() as connection:
        assert await chunks.unfinished(connection, account_id=caller.account.id) == 0
    await audit.check()


async def test_many_late_jobs_expire_in_one_sweep(mill: Mill, audit: Audit, caller: Caller) -> None:
    mill.batches = mill.keeping(step=2)
    await mill.submit(caller, *range(5), batch=LAST)
    mill.clock.advance(days=4)

    await mill.batches.sweep()

    assert (await progress(mill, caller)).failed == 5
    await audit.check()


async def test_what_is_long_over_is_forgotten_and_nothing_else(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    async def look() -> tuple[int, int, int]:
        return (await rows(mill, jobs.jobs), await rows(mill, chunks.chunks),
                await rows(mill, batches.batches))  # fmt: skip

    await mill.submit(caller, 1, 2, batch=LAST)
    await mill.submit(caller, 3)
    await mill.work_off()
    mill.clock.advance(days=4)
    await mill.submit(caller, 4, batch=InBatch(name="young", close=True))
    await mill.submit(caller, 5)
    await mill.work_off()
    await mill.submit(caller, 6, batch=InBatch(name="open"))
    await mill.submit(caller, 7)
    await mill.sweep()
    await audit.check()
    assert await look() == (7, 6, 3)

    mill.clock.advance(days=3, minutes=1)
    await mill.batches._forget()

    assert await look() == (4, 4, 2)
    with pytest.raises(errors.NotFound):
        await progress(mill, caller)
    assert (await progress(mill, caller, "young")).completed == 1
    await audit.check()


async def test_a_large_batch_is_forgotten_in_short_steps(mill: Mill, caller: Caller) -> None:
    mill.batches = mill.keeping(step=3)
    for _ in range(3):
        accepted = await mill.submit(caller, 1, 2, 3, batch=NAME)
    assert accepted.batch
    for _ in range(2):
        await mill.submit(caller, 1)
    await mill.work_off()
    mill.clock.advance(hours=1)
    await mill.batches.sweep()
    mill.clock.advance(days=8)
    before = mill.clock() - timedelta(days=7)

    # Nobody adds to what is being forgotten.
    assert await mill.batches._forget_some(before)
    left = await rows(mill, jobs.jobs)
    assert left == 8
    again = (await mill.submit(caller, 4, batch=NAME)).batch
    assert again
    assert again.id != accepted.batch.id
    assert again.accepted == 1
    await mill.batches.sweep()

    assert await rows(mill, jobs.jobs) == 1
    assert await rows(mill, batches.batches) == 1
    assert (await progress(mill, caller)).batch == again


async def test_several_sweep_at_once(mill: Mill, audit: Audit, caller: Caller) -> None:
    mill.batches = mill.keeping(step=3)
    await mill.submit(caller, *range(4), batch=NAME)
    await mill.submit(caller, 5, 6, batch=InBatch(name="idle"), webhook_url=HOOK)
    [_, (id_, chunk_id)] = await mill.waiting()
    await mill.take(id_)
    await mill.work().run(chunk_id)
    mill.clock.advance(days=4)

    await asyncio.gather(*(mill.batches.sweep() for _ in range(4)))
    await audit.check()
    assert await announced(mill) == 1
    mill.clock.advance(days=8)
    await asyncio.gather(*(mill.batches.sweep() for _ in range(4)))

    assert await rows(mill, jobs.jobs) == 0
    assert await rows(mill, batches.batches) == 0
    assert await rows(mill, results.results) == 2
    assert await rows(mill, leases.leases) > 0
