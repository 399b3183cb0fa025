"""Rate limits: who shares what, what is told, and what happens while Valkey is away."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from pixmill import errors
from pixmill.services.keys import Caller
from pixmill.services.limits import Allowance, RateLimits
from pixmill.stores.accounts import Account
from pixmill.stores.keys import Key
from pixmill.stores.limits import windows_at
from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.limits.valkey import ValkeyWindows
from pixmill.stores.limits.windows import Windows
from pixmill.stores.plans import Plan, validated
from services import rush, stampede
from services.desk import Clock

from fixtures.valkey import ValkeyServer

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
PATIENCE = 60.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "valkey"])
async def limits(request: pytest.FixtureRequest, clock: Clock) -> AsyncIterator[RateLimits]:
    windows: Windows = MemoryWindows(now=clock)
    if request.param == "valkey":
        windows = ValkeyWindows(request.getfixturevalue("valkey_url"), now=clock)
    limits = RateLimits(windows=windows, when_unavailable="closed")
    yield limits
    await limits.close()


def plan(**numbers: int) -> Plan:
    return validated(
        {"name": "p", "title": "P", "key_prefix": "p_", "max_file_size": "1MiB", **numbers}
    )


def caller(terms: Plan, *, account: str | None = None) -> Caller:
    """Return somebody with a new key, of a new account unless one is named."""
    owner = Account(id=account or uuid4().hex, email="a@b", plan=terms.name, created_at=NOON)
    key = Key(
        id=uuid4().hex,
        account_id=owner.id,
        plan=None,
        name="",
        digest="",
        display_prefix="",
        created_at=NOON,
    )
    return Caller(account=owner, key=key, plan=terms, used=0)


Ask = Callable[[], Awaitable[Allowance | None]]


async def refused(ask: Ask) -> errors.RateLimited:
    with pytest.raises(errors.RateLimited) as caught:
        await ask()
    return caught.value


async def test_every_answer_says_what_is_left(limits: RateLimits, clock: Clock) -> None:
    ada = caller(plan(minute_requests=3))

    assert await limits.peek(caller=ada) == Allowance(limit=3, remaining=3, reset_seconds=0)
    assert await limits.spend(caller=ada) == Allowance(limit=3, remaining=2, reset_seconds=60)
    clock.advance(seconds=10.5)
    assert await limits.spend(caller=ada) == Allowance(limit=3, remaining=1, reset_seconds=50)
    assert await limits.peek(caller=ada) == Allowance(limit=3, remaining=1, reset_seconds=50)


async def test_the_refusal_says_when_to_come_again(limits: RateLimits, clock: Clock) -> None:
    ada = caller(plan(minute_requests=2))
    await limits.spend(caller=ada)
    clock.advance(seconds=19.1)
    await limits.spend(caller=ada)

    error = await refused(lambda: limits.spend(caller=ada))

    assert (error.window, error.limit, error.used, error.retry_after) == ("minute", 2, 2, 41)
    clock.advance(seconds=error.retry_after)
    await limits.spend(caller=ada)
    assert limits.status().counters.refused == 1


async def test_all_keys_of_an_account_share_its_limit(limits: RateLimits) -> None:
    terms = plan(minute_requests=2)
    one = caller(terms)
    two = caller(terms, account=one.account.id)
    await limits.spend(caller=one)
    await limits.spend(caller=two)

    for who in (one, two):
        await refused(lambda who=who: limits.spend(caller=who))
    await limits.spend(caller=caller(terms))


async def test_the_day_is_told_apart_from_the_minute(limits: RateLimits, clock: Clock) -> None:
    ada = caller(plan(minute_requests=2, daily_requests=3))
    await limits.spend(caller=ada)
    await limits.spend(caller=ada)
    assert (await refused(lambda: limits.spend(caller=ada))).window == "minute"
    clock.advance(minutes=1)
    await limits.spend(caller=ada)

    error = await refused(lambda: limits.spend(caller=ada))

    assert (error.window, error.limit, error.used) == ("day", 3, 3)
    assert error.retry_after == 12 * 3600 - 60
    # What the day refused was not taken from the minute.
    assert await limits.peek(caller=ada) == Allowance(limit=2, remaining=1, reset_seconds=60)
    clock.advance(seconds=error.retry_after)
    await limits.spend(caller=ada)


async def test_of_two_full_windows_the_longer_wait_is_told(limits: RateLimits) -> None:
    ada = caller(plan(minute_requests=1, daily_requests=1))
    await limits.spend(caller=ada)

    assert (await refused(lambda: limits.spend(caller=ada))).window == "day"


async def test_a_plan_without_limits_is_never_refused(limits: RateLimits) -> None:
    free, daily = caller(plan()), caller(plan(daily_requests=1))
    for _ in range(50):
        assert await limits.spend(caller=free) is None
        assert await limits.spend_read(caller=free) is None
    assert await limits.peek(caller=free) is None

    assert await limits.spend(caller=daily) is None
    assert (await refused(lambda: limits.spend(caller=daily))).window == "day"


async def test_calls_of_today_are_counted_whatever_limits_them(
    limits: RateLimits, clock: Clock
) -> None:
    """OS-69."""
    for terms in (plan(), plan(minute_requests=5), plan(daily_requests=5)):
        ada = caller(terms)
        assert await limits.today(caller=ada) == 0
        for _ in range(3):
            await limits.spend(caller=ada)
        await limits.peek(caller=ada)
        assert await limits.today(caller=ada) == 3
    clock.advance(hours=12)

    assert await limits.today(caller=ada) == 0


async def test_who_has_no_limits_does_not_depend_on_valkey(valkey_server: ValkeyServer) -> None:
    limits = RateLimits(windows=windows_at(valkey_server.url), when_unavailable="closed")
    valkey_server.kill()
    free = caller(plan())

    assert await limits.spend(caller=free) is None
    assert await limits.peek(caller=free) is None
    assert await limits.today(caller=free) is None
    await limits.close()


async def test_a_plan_of_nothing_refuses_the_first_request(limits: RateLimits) -> None:
    nobody = caller(plan(minute_requests=0))

    error = await refused(lambda: limits.spend(caller=nobody))

    assert (error.used, error.retry_after) == (0, 60)


async def test_a_smaller_plan_counts_what_the_larger_one_let_through(
    limits: RateLimits, clock: Clock
) -> None:
    rich = caller(plan(minute_requests=5))
    poor = caller(plan(minute_requests=2), account=rich.account.id)
    for _ in range(4):
        await limits.spend(caller=rich)
        clock.advance(seconds=1)

    error = await refused(lambda: limits.spend(caller=poor))

    # Three have to leave, the third of which came two seconds after the first.
    assert (error.used, error.limit, error.retry_after) == (4, 2, 58)
    assert await limits.peek(caller=poor) == Allowance(limit=2, remaining=0, reset_seconds=58)


@pytest.mark.parametrize(("requests", "reads"), [(300, 150), (1000, 500), (3000, 1500), (1, 1)])
async def test_each_key_reads_results_at_half_the_rate(
    limits: RateLimits, requests: int, reads: int
) -> None:
    """OG-80 and OG-84."""
    terms = plan(minute_requests=requests)
    one = caller(terms)
    two = caller(terms, account=one.account.id)

    assert await limits.peek_read(caller=one) == Allowance(
        limit=reads, remaining=reads, reset_seconds=0
    )
    for _ in range(reads):
        await limits.spend_read(caller=one)

    assert (await refused(lambda: limits.spend_read(caller=one))).limit == reads
    await limits.spend_read(caller=two)
    left = await limits.peek(caller=one)
    assert left
    assert left.remaining == requests


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
    ],
)
async def test_who_has_no_key_is_known_by_the_address(
    clock: Clock, first: str, second: str, *, same: bool
) -> None:
    """OS-92."""
    limits = RateLimits(windows=MemoryWindows(now=clock), anonymous_requests=20)
    for left in reversed(range(20)):
        allowance = await limits.spend_anonymous(address=first)
        assert allowance == Allowance(limit=20, remaining=left, reset_seconds=60)

    assert (await refused(lambda: limits.spend_anonymous(address=first))).limit == 20
    if same:
        await refused(lambda: limits.spend_anonymous(address=second))
    else:
        allowance = await limits.spend_anonymous(address=second)
        assert allowance == Allowance(limit=20, remaining=19, reset_seconds=60)


async def test_of_those_who_ask_at_once_exactly_the_limit_pass(limits: RateLimits) -> None:
    ada = caller(plan(minute_requests=200, daily_requests=1000))
    asked = (limits.spend(caller=ada) for _ in range(400))

    answers = await asyncio.gather(*asked, return_exceptions=True)

    passed = [answer.remaining for answer in answers if isinstance(answer, Allowance)]
    assert sorted(passed) == list(range(200))
    assert sum(isinstance(answer, errors.RateLimited) for answer in answers) == 200


async def test_processes_together_pass_exactly_the_limit(valkey_url: str) -> None:
    ada = caller(plan(minute_requests=200, daily_requests=100_000))
    started = [rush.start(stampede.rush_in, valkey_url, ada, 100) for _ in range(4)]
    counts = [await asyncio.to_thread(answer.recv) for answer, _ in started]
    for _, process in started:
        process.join()

    assert [passed + denied for passed, denied in counts] == [100] * 4
    assert sum(passed for passed, _ in counts) == 200


async def until(ask: Callable[[], Awaitable[bool]]) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while not await ask():
        assert loop.time() < deadline
        await asyncio.sleep(0.01)


def outage_lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.message for record in caplog.records if "rate limits" in record.message]


Act = Callable[[ValkeyServer], None]
HURTS = pytest.mark.parametrize(
    ("hurt", "heal"),
    [(ValkeyServer.kill, ValkeyServer.start), (ValkeyServer.freeze, ValkeyServer.thaw)],
    ids=["killed", "frozen"],
)


@HURTS
async def test_without_valkey_open_lets_through_and_comes_back(
    valkey_server: ValkeyServer, caplog: pytest.LogCaptureFixture, hurt: Act, heal: Act
) -> None:
    limits = RateLimits(windows=windows_at(valkey_server.url), pause=0.05)
    ada = caller(plan(minute_requests=5))
    bob = caller(plan(minute_requests=1000))
    await limits.spend(caller=ada)
    # In the middle: many are on their way.
    on_their_way = [asyncio.create_task(limits.spend(caller=bob)) for _ in range(50)]
    await asyncio.sleep(0)
    hurt(valkey_server)
    await asyncio.gather(*on_their_way)

    for _ in range(20):
        assert await limits.spend(caller=ada) is None
        assert await limits.peek(caller=ada) is None
    status = limits.status()
    assert not status.available
    assert status.counters.outages == 1
    assert status.counters.let_through >= 20
    assert status.counters.turned_away == 0
    assert len(outage_lines(caplog)) == 1
    assert "let through uncounted" in outage_lines(caplog)[0]

    heal(valkey_server)

    async def counted() -> bool:
        return await limits.peek(caller=ada) is not None

    await until(counted)
    assert limits.status().available
    assert len(outage_lines(caplog)) == 2
    await asyncio.gather(*(limits.spend(caller=caller(bob.plan)) for _ in range(50)))
    # One that was killed has forgotten; one that was frozen may have counted more.
    await asyncio.gather(*(limits.spend(caller=ada) for _ in range(5)), return_exceptions=True)
    await refused(lambda: limits.spend(caller=ada))
    assert len(outage_lines(caplog)) == 2
    await limits.close()


@HURTS
async def test_without_valkey_closed_refuses_and_comes_back(
    valkey_server: ValkeyServer, caplog: pytest.LogCaptureFixture, hurt: Act, heal: Act
) -> None:
    limits = RateLimits(
        windows=windows_at(valkey_server.url), when_unavailable="closed", pause=0.05
    )
    ada = caller(plan(minute_requests=5))
    await limits.spend(caller=ada)
    hurt(valkey_server)

    for _ in range(20):
        with pytest.raises(errors.Unavailable) as caught:
            await limits.spend(caller=ada)
        assert valkey_server.url not in str(caught.value)
        assert "Valkey" in caught.value.detail
        assert await limits.peek(caller=ada) is None
    counters = limits.status().counters
    assert (counters.outages, counters.turned_away, counters.let_through) == (1, 20, 0)
    assert len(outage_lines(caplog)) == 1
    assert "refused" in outage_lines(caplog)[0]
    assert all(record.levelno == logging.WARNING for record in caplog.records)

    heal(valkey_server)

    async def counted() -> bool:
        try:
            return await limits.spend(caller=ada) is not None
        except errors.Unavailable:
            return False

    await until(counted)
    assert limits.status().available
    assert len(outage_lines(caplog)) == 2
    await limits.close()


async def test_a_server_that_starts_before_valkey_is_not_kept_from_it(
    valkey_server: ValkeyServer,
) -> None:
    valkey_server.kill()
    limits = RateLimits(windows=windows_at(valkey_server.url), pause=0.0)
    ada = caller(plan(minute_requests=5))
    assert await limits.spend(caller=ada) is None

    valkey_server.start()

    assert await limits.spend(caller=ada) == Allowance(limit=5, remaining=4, reset_seconds=60)
    await limits.close()


async def test_after_a_failure_valkey_is_left_alone_for_a_while(
    valkey_server: ValkeyServer,
) -> None:
    limits = RateLimits(windows=windows_at(valkey_server.url), pause=PATIENCE)
    ada = caller(plan(minute_requests=5))
    valkey_server.kill()
    assert await limits.spend(caller=ada) is None

    valkey_server.start()

    assert await limits.spend(caller=ada) is None
    assert limits.status().counters.let_through == 2
    await limits.close()
