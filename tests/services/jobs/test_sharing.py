"""Work that is asked for again, or by several at one time: who pays for it."""

import asyncio
from collections import Counter

import pytest

from pixmill import clock as clocks
from pixmill.engine.types import Options
from pixmill.services.keys import Caller
from pixmill.services.optimization import Kept
from pixmill.services.pool.blob import Blob
from pixmill.stores import usage
from pixmill.stores.usage import Usage
from services.jobs.audit import Audit
from services.jobs.mill import WEBP, Mill, Mood, nothing, picture, press

pytestmark = pytest.mark.anyio


async def used(mill: Mill, caller: Caller) -> Usage:
    """Return what was counted for the account this month."""
    async with mill.database.reading() as connection:
        period = clocks.period(mill.clock())
        return await usage.find(connection, subject=caller.account.id, period=period)


@pytest.mark.parametrize("free", [True, False])
async def test_what_was_made_before_costs_nothing_if_so_agreed(
    mill: Mill, audit: Audit, five: Caller, *, free: bool
) -> None:
    await mill.submit(five, 1)
    await mill.work_off()
    await mill.submit(five, 1, free_repeats=free)
    await mill.work_off()

    found = await used(mill, five)
    assert len(mill.press.seen) == 1
    assert (found.requests, found.taken, found.cached) == ((1, 1, 1) if free else (2, 2, 0))
    await audit.check()


@pytest.mark.parametrize("free", [True, False])
async def test_what_two_make_at_the_same_time_is_charged_for_once_if_so_agreed(
    mill: Mill, audit: Audit, five: Caller, *, free: bool
) -> None:
    first = await mill.submit(five, 1, free_repeats=free)
    second = await mill.submit(five, 1, free_repeats=free)

    async def overtake() -> None:
        mill.objects.before_put = nothing
        assert second.chunk_id
        await mill.work().run(second.chunk_id)

    mill.objects.before_put = overtake
    assert first.chunk_id
    await mill.work().run(first.chunk_id)

    found = await used(mill, five)
    assert len(mill.press.seen) == 2
    assert (found.requests, found.taken, found.cached) == ((1, 1, 1) if free else (2, 2, 0))
    await audit.check()


def shared(mill: Mill) -> Mood:
    """Return what does not end before two wait for it."""

    async def together(data: bytes, options: Options) -> bytes:
        flights = mill.optimization._flights._flights
        while not any(each.waiting == 2 for each in flights.values()):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0)
        return await press(data, options)

    return together


async def test_who_hangs_up_while_it_is_stored_does_not_make_it_free_for_the_other(
    mill: Mill, five: Caller
) -> None:
    async def keep() -> Kept:
        with Blob.of(picture(1)) as blob:
            return await mill.optimization.keep(
                caller=five, blob=blob, options=WEBP, filename=None, charge_again=False
            )

    async def hang() -> None:
        mill.objects.before_put = nothing
        await asyncio.Event().wait()

    mill.press.mood, mill.press.patient = shared(mill), False
    mill.objects.before_put = hang
    done, left = await asyncio.wait(
        [asyncio.create_task(keep()) for _ in range(2)], return_when=asyncio.FIRST_COMPLETED
    )
    for each in left:
        each.cancel()
    await asyncio.wait(left)

    found = await used(mill, five)
    assert [task.result().cached for task in done] == [False]
    assert (found.requests, found.taken, found.cached) == (1, 1, 0)


async def test_who_ends_first_of_those_who_share_the_work_is_charged_for_it(
    mill: Mill, audit: Audit, five: Caller
) -> None:
    """Else one is free for the other's sake, and the other for the one's."""
    chunks = [(await mill.submit(five, 1, free_repeats=True)).chunk_id for _ in range(2)]
    stored = Counter[str]()
    over = asyncio.Event()

    async def late() -> None:
        stored["times"] += 1
        if stored["times"] == 1:
            await over.wait()

    async def run(chunk_id: str | None) -> None:
        assert chunk_id
        await mill.work().run(chunk_id)
        over.set()

    mill.press.mood, mill.objects.before_put = shared(mill), late
    await asyncio.gather(*map(run, chunks))

    found = await used(mill, five)
    assert len(mill.press.seen) == 1
    assert (found.requests, found.taken, found.cached) == (1, 1, 1)
    await audit.check()
