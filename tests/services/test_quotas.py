"""Quotas: who is refused, and what is charged when something goes wrong."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

import pixmill.clock
from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Caller, Keys
from pixmill.services.plans import Plans
from pixmill.services.quotas import Quotas, Reservation
from pixmill.stores.db import Database
from pixmill.stores.quotas import reservations
from pixmill.stores.usage import usage
from services import rush
from services.desk import Clock, Desk

pytestmark = pytest.mark.anyio

JULY = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
async def three(plans: Plans, desk: Desk) -> Caller:
    """Give a caller who may make three requests a month, counted per key."""
    await plans.change(name="optipic-free", changes={"monthly_requests": 3})
    return await desk.caller("optipic-free")


async def taken(database: Database, caller: Caller) -> int:
    """Return what is settled or reserved of the caller's allowance."""
    async with database.reading() as connection:
        statement = sa.select(sa.func.coalesce(sa.func.sum(usage.c.taken), 0)).where(
            usage.c.subject == caller.subject
        )
        return int((await connection.execute(statement)).scalar_one())


async def held(database: Database) -> int:
    """Return how many reservations there are."""
    async with database.reading() as connection:
        statement = sa.select(sa.func.count()).select_from(reservations)
        return (await connection.execute(statement)).scalar_one()


async def die(quotas: Quotas, caller: Caller, times: int = 1) -> None:
    """Leave requests reserved, as a server does that is killed in the middle."""
    limit = caller.plan.hard_limit
    assert limit is not None
    for _ in range(times):
        period = pixmill.clock.period(quotas._now())
        await quotas._take(Reservation(caller=caller, period=period, ledger=quotas), limit=limit)


async def test_the_request_after_the_last_is_refused(
    quotas: Quotas, desk: Desk, three: Caller
) -> None:
    await desk.use(three, 3)

    with pytest.raises(errors.QuotaExceeded) as caught:
        await desk.use(three)

    assert (caught.value.limit, caught.value.used, caught.value.reset_at) == (3, 3, JULY)
    with pytest.raises(errors.QuotaExceeded) as caught:
        quotas.check(caller=await desk.again(three))
    assert (caught.value.limit, caught.value.used, caught.value.reset_at) == (3, 3, JULY)


async def test_the_check_lets_through_who_has_something_left(
    quotas: Quotas, desk: Desk, three: Caller
) -> None:
    await desk.use(three, 2)

    quotas.check(caller=await desk.again(three))


async def test_a_new_month_begins_anew(desk: Desk, three: Caller, clock: Clock) -> None:
    await desk.use(three, 3)

    clock.moment = JULY - timedelta(microseconds=1)
    with pytest.raises(errors.QuotaExceeded):
        await desk.use(three)
    clock.moment = JULY
    await desk.use(three, 3)


async def test_work_that_began_in_the_old_month_is_charged_to_it(
    quotas: Quotas, desk: Desk, three: Caller, clock: Clock
) -> None:
    clock.moment = JULY - timedelta(seconds=1)
    async with quotas.reserve(caller=three) as reservation:
        clock.moment = JULY
        await reservation.settle(bytes_in=1, bytes_out=1)

    assert (await desk.again(three)).used == 0
    clock.moment = JULY - timedelta(seconds=1)
    assert (await desk.again(three)).used == 1


async def test_failed_work_is_not_charged(
    quotas: Quotas, database: Database, desk: Desk, three: Caller
) -> None:
    async def fail() -> None:
        async with quotas.reserve(caller=three):
            assert await taken(database, three) == 1
            raise errors.UnreadableImage

    for _ in range(5):
        with pytest.raises(errors.UnreadableImage):
            await fail()

    assert await taken(database, three) == 0
    assert await held(database) == 0
    assert (await desk.again(three)).used == 0


async def test_work_may_count_as_several_requests_which_are_charged_together(
    quotas: Quotas, database: Database, desk: Desk, three: Caller
) -> None:
    async with quotas.reserve(caller=three, count=2) as reservation:
        assert await taken(database, three) == 2
        await reservation.settle(bytes_in=1, bytes_out=1)
    with pytest.raises(errors.QuotaExceeded):
        async with quotas.reserve(caller=await desk.again(three), count=2):
            pass

    assert await taken(database, three) == 2
    assert await held(database) == 0
    await desk.use(three)


async def test_work_that_counts_as_several_gives_all_of_them_back(
    quotas: Quotas, database: Database, three: Caller
) -> None:
    async with quotas.reserve(caller=three, count=3):
        assert await held(database) == 3
        with pytest.raises(errors.Busy):
            async with quotas.reserve(caller=three, count=2):
                pass

    assert await taken(database, three) == 0
    assert await held(database) == 0


