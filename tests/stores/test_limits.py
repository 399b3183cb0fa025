"""Windows of time, on each kind of store, beside a model that knows every request ever granted."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from valkey import Valkey

from pixmill import errors
from pixmill.stores.limits import windows_at
from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.limits.valkey import ValkeyWindows
from pixmill.stores.limits.windows import DAY, MINUTE, Level, Spent, Window, Windows
from services.desk import Clock

MIDNIGHT = datetime(2026, 6, 16, tzinfo=UTC)

Open = Callable[[Clock], Windows]


@pytest.fixture(params=["memory", "valkey"])
def open_windows(request: pytest.FixtureRequest) -> Open:
    """Give a function that opens the store with a clock, on each kind of store."""
    if request.param == "memory":
        return lambda clock: MemoryWindows(now=clock)
    url: str = request.getfixturevalue("valkey_url")
    return lambda clock: ValkeyWindows(url, now=clock)


def minute(limit: int, subject: str) -> Window:
    return Window(subject=subject, span=MINUTE, limit=limit)


def day(limit: int, subject: str) -> Window:
    return Window(subject=subject, span=DAY, limit=limit)


def milliseconds(clock: Clock) -> int:
    return round(clock.moment.timestamp() * 1000)


class Model:
    """Every request that was granted, and what follows from them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.granted: dict[tuple[str, str], list[int]] = defaultdict(list)

    def inside(self, window: Window) -> list[int]:
        """Return the times of what counts now."""
        now, length = milliseconds(self._clock), window.span.length
        start = now // length * length if window.span.aligned else now - length + 1
        return [at for at in self.granted[window.subject, window.span.name] if at >= start]

    def spend(self, windows: list[Window], cost: int) -> Spent:
        """Return the answer there should be."""
        fits = all(len(self.inside(window)) + cost <= window.limit for window in windows)
        for window in windows if fits else []:
            times = self.granted[window.subject, window.span.name]
            times.extend([milliseconds(self._clock)] * cost)
        return Spent(granted=fits, levels=tuple(self.level(window) for window in windows))

    def level(self, window: Window) -> Level:
        inside, now, length = self.inside(window), milliseconds(self._clock), window.span.length
        if not inside and window.limit:
            reset = 0
        elif window.span.aligned:
            reset = length - now % length
        elif not inside or not window.limit:
            reset = length
        else:
            # When so many are gone that there is room for one, or for one more than now.
            reset = inside[max(0, len(inside) - window.limit)] + length - now
        return Level(window=window, used=len(inside), reset=reset)


