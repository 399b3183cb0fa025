"""
Rate limits: how many requests a minute and a day, and what happens while nobody can count.

All keys of an account share what its plan says. Results are read under a limit of each key's own
(OG-84), and whoever has no key is known by the address. Unlike the quota of a month, which is
charged for what was done, this is spent by asking.
"""

import logging
from contextlib import suppress
from dataclasses import asdict, dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from time import monotonic
from typing import Literal

from pixmill import errors
from pixmill.services.keys import Caller
from pixmill.stores.limits.windows import DAY, MINUTE, Level, Spent, Window, Windows

#: Said for "any number": a day that nobody limits is counted all the same (`RateLimits.today`).
ENDLESS = 2**53

#: Images that guests at one address may begin in a minute, whatever comes of them.
GUEST_MINUTE = 60

#: Seconds after a failure in which the counts are not asked for, so that nobody waits in vain.
PAUSE = 1.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a minute, for the headers of an answer."""

    limit: int
    remaining: int
    reset_seconds: int  #: until *remaining* grows; 0 when nothing is used


@dataclass(slots=True, kw_only=True)
class Counters:
    """What has happened since the start."""

    refused: int = 0  #: requests over a limit
    outages: int = 0  #: times that the counts could not be reached
    let_through: int = 0  #: requests uncounted meanwhile
    turned_away: int = 0  #: requests meanwhile, if those are refused


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsStatus:
    """How the rate limits do at this moment."""

    shared: bool  #: with other servers
    available: bool
    counters: Counters


class RateLimits:
    """How much of its minute and its day a caller has left."""

    def __init__(
        self,
        *,
        windows: Windows,
        when_unavailable: Literal["open", "closed"] = "open",
        anonymous_requests: int = 20,
        pause: float = PAUSE,
    ) -> None:
        self._windows = windows
        self._closed = when_unavailable == "closed"
        self._anonymous_requests = anonymous_requests
        self._pause = pause
        self._available = True
        self._failure = ""
        self._retry_at = 0.0  # by the monotonic clock
        self._counters = Counters()

    async def spend(self, *, caller: Caller) -> Allowance | None:
        """
        Take one request of the account's minute and day: of both, or of none.

        Return what is left of the minute; None when the plan does not limit it, or nobody can say.
        Raises RateLimited, and Unavailable when the counts are out of reach and that is to refuse.
        """
        return await self._take(_account(caller))

    async def spend_read(self, *, caller: Caller) -> Allowance | None:
        """
        Take one read of a result, of which a key has half its account's requests (OG-80).

        Returns and raises as `spend` does.
        """
        return await self._take(_reads(caller))

    async def spend_anonymous(self, *, address: str) -> Allowance | None:
        """
        Take one request of a caller without a valid key, known by *address* (OS-92).

        Returns and raises as `spend` does.
        """
        return await self._take(self._anonymous(address))

    async def peek(self, *, caller: Caller) -> Allowance | None:
        """Return what `spend` would without taking anything. Never raises."""
        return await self._look(_account(caller))

    async def peek_read(self, *, caller: Caller) -> Allowance | None:
        """Return what `spend_read` would without taking anything. Never raises."""
        return await self._look(_reads(caller))

    async def spend_guest(self, *, address: str, limit: int) -> None:
        """
        Take one image of the *limit* that a guest at *address* has a day, and of a minute.

        Raises as `spend` does.
        """
        await self._take([_guest(address, limit), _guest_minute(address)])

    async def return_guest(self, *, address: str, limit: int) -> None:
        """
        Give back what `spend_guest` took of the day. Never raises.

        Not of the minute, or to fail would be a way to go on forever.
        """
        with suppress(errors.Unavailable):
            await self._windows.undo(_guest(address, limit), cost=1)

    async def guest_left(self, *, address: str, limit: int) -> int | None:
        """Return how much of a day `spend_guest` would give; None when nobody can say."""
        try:
            spent = await self._ask([_guest(address, limit)], cost=0)
        except errors.Unavailable:
            return None
        return spent.levels[0].remaining

    async def today(self, *, caller: Caller) -> int | None:
        """Return the account's requests since midnight, UTC; None when nobody can say."""
        try:
            spent = await self._ask(_account(caller), cost=0)
        except errors.Unavailable:
            return None
        return next(level.used for level in spent.levels if level.window.span == DAY)

    async def check(self) -> None:
        """See whether requests can be counted. Raises Unavailable."""
        await self._windows.spend([Window(subject="check", span=MINUTE, limit=ENDLESS)], cost=0)

    def status(self) -> LimitsStatus:
        """Say how the counting goes."""
        return LimitsStatus(
            shared=self._windows.shared,
            available=self._available,
            counters=Counters(**asdict(self._counters)),
        )

    async def close(self) -> None:
        """Let go of all connections; to be called at shutdown."""
        await self._windows.close()

    def _anonymous(self, address: str) -> list[Window]:
        subject = f"address:{network(address)}"
        return [Window(subject=subject, span=MINUTE, limit=self._anonymous_requests)]

    async def _take(self, windows: list[Window]) -> Allowance | None:
        if not windows:
            return None
        try:
            spent = await self._ask(windows, cost=1)
        except errors.Unavailable:
            if self._closed and any(window.limit < ENDLESS for window in windows):
                self._counters.turned_away += 1
                raise
            self._counters.let_through += 1
            return None
        if not spent.granted:
            self._counters.refused += 1
            raise _limited(spent)
        return _allowance(spent)

    async def _look(self, windows: list[Window]) -> Allowance | None:
        if not windows:
            return None
        try:
            return _allowance(await self._ask(windows, cost=0))
        except errors.Unavailable:
            return None

    async def _ask(self, windows: list[Window], *, cost: int) -> Spent:
        """Ask the store, unless it has just failed; then one request tries again at a time."""
        if monotonic() < self._retry_at:
            raise errors.Unavailable(detail=self._failure)
        trying = not self._available
        if trying:
            self._retry_at = monotonic() + self._pause
        try:
            spent = await self._windows.spend(windows, cost=cost)
        except errors.Unavailable as error:
            self._retry_at = monotonic() + self._pause
            self._failure = error.detail
            if self._available:
                self._available = False
                self._counters.outages += 1
                what = "refused" if self._closed else "let through uncounted"
                _log.warning(
                    "rate limits are out of reach; requests are %s: %s", what, error.detail
                )
            raise
        if trying:
            self._available = True
            self._retry_at = 0.0
            _log.warning("rate limits are counted again")
        return spent