async def test_work_that_nobody_settled_is_not_charged(
    quotas: Quotas, database: Database, three: Caller
) -> None:
    async with quotas.reserve(caller=three):
        pass

    assert await taken(database, three) == 0


async def test_work_that_failed_after_it_was_settled_stays_charged(
    quotas: Quotas, database: Database, desk: Desk, three: Caller
) -> None:
    async def fail() -> None:
        async with quotas.reserve(caller=three) as reservation:
            await reservation.settle(bytes_in=1, bytes_out=1)
            raise errors.Internal

    with pytest.raises(errors.Internal):
        await fail()

    assert await taken(database, three) == 1
    assert (await desk.again(three)).used == 1


async def test_what_is_being_worked_on_is_not_shown_but_counts(
    quotas: Quotas, desk: Desk, three: Caller
) -> None:
    await desk.use(three, 2)

    async with quotas.reserve(caller=three):
        assert (await desk.again(three)).used == 2
        with pytest.raises(errors.Busy) as caught:
            await desk.use(three)
        assert caught.value.retry_after == 1

    await desk.use(three)


async def test_a_canceled_request_is_not_charged(
    quotas: Quotas, database: Database, three: Caller
) -> None:
    working = asyncio.Event()

    async def work() -> None:
        async with quotas.reserve(caller=three):
            working.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await quotas.drain()
    assert await taken(database, three) == 0
    assert await held(database) == 0


async def test_a_request_canceled_twice_is_not_charged(
    quotas: Quotas, database: Database, three: Caller
) -> None:
    working = asyncio.Event()

    async def work() -> None:
        async with quotas.reserve(caller=three):
            working.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await working.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await quotas.drain()
    assert await taken(database, three) == 0
    assert await held(database) == 0


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89])
async def test_a_request_canceled_at_any_moment_is_charged_wholly_or_not_at_all(
    quotas: Quotas, database: Database, desk: Desk, three: Caller, turns: int
) -> None:
    task = asyncio.create_task(desk.use(three))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    await quotas.drain()
    settled = (await desk.again(three)).used
    assert settled in {0, 1}
    assert await taken(database, three) == settled
    assert await held(database) == 0


async def test_a_server_that_died_charged_nothing(
    quotas: Quotas, database: Database, desk: Desk, three: Caller, clock: Clock
) -> None:
    await die(quotas, three, times=3)
    assert await taken(database, three) == 3

    clock.advance(seconds=119)
    assert await quotas.sweep() == 0
    with pytest.raises(errors.Busy):
        await desk.use(three)
    clock.advance(seconds=1)

    assert await quotas.sweep() == 3
    assert await taken(database, three) == 0
    assert await held(database) == 0
    await desk.use(three, 3)


async def test_a_server_that_is_really_killed_charges_nothing(
    database_url: str, database: Database, plans: Plans, keys: Keys
) -> None:
    await plans.change(name="optipic-free", changes={"monthly_requests": 3})
    secret = (await keys.create(plan="optipic-free")).secret
    working, process = rush.start(rush.hang, database_url, secret)
    assert await asyncio.to_thread(working.recv)
    caller = await Keys(database=database).authenticate(presented=secret)
    assert await held(database) == 1

    process.kill()
    process.join()

    later = Quotas(database=database, now=lambda: pixmill.clock.now() + timedelta(seconds=120))
    assert await later.sweep() == 1
    assert await taken(database, caller) == 0


async def test_what_a_dead_server_held_is_found_before_anybody_is_refused(
    quotas: Quotas, desk: Desk, three: Caller, clock: Clock
) -> None:
    await die(quotas, three, times=3)
    clock.advance(seconds=120)

    await desk.use(three, 3)

    with pytest.raises(errors.QuotaExceeded):
        await desk.use(three)


async def test_a_sweep_gives_back_to_everybody_what_was_theirs(
    quotas: Quotas, database: Database, desk: Desk, three: Caller, clock: Clock
) -> None:
    other = await desk.caller("octosqueeze-free")
    await desk.use(other, 2)
    await die(quotas, three)
    await die(quotas, other, times=2)
    clock.advance(seconds=120)
    async with quotas.reserve(caller=other):
        assert await quotas.sweep() == 3

        assert await taken(database, three) == 0
        assert await taken(database, other) == 3


async def test_work_longer_than_the_lease_is_charged_when_there_is_room(
    quotas: Quotas, database: Database, desk: Desk, three: Caller, clock: Clock
) -> None:
    async with quotas.reserve(caller=three) as reservation:
        clock.advance(seconds=120)
        await quotas.sweep()
        await reservation.settle(bytes_in=1, bytes_out=1)

    assert (await desk.again(three)).used == await taken(database, three) == 1