STEPS = st.lists(
    st.tuples(
        # Milliseconds that go by: nothing, a bit, to the very edge of a minute, a day.
        st.sampled_from([0, 0, 1, 999, 20_000, 59_999, 60_000, 60_001, 40_000_000, 86_400_000]),
        st.sampled_from(["ada", "bob"]),
        st.sampled_from([0, 1, 2, 3]),  # limit of the minute; it may change
        st.sampled_from([None, 0, 2, 4]),  # limit of the day
        st.sampled_from([1, 1, 1, 0, 2]),  # cost
    ),
    min_size=1,
    max_size=25,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_window_ever_passes_more_than_its_limit(open_windows: Open, steps) -> None:
    clock, run = Clock(), uuid4().hex
    model = Model(clock)

    async def play() -> None:
        store = open_windows(clock)
        for wait, name, per_minute, per_day, cost in steps:
            clock.advance(milliseconds=wait)
            subject = f"{name}-{run}"
            windows = [minute(per_minute, subject)]
            windows += [day(per_day, subject)] if per_day is not None else []

            assert await store.spend(windows, cost=cost) == model.spend(windows, cost)
        await store.close()

    asyncio.run(play())
    largest = {"minute": 3, "day": 4}
    for (_, span), times in model.granted.items():
        for at in times if span == "minute" else []:
            assert sum(at <= other < at + MINUTE.length for other in times) <= largest[span]


@pytest.mark.anyio
async def test_who_waits_as_long_as_told_is_let_in_and_not_before(open_windows: Open) -> None:
    clock, window = Clock(), minute(2, uuid4().hex)
    store = open_windows(clock)
    for _ in range(2):
        assert (await store.spend([window])).granted
        clock.advance(seconds=7)

    refused = await store.spend([window])
    assert not refused.granted
    assert refused.levels[0].reset == 46_000

    clock.advance(milliseconds=45_999)
    assert not (await store.spend([window])).granted
    clock.advance(milliseconds=1)
    assert (await store.spend([window])).granted
    await store.close()


@pytest.mark.anyio
async def test_a_day_begins_at_midnight_in_utc(open_windows: Open) -> None:
    clock, window = Clock(), day(1, uuid4().hex)
    store = open_windows(clock)
    clock.moment = MIDNIGHT
    clock.advance(milliseconds=-1)
    assert (await store.spend([window])).granted

    refused = await store.spend([window])
    clock.advance(milliseconds=1)

    assert refused.levels[0].reset == 1
    assert (await store.spend([window])).granted
    await store.close()


@pytest.mark.anyio
async def test_what_one_window_refuses_costs_nothing_of_the_others(open_windows: Open) -> None:
    subject = uuid4().hex
    store = open_windows(Clock())
    windows = [minute(5, subject), day(2, subject)]
    for _ in range(4):
        await store.spend(windows)

    looked = await store.spend(windows, cost=0)

    assert [level.used for level in looked.levels] == [2, 2]
    await store.close()


@pytest.mark.anyio
async def test_a_clock_that_is_set_back_locks_nobody_out(open_windows: Open) -> None:
    clock, one, two = Clock(), minute(2, uuid4().hex), minute(2, uuid4().hex)
    store = open_windows(clock)
    await store.spend([one])
    await store.spend([two])
    clock.advance(seconds=20)
    await store.spend([two])

    clock.advance(seconds=-10)
    assert [(await store.spend([two])).granted for _ in range(2)] == [True, False]
    clock.advance(hours=-1)
    assert [(await store.spend([two])).granted for _ in range(3)] == [True, True, False]
    await store.close()


@pytest.mark.anyio
async def test_memory_forgets_who_went_away() -> None:
    clock = Clock()
    store = MemoryWindows(now=clock)
    for number in range(1000):
        await store.spend([minute(5, f"visitor-{number}"), day(5, f"visitor-{number}")])
        clock.advance(milliseconds=1)

    # Who is still there does not keep the others.
    clock.advance(seconds=58)
    await store.spend([minute(5, "visitor-0")])
    clock.advance(seconds=58)
    await store.spend([minute(5, "somebody")])
    assert list(store._spans[MINUTE]._times) == ["visitor-0", "somebody"]

    clock.advance(days=1)
    await store.spend([minute(5, "somebody"), day(5, "somebody")])

    assert list(store._spans[MINUTE]._times) == ["somebody"]
    assert list(store._spans[DAY]._counts) == ["somebody"]


@pytest.mark.anyio
async def test_every_key_in_valkey_expires(valkey_url: str) -> None:
    store, subject = windows_at(valkey_url), uuid4().hex
    windows = [minute(3000, subject), day(3000, subject)]
    for _ in range(3000):
        await store.spend(windows)
    for visitor in range(50):
        await store.spend([minute(1, f"{subject}-{visitor}")], cost=visitor % 2)

    with Valkey.from_url(valkey_url) as client:
        for key in client.scan_iter(f"pixmill:{{{subject}*", count=1000):
            length = DAY.length if key.endswith(b":day") else MINUTE.length
            assert 0 < client.pttl(key) <= length
        used = {
            key: client.memory_usage(key, samples=0)
            for key in client.scan_iter(f"pixmill:{{{subject}}}:*", count=1000)
        }
    assert len(used) == 2
    assert max(used.values()) < 40_000  # what the busiest plan takes
    await store.close()


@pytest.mark.anyio
async def test_valkey_counts_by_its_own_clock(valkey_url: str) -> None:
    window = minute(2, uuid4().hex)
    one, other = windows_at(valkey_url), windows_at(valkey_url)
    await one.spend([window])
    await other.spend([window])

    refused = await one.spend([window])

    assert not refused.granted
    assert refused.levels[0].used == 2
    assert 0 < refused.levels[0].reset <= MINUTE.length
    await one.close()
    await other.close()


@pytest.mark.anyio
async def test_a_caller_who_leaves_does_not_harm_the_connection(valkey_url: str) -> None:
    store, subject = windows_at(valkey_url), uuid4().hex
    for wait in range(60):
        asking = [asyncio.create_task(store.spend([minute(1000, subject)])) for _ in range(3)]
        for _ in range(wait % 15):
            await asyncio.sleep(0)
        asking[wait % 3].cancel()
        await asyncio.gather(*asking, return_exceptions=True)
        looked = await store.spend([minute(7, f"{subject}-{wait}"), day(9, f"{subject}-{wait}")])

        assert [level.used for level in looked.levels] == [1, 1]
    await store.close()


@pytest.mark.anyio
async def test_a_rush_is_not_taken_for_an_outage(valkey_url: str) -> None:
    store, window = windows_at(valkey_url), minute(1000, uuid4().hex)

    answers = await asyncio.gather(*(store.spend([window]) for _ in range(5000)))

    assert sum(answer.granted for answer in answers) == 1000
    await store.close()


@pytest.mark.anyio
async def test_a_key_that_is_something_else_hurts_only_its_owner(valkey_url: str) -> None:
    store, subject = windows_at(valkey_url), uuid4().hex
    with Valkey.from_url(valkey_url) as client:
        client.set(f"pixmill:{{{subject}}}:minute", "foreign", px=60_000)
    asked = [minute(1, name) for name in ("other-" + subject, subject, "third-" + subject)]

    answers = await asyncio.gather(
        *(store.spend([window]) for window in asked), return_exceptions=True
    )

    assert [type(answer) for answer in answers] == [Spent, errors.Unavailable, Spent]
    await store.close()


@pytest.mark.parametrize("url", ["http://localhost", "redis://localhost:port", "localhost:6379"])
def test_an_address_that_cannot_be_one_is_refused_at_once(url: str) -> None:
    with pytest.raises(errors.Internal, match="PIXMILL_REDIS_URL"):
        windows_at(url)


@pytest.mark.anyio
async def test_without_an_address_the_process_counts_for_itself() -> None:
    store = windows_at("")

    assert not store.shared
    assert (await store.spend([minute(1, "ada")])).granted
    await store.close()


@pytest.mark.anyio
async def test_the_newest_of_a_window_that_rolls_is_taken_back(
    open_windows: Open,
) -> None:
    clock = Clock()
    windows = open_windows(clock)
    window = minute(5, uuid4().hex)
    await windows.undo(window, cost=3)
    for _ in range(4):
        await windows.spend([window])
        clock.advance(seconds=10)

    await windows.undo(window, cost=2)

    [level] = (await windows.spend([window], cost=0)).levels
    assert (level.used, level.reset) == (2, 20_000)
    clock.advance(seconds=20)
    [level] = (await windows.spend([window], cost=0)).levels
    assert level.used == 1
    await windows.undo(window, cost=5)
    assert (await windows.spend([window], cost=5)).granted
    await windows.close()
