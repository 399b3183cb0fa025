"""Retries: what failed is done once more, once, of the upload that was kept for it."""

import asyncio

import pytest

from pixmill import clock as clocks
from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.jobs.retries import Retries
from pixmill.services.jobs.types import InBatch, Item, Job
from pixmill.services.keys import Caller
from pixmill.stores import usage
from services.desk import Desk
from services.jobs.audit import Audit
from services.jobs.mill import AVIF, HOOK, WEBP, Mill, picture, press

pytestmark = pytest.mark.anyio

BATCH = InBatch(name="b", close=True)


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await desk.caller("self-hosted")


async def refuse(*_: object) -> bytes:
    raise errors.UnreadableImage


async def refuse_some(data: bytes, options: Options) -> bytes:
    """Fail for every picture but the first."""
    if data != picture(0):
        raise errors.UnreadableImage
    return await press(data, options)


async def failing(mill: Mill, caller: Caller, *numbers: int, **details: object) -> str:
    """Return the id of a batch in which all but the first picture have failed."""
    mill.press.mood = refuse_some
    accepted = await mill.submit(caller, *numbers, batch=BATCH, **details)
    await mill.work_off()
    mill.press.mood = press
    assert accepted.batch
    return accepted.batch.id


async def jobs_of(mill: Mill, caller: Caller, id_: str) -> list[Job]:
    found = await mill.batches.find(name=id_, account_id=caller.account.id)
    reports = await mill.batches.items(batch=found.batch, start=0, limit=100)
    return [report.job for report in reports]


async def charged(mill: Mill, caller: Caller) -> int:
    period = clocks.period(mill.clock())
    async with mill.database.reading() as connection:
        found = await usage.find(connection, subject=caller.subject, period=period)
    return found.requests