async def test_work_longer_than_the_lease_is_refused_when_others_had_the_rest(
    quotas: Quotas, database: Database, desk: Desk, three: Caller, clock: Clock
) -> None:
    async with quotas.reserve(caller=three) as reservation:
        clock.advance(seconds=120)
        await desk.use(three, 3)
        with pytest.raises(errors.QuotaExceeded):
            await reservation.settle(bytes_in=1, bytes_out=1)

    assert (await desk.again(three)).used == await taken(database, three) == 3


async def test_a_rehearsal_leaves_nothing(
    quotas: Quotas, database: Database, three: Caller
) -> None:
    await quotas.rehearse()

    assert await held(database) == await taken(database, three) == 0


async def test_nobody_is_charged_twice_for_one_reservation(quotas: Quotas, three: Caller) -> None:
    async with quotas.reserve(caller=three) as reservation:
        await reservation.settle(bytes_in=1, bytes_out=1)
        with pytest.raises(AssertionError):
            await reservation.settle(bytes_in=1, bytes_out=1)


async def test_a_plan_of_nothing_refuses_the_first_request(
    quotas: Quotas, plans: Plans, desk: Desk, three: Caller
) -> None:
    await plans.change(name="optipic-free", changes={"monthly_requests": 0})
    caller = await desk.again(three)

    with pytest.raises(errors.QuotaExceeded):
        quotas.check(caller=caller)
    with pytest.raises(errors.QuotaExceeded):
        await desk.use(caller)


async def test_pay_as_you_go_counts_on(quotas: Quotas, plans: Plans, desk: Desk) -> None:
    await plans.change(name="optipic-payg", changes={"monthly_requests": 2})
    caller = await desk.caller("optipic-payg")

    await desk.use(caller, 5)

    caller = await desk.again(caller)
    quotas.check(caller=caller)
    assert caller.used == 5


async def test_a_plan_without_a_limit_holds_nothing(
    quotas: Quotas, database: Database, desk: Desk
) -> None:
    caller = await desk.caller("self-hosted")

    async with quotas.reserve(caller=caller) as reservation:
        assert await held(database) == 0
        assert await taken(database, caller) == 0
        await reservation.settle(bytes_in=1, bytes_out=1)

    assert await taken(database, caller) == 1


async def test_a_smaller_plan_counts_what_the_larger_one_let_through(
    accounts: Accounts, desk: Desk
) -> None:
    caller = await desk.caller("self-hosted")
    await desk.use(caller, 26)

    await accounts.set_plan(name=caller.account.id, plan="picture-optimizer-free")

    with pytest.raises(errors.QuotaExceeded) as caught:
        await desk.use(await desk.again(caller))
    assert (caught.value.limit, caught.value.used) == (25, 26)


async def test_keys_of_one_account_share_its_allowance(
    accounts: Accounts, plans: Plans, desk: Desk
) -> None:
    await plans.change(name="octosqueeze-free", changes={"monthly_requests": 3})
    account = await accounts.create(email="ada@example.com", plan="octosqueeze-free")
    one = await desk.caller("octosqueeze-free", account=account.id)
    two = await desk.caller("octosqueeze-free", account=account.id)
    await desk.use(one, 2)
    await desk.use(two, 1)

    for caller in (one, two):
        with pytest.raises(errors.QuotaExceeded):
            await desk.use(caller)


async def test_a_database_that_fails_meanwhile_does_not_hide_why_the_work_failed(
    quotas: Quotas, database: Database, three: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        async with quotas.reserve(caller=three):
            async with database.transaction() as connection:
                await connection.execute(sa.text("ALTER TABLE reservations RENAME TO hidden"))
            raise errors.UnreadableImage

    with caplog.at_level(logging.WARNING), pytest.raises(errors.UnreadableImage):
        await fail()
    assert "could not be given back" in caplog.text
    async with database.transaction() as connection:
        await connection.execute(sa.text("ALTER TABLE hidden RENAME TO reservations"))


async def test_processes_together_get_exactly_what_is_left(
    database_url: str, database: Database, plans: Plans, keys: Keys
) -> None:
    await plans.change(name="optipic-free", changes={"monthly_requests": 20})
    secrets = [(await keys.create(plan="optipic-free")).secret for _ in range(20)]
    started = [rush.start(rush.use_up, database_url, secrets, 6) for _ in range(4)]
    counts = [await asyncio.to_thread(answer.recv) for answer, _ in started]
    for _, process in started:
        process.join()

    assert sum(settled for settled, _ in counts) == 20 * 20
    assert sum(refused for _, refused in counts) == 4 * 20 * 6 - 20 * 20
    real = Keys(database=database)
    callers = [await real.authenticate(presented=secret) for secret in secrets]
    assert [caller.used for caller in callers] == [20] * 20