def _account(caller: Caller) -> list[Window]:
    minute, day = caller.plan.minute_requests, caller.plan.daily_requests
    limits = ((MINUTE, minute), (DAY, ENDLESS if day is None else day))
    return [
        Window(subject=caller.account.id, span=span, limit=limit)
        for span, limit in limits
        if limit is not None
    ]


def _guest(address: str, limit: int) -> Window:
    return Window(subject=f"guest:{network(address)}", span=DAY, limit=limit)


def _guest_minute(address: str) -> Window:
    return Window(subject=f"guest:{network(address)}", span=MINUTE, limit=GUEST_MINUTE)


def _reads(caller: Caller) -> list[Window]:
    limit = caller.plan.minute_requests
    if limit is None:
        return []
    return [Window(subject=f"reads:{caller.key.id}", span=MINUTE, limit=(limit + 1) // 2)]


def network(address: str) -> str:
    """Return whom *address* belongs to: one who has an IPv6 address has 2**64 of them."""
    try:
        parsed = ip_address(address)
    except ValueError:  # a Unix socket
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ip_network((int(parsed), 64), strict=False))


def _allowance(spent: Spent) -> Allowance | None:
    for level in spent.levels:
        if level.window.span == MINUTE:
            return Allowance(
                limit=level.window.limit,
                remaining=level.remaining,
                reset_seconds=_seconds(level),
            )
    return None


def _limited(spent: Spent) -> errors.RateLimited:
    """Return why nothing was spent: the full window that one has to wait for the longest."""
    full = max(
        (level for level in spent.levels if not level.remaining), key=lambda level: level.reset
    )
    return errors.RateLimited(
        limit=full.window.limit,
        used=full.used,
        retry_after=_seconds(full),
        window="day" if full.window.span == DAY else "minute",
    )


def _seconds(level: Level) -> int:
    """Return the reset in whole seconds, rounded up: who waits so long is let in."""
    return -(-level.reset // 1000)
