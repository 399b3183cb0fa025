"""Orders: what is accepted, what is refused, what it holds, and what is told of it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from pixmill import clock as clocks
from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.jobs.types import (
    MOST_JOBS,
    Accepted,
    InBatch,
    dump_options,
    load_options,
)
from pixmill.services.keys import Caller
from pixmill.services.plans import Plans
from pixmill.stores import usage
from pixmill.stores.keys import keys
from pixmill.stores.leases import leases
from pixmill.stores.quotas import reservations
from services.desk import Desk
from services.jobs.audit import Audit, everything
from services.jobs.mill import AVIF, BASE, HOOK, WEBP, Mill, picture

pytestmark = pytest.mark.anyio


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await desk.caller("self-hosted")


def kinds(accepted: Accepted) -> list[type]:
    return [type(item) if isinstance(item, errors.Error) else str for item in accepted.items]


async def taken(mill: Mill, caller: Caller) -> int:
    period = clocks.period(mill.clock())
    async with mill.database.reading() as connection:
        return (await usage.find(connection, subject=caller.subject, period=period)).taken


class Down:
    """A queue that cannot be written to."""

    async def put(self, *_: object, **__: object) -> None:
        raise errors.Unavailable


async def scalar(mill: Mill, statement: sa.Select[Any]) -> Any:
    async with mill.database.reading() as connection:
        return (await connection.execute(statement)).scalar_one()


async def test_an_order_becomes_jobs_that_wait(mill: Mill, audit: Audit, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1, 2, item={"label": {"image_id": 7}, "filename": "a.png"})

    assert accepted.batch is None
    assert [job.number for job in accepted.jobs] == [0, 1]
    assert await mill.waiting("jobs") == [(accepted.chunk_id, accepted.chunk_id)]
    told = await mill.jobs.find(id_=accepted.jobs[0].id, account_id=caller.account.id)
    assert told.job == accepted.jobs[0]
    assert told.label == {"image_id": 7}
    assert told.base_url == BASE
    assert (told.results, told.failure, told.state(mill.clock())) == ((), None, "queued")
    await audit.check()


async def test_the_key_is_marked_as_used(mill: Mill, caller: Caller) -> None:
    await mill.submit(caller, 1)

    assert await scalar(mill, sa.select(keys.c.last_used_at)) == mill.clock()


async def test_somebody_else_s_job_is_not_found(mill: Mill, desk: Desk, caller: Caller) -> None:
    [job] = (await mill.submit(caller, 1)).jobs
    stranger = (await desk.caller("self-hosted")).account.id

    for ask in (mill.jobs.find, mill.jobs.cancel):
        with pytest.raises(errors.NotFound):
            await ask(id_=job.id, account_id=stranger)
        with pytest.raises(errors.NotFound):
            await ask(id_="no-such-job", account_id=caller.account.id)


async def test_whatever_fails_at_the_end_leaves_nothing(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    async def fail(*_: object) -> None:
        raise errors.IdempotencyConflict

    before = await everything(mill)
    with pytest.raises(errors.IdempotencyConflict):
        await mill.submit(five, 1, 2, batch=InBatch(name="b"), webhook_url=HOOK, receipt=fail)

    after = await everything(mill)
    assert {name: rows for name, rows in after.items() if name != "leases"} == {
        name: rows for name, rows in before.items() if name != "leases"
    }
    await mill.results.sweep()
    assert mill.files() == []
    await audit.check()


async def test_a_queue_that_cannot_be_written_to_leaves_nothing_but_the_uploads(
    mill: Mill, five: Caller
) -> None:
    before = await everything(mill)
    mill.jobs = mill.accepting(queue=Down())
    with pytest.raises(errors.Unavailable):
        await mill.submit(five, 1, 2, batch=InBatch(name="b"))

    after = await everything(mill)
    # A database that is down may have committed all the same: they stay for a while.
    assert len(after.pop("leases")) == len(before.pop("leases")) + 2
    assert after == before
    mill.clock.advance(hours=3)
    await mill.results.sweep()
    assert mill.files() == []


async def test_an_upload_that_was_given_up_is_not_accepted(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    order = await mill.order(1, 2)
    mill.clock.advance(hours=3)
    await mill.results.sweep()

    with pytest.raises(errors.UploadIncomplete):
        await mill.jobs.submit(caller=caller, order=order)

    assert await mill.waiting() == []
    await audit.check()


async def test_the_month_is_taken_as_far_as_it_goes(mill: Mill, audit: Audit, five: Caller) -> None:
    accepted = await mill.submit(five, 1, 2, 3, item={"wanted": (WEBP, AVIF)})

    assert kinds(accepted) == [str, str, errors.QuotaExceeded]
    assert await taken(mill, five) == 4
    # A smaller one still fits.
    assert kinds(await mill.submit(five, 4, 5)) == [str, errors.QuotaExceeded]
    assert await taken(mill, five) == 5
    refused = (await mill.submit(five, 6)).items[0]
    assert isinstance(refused, errors.QuotaExceeded)
    assert refused.limit == 5
    assert refused.reset_at == clocks.next_period(mill.clock())
    await audit.check()


async def test_the_uploads_of_what_is_refused_are_deleted_soon(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    await mill.submit(five, *range(8))

    await mill.results.sweep()

    assert len(mill.files()) == 5
    await audit.check()


async def test_what_fails_or_is_canceled_is_given_back(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    first = await mill.submit(five, 1, 2, 3)
    await mill.jobs.cancel(id_=first.jobs[0].id, account_id=five.account.id)
    assert await taken(mill, five) == 2
    mill.press.mood = _unreadable
    await mill.work_off()

    assert await taken(mill, five) == 0
    assert await scalar(mill, sa.select(sa.func.count()).select_from(reservations)) == 0
    assert kinds(await mill.submit(five, *range(5))) == [str] * 5
    await audit.check()


async def _unreadable(*_: object) -> bytes:
    raise errors.UnreadableImage


@pytest.mark.parametrize("plan", ["optipic-free", "octosqueeze-free", "self-hosted"])
async def test_key_and_account_are_charged_whoever_is_limited(
    mill: Mill, audit: Audit, desk: Desk, plans: Plans, plan: str
) -> None:
    if plan != "self-hosted":
        await plans.change(name=plan, changes={"monthly_requests": 10})
    caller = await desk.caller(plan)
    await mill.submit(caller, 1, 2, item={"wanted": (WEBP, AVIF)}, batch=InBatch(close=True))
    await mill.work_off()

    period = clocks.period(mill.clock())
    async with mill.database.reading() as connection:
        for subject in (caller.key.id, caller.account.id):
            found = await usage.find(connection, subject=subject, period=period)
            assert (found.requests, found.taken, found.cached) == (4, 4, 0)
            assert found.bytes_in == 2 * (len(picture(1)) + len(picture(2)))
    await audit.check()


async def test_the_month_of_the_order_is_charged(mill: Mill, audit: Audit, five: Caller) -> None:
    june = clocks.period(mill.clock())
    await mill.submit(five, 1)
    mill.clock.advance(days=16)
    await mill.work_off()

    async with mill.database.reading() as connection:
        assert (await usage.find(connection, subject=five.subject, period=june)).requests == 1
    await audit.check()


async def test_a_hold_that_lapsed_while_the_work_went_on_is_charged_once(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    async def mood(data: bytes, _options: Options) -> bytes:
        mill.clock.advance(days=4)
        await mill.quotas.sweep()
        assert await taken(mill, five) == 0
        return data[:20]

    mill.press.mood = mood
    await mill.submit(five, 1)
    await mill.work_off()

    period = clocks.period(mill.clock())
    async with mill.database.reading() as connection:
        found = await usage.find(connection, subject=five.subject, period=period)
    assert (found.requests, found.taken) == (1, 1)
    await audit.check()


async def test_what_others_let_lapse_makes_room(mill: Mill, five: Caller) -> None:
    async with mill.database.transaction() as connection:
        period = clocks.period(mill.clock())
        await usage.taken(connection, subject=five.subject, period=period)
        await usage.take_more(connection, subject=five.subject, period=period, count=5)
        await connection.execute(
            reservations.insert(),
            [
                {"id": f"dead {number}", "subject": five.subject, "period": period}
                | {"expires_at": mill.clock() + timedelta(minutes=number)}
                for number in range(5)
            ],
        )
    mill.clock.advance(minutes=2)

    assert kinds(await mill.submit(five, 1, 2, 3, 4)) == [str] * 3 + [errors.QuotaExceeded]
    assert await taken(mill, five) == 5


async def test_a_job_is_canceled_while_it_waits(mill: Mill, audit: Audit, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1, 2, webhook_url=HOOK)
    told = await mill.jobs.cancel(id_=accepted.jobs[0].id, account_id=caller.account.id)

    assert told.state(mill.clock()) == "cancelled"
    with pytest.raises(errors.Conflict, match="over"):
        await mill.jobs.cancel(id_=accepted.jobs[0].id, account_id=caller.account.id)
    await mill.work_off()
    assert mill.press.seen == [picture(2)]
    await audit.check()


async def test_a_job_that_somebody_works_on_is_not_canceled(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    accepted = await mill.submit(caller, 1)
    assert await mill.work()._begin(accepted.chunk_id or "")

    with pytest.raises(errors.Conflict, match="works on"):
        await mill.jobs.cancel(id_=accepted.jobs[0].id, account_id=caller.account.id)
    await audit.check()


async def test_the_upload_stays_as_long_as_it_may_be_needed(
    mill: Mill, audit: Audit, caller: Caller
) -> None:
    await mill.submit(caller, 1)
    for _ in range(5):
        mill.clock.advance(hours=14)
        await mill.sweep()
        assert len(mill.files()) == 1

    await mill.work_off()
    assert len(mill.files()) == 2
    await mill.sweep()

    assert len(mill.files()) == 1  # the result
    assert await scalar(mill, sa.select(sa.func.count()).select_from(leases)) == 1
    await audit.check()


async def test_who_waits_hears_of_the_end(mill: Mill, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1, 2)
    assert accepted.chunk_id
    closing = asyncio.Event()
    waiting = asyncio.create_task(
        mill.jobs.wait(chunk_id=accepted.chunk_id, patience=60, closing=closing)
    )
    await mill.work_off()

    assert [each.job.state for each in await waiting] == ["completed", "completed"]


async def test_who_waits_hears_how_far_it_is_in_the_end(mill: Mill, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1)
    assert accepted.chunk_id
    closing = asyncio.Event()

    [told] = await mill.jobs.wait(chunk_id=accepted.chunk_id, patience=0.1, closing=closing)
    assert told.job.state == "queued"
    closing.set()
    [told] = await mill.jobs.wait(chunk_id=accepted.chunk_id, patience=60, closing=closing)
    assert told.job.state == "queued"


async def test_who_has_little_waiting_goes_before_who_has_much(
    mill: Mill, desk: Desk, caller: Caller
) -> None:
    busy = [(await mill.submit(caller, n)).chunk_id for n in range(3)]
    other = (await mill.submit(await desk.caller("self-hosted"), 9)).chunk_id

    order = [chunk_id for _, chunk_id in await mill.waiting()]
    assert order.index(other) < order.index(busy[1])
    assert order[2:] == busy[1:]


async def test_a_result_that_has_expired_is_told_so(mill: Mill, caller: Caller) -> None:
    kept = await mill.submit(caller, 1, item={"committed": True})
    [job] = (await mill.submit(caller, 2)).jobs
    await mill.work_off()
    mill.clock.advance(days=2)

    told = await mill.jobs.find(id_=job.id, account_id=caller.account.id)
    assert (told.job.state, told.state(mill.clock())) == ("completed", "expired")
    told = await mill.jobs.find(id_=kept.jobs[0].id, account_id=caller.account.id)
    assert told.state(mill.clock()) == "completed"


async def test_a_result_that_was_deleted_is_told_so(mill: Mill, caller: Caller) -> None:
    [job] = (await mill.submit(caller, 1)).jobs
    await mill.work_off()
    told = await mill.jobs.find(id_=job.id, account_id=caller.account.id)
    assert told.results[0].stored
    await mill.results.delete(id_=told.results[0].stored.id, account_id=caller.account.id)

    told = await mill.jobs.find(id_=job.id, account_id=caller.account.id)

    assert told.state(mill.clock()) == "expired"
    assert told.results[0].stored is None


async def test_fifty_thousand_is_the_most() -> None:
    assert MOST_JOBS == 50_000


_OPTIONS = st.builds(
    Options,
    format=st.sampled_from([None, "webp", "auto"]),
    accept=st.lists(st.sampled_from(["webp", "avif"]), max_size=2).map(tuple),
    quality=st.integers(1, 100),
    target=st.none() | st.floats(30, 95),
    mode=st.sampled_from([None, "max", "lossless"]),
    max_bytes=st.none() | st.integers(1, 2**40),
    lossless=st.booleans(),
    metadata=st.sampled_from(["strip", "keep"]),
    width=st.none() | st.integers(1, 2**16),
    background=st.tuples(*[st.integers(0, 255)] * 3),
)


@given(st.lists(_OPTIONS, min_size=1, max_size=4))
def test_options_come_back_from_the_database_as_they_were(wanted: list[Options]) -> None:
    assert load_options(dump_options(wanted)) == tuple(wanted)


def test_options_of_a_newer_version_are_read_as_far_as_they_are_known() -> None:
    assert load_options('[{"format":"webp","sparkle":3}]') == (WEBP,)