async def test_what_failed_is_done_in_a_batch_of_its_own(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    item = {"wanted": (WEBP, AVIF), "label": {"index": 7}}
    id_ = await failing(mill, caller, 0, 1, 2, item=item, webhook_url=HOOK)
    assert await charged(mill, caller) == 2

    retried = await mill.retries.batch(caller=caller, id_=id_)
    await mill.work_off()

    assert (retried.jobs, retried.gone) == (2, 0)
    again = await mill.batches.find(name=retried.id, account_id=caller.account.id)
    assert (again.status, again.total, again.completed) == ("completed", 2, 2)
    assert (again.batch.webhook_url, again.batch.dialect) == (HOOK, "optimagio")
    assert again.batch.bytes_in > again.batch.bytes_out > 0
    assert await charged(mill, caller) == 6
    old = await jobs_of(mill, caller, id_)
    assert [job.retry_id for job in old] == [None, retried.id, retried.id]
    new = await jobs_of(mill, caller, retried.id)
    assert [job.label for job in new] == [job.label for job in old[1:]]
    assert [job.wanted for job in new] == [job.wanted for job in old[1:]]
    await audit.check()
    mill.clock.advance(hours=1)
    await mill.results.sweep()
    assert not {job.source_key for job in old} & set(mill.files())


async def test_what_is_too_much_for_one_go_is_said(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    id_ = await failing(mill, caller, 0, 1, 2, 3)
    retries = Retries(
        database=mill.database, accepting=mill.jobs, uploads=mill.uploads, now=mill.clock, most=2
    )

    first = await retries.batch(caller=caller, id_=id_)
    second = await retries.batch(caller=caller, id_=id_)

    assert (first.jobs, first.more) == (2, True)
    assert (second.jobs, second.more) == (1, False)
    assert first.id != second.id
    await mill.work_off()
    await audit.check()


async def test_asking_twice_makes_one(mill: Mill, audit: Audit, caller: Caller) -> None:
    id_ = await failing(mill, caller, 0, 1, 2)

    first, second = await asyncio.gather(
        *(mill.retries.batch(caller=caller, id_=id_) for _ in range(2))
    )
    third = await mill.retries.batch(caller=caller, id_=id_)

    assert first.id == second.id == third.id
    assert sorted((first.jobs, second.jobs)) == [0, 2]
    assert third.jobs == 0
    assert len(await mill.batches.all(account_id=caller.account.id, start=0, limit=9)) == 2
    await mill.work_off()
    await audit.check()


async def test_what_fails_again_can_be_tried_again(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    id_ = await failing(mill, caller, 0, 1)
    mill.clock.advance(hours=23)
    mill.press.mood = refuse
    again = await mill.retries.batch(caller=caller, id_=id_)
    await mill.work_off()
    mill.clock.advance(hours=23)
    mill.press.mood = press

    once_more = await mill.retries.batch(caller=caller, id_=again.id)
    await mill.work_off()

    found = await mill.batches.find(name=once_more.id, account_id=caller.account.id)
    assert (found.completed, found.failed) == (1, 0)
    assert await charged(mill, caller) == 2
    await audit.check()


async def test_an_upload_that_is_deleted_is_not_tried_again(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    id_ = await failing(mill, caller, 0, 1)
    [_, failed] = await jobs_of(mill, caller, id_)
    assert mill.retries.possible(failed)
    mill.clock.advance(days=1)
    await mill.results.sweep()

    assert not mill.retries.possible(failed)
    with pytest.raises(errors.UploadIncomplete):
        await mill.retries.batch(caller=caller, id_=id_)
    assert failed.source_key not in mill.files()
    await audit.check()


async def test_a_url_can_be_tried_again_after_days(mill: Mill, caller: Caller) -> None:
    item = Item(wanted=(WEBP,), url="http://127.0.0.1:9/photo.png")
    order = await mill.order()
    accepted = await mill.jobs.submit(
        caller=caller, order=type(order)(dialect="smolpix", base_url="", items=[item])
    )
    await mill.work_off()
    mill.clock.advance(days=2)
    [job] = accepted.jobs

    first = await mill.retries.job(caller=caller, id_=job.id)
    second = await mill.retries.job(caller=caller, id_=job.id)

    assert first.id == second.id
    told = await mill.jobs.find(id_=first.id, account_id=caller.account.id)
    assert (told.job.source_url, told.job.state) == (item.url, "queued")
    listed = await mill.jobs.single(account_id=caller.account.id, start=0, limit=9)
    assert [report.job.id for report in listed] == [first.id, job.id]
    assert {report.api for report in listed} == {"smolpix"}


async def test_a_month_without_room_leaves_everything_for_later(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    id_ = await failing(mill, five, 0, 1, 2)
    mill.press.mood = press
    await mill.submit(five, 10, 11, 12)
    await mill.work_off()

    with pytest.raises(errors.QuotaExceeded):
        await mill.retries.batch(caller=five, id_=id_)

    await audit.check()
    old = await jobs_of(mill, five, id_)
    assert [mill.retries.possible(job) for job in old] == [False, True, True]
    assert {job.source_key for job in old[1:]} <= set(mill.files())


async def test_nobody_tries_what_is_somebody_elses_or_went_well(
    mill: Mill, desk: Desk, caller: Caller
) -> None:
    id_ = await failing(mill, caller, 0, 1)
    other = await desk.caller("self-hosted")
    with pytest.raises(errors.BatchNotFound):
        await mill.retries.batch(caller=other, id_=id_)
    mill.press.mood = press
    fine = await mill.submit(caller, 5)
    await mill.work_off()
    with pytest.raises(errors.JobNotFound):
        await mill.retries.job(caller=other, id_=fine.jobs[0].id)
    with pytest.raises(errors.Conflict):
        await mill.retries.job(caller=caller, id_=fine.jobs[0].id)
    assert await mill.jobs.single(account_id=other.account.id, start=0, limit=9) == []


async def test_a_canceled_batch_charges_nothing_and_takes_no_more(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    """Also of jobs that somebody works on, and that come to their end afterwards."""
    accepted = await mill.submit(five, 0, 1, 2, batch=InBatch(name="b"))
    assert accepted.batch
    id_ = accepted.batch.id
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def wait(data: bytes, options: Options) -> bytes:
        begun.set()
        await go_on.wait()
        return await press(data, options)

    mill.press.mood = wait
    working = asyncio.create_task(mill.work_off(mill.work(places=1)))
    await begun.wait()

    canceled = await mill.batches.cancel(id_=id_, account_id=five.account.id)
    go_on.set()
    await working

    assert canceled == 3
    assert len(mill.press.seen) == 1
    found = await mill.batches.find(name=id_, account_id=five.account.id)
    assert (found.completed, found.failed, found.status) == (0, 3, "completed_with_errors")
    assert await mill.batches.cancel(id_=id_, account_id=five.account.id) == 0
    with pytest.raises(errors.BatchClosed):
        await mill.submit(five, 4, batch=InBatch(name="b"))
    assert await charged(mill, five) == 0
    await audit.check()
    mill.clock.advance(hours=1)
    await mill.results.sweep()
    assert not {job.source_key for job in accepted.jobs} & set(mill.files())


async def test_files_without_a_result_are_shown_first(mill: Mill, caller: Caller) -> None:
    id_ = await failing(mill, caller, 0, 1, 2)
    watched = mill.batches.watched
    account_id = caller.account.id

    progress, every = await watched(id_=id_, account_id=account_id, start=0, limit=9)
    _, failed = await watched(id_=id_, account_id=account_id, start=0, limit=9, failed=True)
    _, rest = await watched(id_=id_, account_id=account_id, start=2, limit=9)

    assert progress.failed == 2
    assert [report.job.number for report in every] == [1, 2, 0]
    assert [report.job.number for report in failed] == [1, 2]
    assert [report.job.number for report in rest] == [0]
