"""Guests: how many images, how large, and for whom."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from ipaddress import IPv4Address
from secrets import randbits

import pytest

from pixmill import clock as clocks
from pixmill import errors
from pixmill.services.accounts import Accounts, create
from pixmill.services.guests import EMAIL, Guests
from pixmill.services.keys import Keys
from pixmill.services.limits import GUEST_MINUTE, RateLimits
from pixmill.stores.db import Database
from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.limits.valkey import ValkeyWindows
from pixmill.stores.limits.windows import Windows
from services.desk import Clock

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


@pytest.fixture(params=["memory", "valkey"])
async def limits(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[RateLimits]:
    windows: Windows = MemoryWindows(now=clock)
    if request.param == "valkey":
        windows = ValkeyWindows(request.getfixturevalue("valkey_url"), now=clock)
    limits = RateLimits(windows=windows, when_unavailable="closed")
    yield limits
    await limits.close()


def welcome(
    database: Database, keys: Keys, limits: RateLimits, clock: Clock, images: int
) -> Guests:
    return Guests(
        database=database,
        keys=keys,
        limits=limits,
        images=images,
        max_file_size=20 * MIB,
        now=clock,
    )


@pytest.fixture
def here() -> str:
    """Give an address that nobody else has: all tests share Valkey."""
    return str(IPv4Address(randbits(32)))


@pytest.fixture
def there() -> str:
    return str(IPv4Address(randbits(32)))


@pytest.fixture
def guests(database: Database, keys: Keys, limits: RateLimits, clock: Clock) -> Guests:
    return welcome(database, keys, limits, clock, images=3)


async def come(guests: Guests, address: str, count: int = 1) -> None:
    for _ in range(count):
        async with guests.admit(address=address):
            pass


async def test_each_address_gets_so_many_a_day(
    guests: Guests, clock: Clock, here: str, there: str
) -> None:
    await come(guests, here, 3)
    await come(guests, there)

    assert (await guests.left(address=here), await guests.left(address=there)) == (0, 2)
    with pytest.raises(errors.GuestLimitReached, match="sign in") as caught:
        await come(guests, here)
    assert caught.value.limit == 3
    assert caught.value.reset_at == datetime(2026, 6, 16, tzinfo=UTC)
    clock.advance(hours=12)
    assert await guests.left(address=here) == 3
    await come(guests, here)


async def test_work_that_fails_is_given_back(guests: Guests, here: str) -> None:
    seen: list[int | None] = []

    async def work() -> None:
        async with guests.admit(address=here):
            seen.append(await guests.left(address=here))
            raise errors.UnreadableImage

    await come(guests, here)
    with pytest.raises(errors.UnreadableImage):
        await work()

    assert seen == [1]
    assert await guests.left(address=here) == 2


async def test_who_hangs_up_gets_it_back(guests: Guests, here: str) -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        async with guests.admit(address=here):
            begun.set()
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await begun.wait()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    assert await guests.left(address=here) == 3


async def test_what_failed_after_midnight_takes_nothing_of_the_new_day(
    guests: Guests, clock: Clock, here: str
) -> None:
    async def work() -> None:
        async with guests.admit(address=here):
            clock.advance(hours=12)
            raise errors.UnreadableImage

    with pytest.raises(errors.UnreadableImage):
        await work()

    assert await guests.left(address=here) == 3


async def test_work_that_fails_again_and_again_has_to_wait(
    guests: Guests, clock: Clock, here: str, there: str
) -> None:
    guests.images = 1_000

    async def fail() -> None:
        async with guests.admit(address=here):
            raise errors.UnreadableImage

    for _ in range(GUEST_MINUTE):
        with pytest.raises(errors.UnreadableImage):
            await fail()
    with pytest.raises(errors.RateLimited) as refusal:
        await fail()

    assert (refusal.value.window, refusal.value.limit) == ("minute", GUEST_MINUTE)
    assert await guests.left(address=here) == 1_000
    await come(guests, there)
    clock.advance(minutes=1)
    await come(guests, here)


async def test_exactly_so_many_get_in_at_once(guests: Guests, here: str) -> None:
    outcomes = await asyncio.gather(
        *(come(guests, here) for _ in range(20)), return_exceptions=True
    )

    assert sum(outcome is None for outcome in outcomes) == 3
    assert {type(outcome) for outcome in outcomes if outcome} == {errors.GuestLimitReached}


async def test_without_images_nobody_gets_in(
    database: Database, keys: Keys, limits: RateLimits, clock: Clock, here: str
) -> None:
    guests = welcome(database, keys, limits, clock, images=0)

    assert await guests.left(address=here) == 0
    with pytest.raises(errors.GuestLimitReached, match="Sign in"):
        await come(guests, here)


async def test_guests_are_one_account_with_small_files(
    guests: Guests, accounts: Accounts, keys: Keys
) -> None:
    callers = await asyncio.gather(*(guests.caller() for _ in range(5)))

    [account] = await accounts.all()
    assert (account.email, account.plan) == (EMAIL, "guest")
    assert {caller.account.id for caller in callers} == {account.id}
    assert {caller.key.id for caller in callers} == {f"web_{account.id}"}
    assert {caller.plan.max_file_size for caller in callers} == {20 * MIB}
    assert await keys.all() == []


async def test_nobody_makes_a_key_for_guests(guests: Guests, keys: Keys) -> None:
    await guests.caller()

    with pytest.raises(errors.KeyLimitReached):
        await keys.create(account=EMAIL)


async def test_an_operator_can_turn_guests_away(
    guests: Guests, accounts: Accounts, here: str
) -> None:
    await guests.caller()
    await accounts.disable(name=EMAIL)

    with pytest.raises(errors.BadKey):
        await come(guests, here)
    assert await guests.left(address=here) == 3


@pytest.mark.parametrize("claim", ["a password", "another plan"])
async def test_an_account_of_somebody_is_not_taken_for_that_of_guests(
    claim: str, guests: Guests, accounts: Accounts, database: Database, here: str
) -> None:
    async with database.transaction() as connection:
        made = await create(
            connection,
            email=EMAIL,
            plan="self-hosted" if claim == "another plan" else "guest",
            password_hash="$argon2id$" if claim == "a password" else None,
            now=clocks.now,
        )

    with pytest.raises(errors.Internal) as broken:
        await come(guests, here)

    assert "password, or a plan" in broken.value.detail
    assert EMAIL not in str(broken.value)
    assert await guests.left(address=here) == 3
    assert await accounts.all() == [made]
