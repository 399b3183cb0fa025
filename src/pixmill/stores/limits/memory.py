"""Counts of this process alone. What is over is forgotten in passing, a few subjects at a time."""

from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Sequence

from pixmill import clock
from pixmill.stores.limits.windows import Level, Span, Spent, Window


class MemoryWindows:
    """Requests counted in this process; nothing in `spend` waits, so nothing comes between."""

    shared = False

    def __init__(self, *, now: clock.Clock = clock.now) -> None:
        self._now = now
        self._spans: dict[Span, _Rolling | _Aligned] = {}

    async def spend(self, windows: Sequence[Window], *, cost: int = 1) -> Spent:
        """Do what `Windows.spend` says."""
        now = int(self._now().timestamp() * 1000)
        counts = [self._counts(window.span) for window in windows]
        granted = all(
            count.used(window.subject, now) + cost <= window.limit
            for count, window in zip(counts, windows, strict=True)
        )
        for count, window in zip(counts, windows, strict=True):
            if granted and cost:
                count.add(window.subject, now, cost)
        levels = tuple(
            Level(
                window=window,
                used=count.used(window.subject, now),
                reset=count.reset(window, now),
            )
            for count, window in zip(counts, windows, strict=True)
        )
        return Spent(granted=granted, levels=levels)

    async def undo(self, window: Window, *, cost: int) -> None:
        """Do what `Windows.undo` says."""
        self._counts(window.span).undo(window.subject, cost)

    async def close(self) -> None:
        """Do nothing."""

    def _counts(self, span: Span) -> "_Rolling | _Aligned":
        if span not in self._spans:
            self._spans[span] = (_Aligned if span.aligned else _Rolling)(span.length)
        return self._spans[span]


class _Rolling:
    """The times of the last requests, by subject; who came last is last."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._times: OrderedDict[str, list[int]] = OrderedDict()

    def used(self, subject: str, now: int) -> int:
        self._forget(now)
        times = self._times.get(subject, [])
        del times[bisect_right(times, now) :]  # the clock was set back
        del times[: bisect_right(times, now - self._length)]
        return len(times)

    def add(self, subject: str, now: int, cost: int) -> None:
        self._times.setdefault(subject, []).extend([now] * cost)
        self._times.move_to_end(subject)

    def undo(self, subject: str, cost: int) -> None:
        times = self._times.get(subject, [])
        del times[max(0, len(times) - cost) :]

    def reset(self, window: Window, now: int) -> int:
        times = self._times.get(window.subject)
        if not times and window.limit:
            return 0
        if not times or not window.limit:
            return self._length
        return times[max(0, len(times) - window.limit)] + self._length - now

    def _forget(self, now: int) -> None:
        while self._times:
            times = next(iter(self._times.values()))
            if times and now - self._length < times[-1] <= now:
                break  # and everybody behind came later
            self._times.popitem(last=False)


class _Aligned:
    """The requests of one window by subject; all subjects' windows begin together."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._start = 0
        self._counts: Counter[str] = Counter()

    def used(self, subject: str, now: int) -> int:
        start = now - now % self._length
        if start != self._start:
            self._start = start
            self._counts.clear()
        return self._counts[subject]

    def add(self, subject: str, now: int, cost: int) -> None:
        del now  # `used` was asked just before
        self._counts[subject] += cost

    def undo(self, subject: str, cost: int) -> None:
        self._counts[subject] = max(0, self._counts[subject] - cost)

    def reset(self, window: Window, now: int) -> int:
        unused = not self._counts[window.subject] and window.limit
        return 0 if unused else self._length - now % self._length
