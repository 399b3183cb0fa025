"""
Quotas: a request is reserved before the work, and charged only when the work is done.

What a plan limits is *taken* in the database when the work begins. It is given back when the work
fails, when the caller goes away, or, after a while, when the server dies in the middle.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from pixmill import clock, errors
from pixmill.services.keys import Caller
from pixmill.stores import keys, quotas, usage
from pixmill.stores.db import Database
from pixmill.stores.usage import Usage

T = TypeVar("T")

#: How often a key's *last_used_at* is written: each time would be a write more for every request.
_TOUCH_AFTER = timedelta(minutes=1)

_log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Reservation:
    """A request that is being worked on; `settle` it when the work is done."""

    caller: Caller
    period: str  #: the month that is charged: the one in which the work began
    count: int = 1  #: requests that it counts as
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    settled: bool = False
    ledger: "Quotas" = field(repr=False)

    @property
    def ids(self) -> list[str]:
        """Return the ids of what is held, one for each request."""
        return [self.id, *(f"{self.id}-{number}" for number in range(1, self.count))]

    async def settle(self, *, bytes_in: int, bytes_out: int) -> None:
        """
        Charge the request and record its bytes: both, or neither.

        Raises QuotaExceeded, and charges nothing, when the work took longer than the lease and
        others used up the month meanwhile.
        """
        assert not self.settled, "a request is charged once"
        await self.ledger.settle(self, bytes_in=bytes_in, bytes_out=bytes_out)
        self.settled = True


class Quotas:
    """How much of its month a caller has left."""

    def __init__(
        self,
        *,
        database: Database,
        now: clock.Clock = clock.now,
        lease: timedelta = timedelta(seconds=120),
    ) -> None:
        self._database = database
        self._now = now
        #: How long a request is held for a server that says nothing more: longer than any work.
        self._lease = lease
        self._tasks: set[asyncio.Task[Any]] = set()

    def check(self, *, caller: Caller) -> None:
        """
        Raise QuotaExceeded when nothing is left, from what authentication has read already.

        Refuses most hopeless requests before their body is read; `reserve` is what counts.
        """
        limit = caller.plan.hard_limit
        if limit is not None and caller.used >= limit:
            raise self._exceeded(limit=limit, used=caller.used)

    @asynccontextmanager
    async def reserve(self, *, caller: Caller, count: int = 1) -> AsyncIterator[Reservation]:
        """
        Hold requests of *caller*'s month, *count* of them, for the work inside the block.

        Leaving the block without having settled gives it back. Raises QuotaExceeded, or Busy while
        all that is left is held by requests that may still fail.
        """
        reservation = Reservation(
            caller=caller, period=clock.period(self._now()), count=count, ledger=self
        )
        limit = caller.plan.hard_limit
        if limit is None:  # nothing to hold, and so nothing to give back
            yield reservation
            return
        taking = self._start(self._take(reservation, limit=limit))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.shield(self._start(self._give_back(reservation, after=taking)))
            raise
        try:
            yield reservation
        finally:
            if not reservation.settled:
                await asyncio.shield(self._start(self._give_back(reservation, after=taking)))

    async def settle(self, reservation: Reservation, *, bytes_in: int, bytes_out: int) -> None:
        """Do what `Reservation.settle` says."""
        charging = self._charge(reservation, bytes_in=bytes_in, bytes_out=bytes_out)
        await asyncio.shield(self._start(charging))

    async def count(self, *, caller: Caller, bytes_in: int, bytes_out: int) -> None:
        """Record a request that is not charged, because its work was done before (OG-26)."""
        period = clock.period(self._now())
        async with self._database.transaction() as connection:
            await usage.add(
                connection,
                [
                    Usage(
                        subject=subject,
                        period=period,
                        cached=1,
                        bytes_in=bytes_in,
                        bytes_out=bytes_out,
                    )
                    for subject in (caller.account.id, caller.key.id)
                ],
            )

    async def sweep(self) -> int:
        """
        Give back what servers that died were holding; return how many requests that was.

        To be called at start and about once a minute.
        """
        async with self._database.transaction() as connection:
            return await quotas.give_back_lapsed(connection, now=self._now())

    async def rehearse(self) -> None:
        """
        Write to the database what changes nothing. Raises Unavailable when there is no room.

        It is committed, because SQLite writes what is rolled back nowhere.
        """
        row = quotas.Reservation(
            id=secrets.token_hex(16), subject="", period="", expires_at=self._now()
        )
        async with self._database.transaction() as connection:
            await quotas.rehearse(connection, row)

    async def drain(self) -> None:
        """Wait for what callers that went away left to be done; to be called at shutdown."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin *work*, which goes on to its end when the caller is canceled meanwhile."""
        task = asyncio.create_task(work)
        self._tasks.add(task)  # the event loop itself only holds weak references
        task.add_done_callback(self._tasks.discard)
        return task

    async def _take(self, reservation: Reservation, *, limit: int) -> None:
        now = self._now()
        subject, period = reservation.caller.subject, reservation.period
        rows = [
            quotas.Reservation(
                id=each, subject=subject, period=period, expires_at=now + self._lease
            )
            for each in reservation.ids
        ]
        async with self._database.transaction() as connection:
            if await quotas.reserve(connection, rows, limit=limit):
                return
            lapsed = await quotas.give_back_lapsed(connection, now=now, subject=subject)
            if lapsed and await quotas.reserve(connection, rows, limit=limit):
                return
            used = await usage.find(connection, subject=subject, period=period)
        if used.requests + reservation.count <= limit:
            raise errors.Busy(
                "The last requests of this month are being worked on; try again shortly.",
                retry_after=1,
            )
        raise self._exceeded(limit=limit, used=used.taken)

    async def _give_back(self, reservation: Reservation, *, after: asyncio.Task[None]) -> None:
        await asyncio.wait([after])
        try:
            async with self._database.transaction() as connection:
                # None: they were never taken, or they lapsed and were swept.
                held = await quotas.end_all(connection, ids=reservation.ids)
                if held:
                    await usage.give_back(
                        connection,
                        subject=reservation.caller.subject,
                        period=reservation.period,
                        count=held,
                    )
        except errors.Error as error:
            # It lapses by itself, and the caller should hear of what went wrong before this.
            _log.warning("a reservation could not be given back: %s %s", error, error.detail)

    async def _charge(self, reservation: Reservation, *, bytes_in: int, bytes_out: int) -> None:
        caller, period, count = reservation.caller, reservation.period, reservation.count
        limit = caller.plan.hard_limit
        async with self._database.transaction() as connection:
            lost = 0
            if limit is not None:
                lost = count - await quotas.end_all(connection, ids=reservation.ids)
            await usage.add(
                connection,
                [
                    Usage(
                        subject=subject,
                        period=period,
                        requests=count,
                        # The one whose quota it is has taken the requests already.
                        taken=count if limit is None or subject != caller.subject else 0,
                        bytes_in=bytes_in,
                        bytes_out=bytes_out,
                    )
                    for subject in (caller.account.id, caller.key.id)
                ],
            )
            # The lease has run out, and what it held went back to the others: take it anew. Only
            # now, because rows are locked in one order everywhere, and `add` knows it.
            for _ in range(lost):
                assert limit is not None
                if not await usage.take(
                    connection, subject=caller.subject, period=period, limit=limit
                ):
                    raise self._exceeded(limit=limit, used=limit)
            now, last = self._now(), caller.key.last_used_at
            if last is None or now - last >= _TOUCH_AFTER:
                await keys.touch(connection, id_=caller.key.id, now=now)

    def _exceeded(self, *, limit: int, used: int) -> errors.QuotaExceeded:
        return errors.QuotaExceeded(limit=limit, used=used, reset_at=clock.next_period(self._now()))
