"""
Traffic: what was answered on which day, for which key and through which API.

It is counted in memory, so that it costs the callers nothing, and written about once a second. A
server that is killed takes its last second along; what is charged is counted elsewhere, at once.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

from pixmill import clock, errors
from pixmill.stores import keys, traffic
from pixmill.stores.db import Database
from pixmill.stores.keys import Key
from pixmill.stores.traffic import Tally

T = TypeVar("T")

#: What the public page and the dashboard are called beside the names of the dialects.
WEBSITE = "website"

#: Days that are kept.
DAYS = 400

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What was answered."""

    requests: int = 0  #: images that there was a result for, charged or not
    cached: int = 0  #: those of them that had been made before
    errors: int = 0  #: images, and requests for them, that came to nothing
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def bytes_saved(self) -> int:
        """Return by how much the results were smaller than the uploads."""
        return self.bytes_in - self.bytes_out

    def __add__(self, other: "Numbers") -> "Numbers":
        """Return both together."""
        return Numbers(
            requests=self.requests + other.requests,
            cached=self.cached + other.cached,
            errors=self.errors + other.errors,
            bytes_in=self.bytes_in + other.bytes_in,
            bytes_out=self.bytes_out + other.bytes_out,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one key was used for on one day through one API."""

    day: date
    key_id: str  #: empty where it is about everybody
    key_name: str  #: also of a key that was deleted
    api: str
    numbers: Numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficReport:
    """What was answered in some days."""

    since: date
    until: date  #: included
    lines: Sequence[Line]  #: by day, key and API, without those with nothing in it

    @property
    def total(self) -> Numbers:
        """Return everything together."""
        return sum((line.numbers for line in self.lines), Numbers())

    @property
    def per_day(self) -> Mapping[date, Numbers]:
        """Return each of the days, also those on which nothing happened."""
        count = (self.until - self.since).days + 1
        days = {self.since + timedelta(days=number): Numbers() for number in range(count)}
        return days | _summed(self.lines, lambda line: line.day)

    @property
    def per_key(self) -> Mapping[tuple[str, str], Numbers]:
        """Return each key's, by its id and name, the most used one first."""
        found = _summed(self.lines, lambda line: (line.key_id, line.key_name))
        return dict(sorted(found.items(), key=lambda item: (-item[1].requests, item[0])))

    @property
    def per_api(self) -> Mapping[str, Numbers]:
        """Return each API's, by its name, the most used one first."""
        found = _summed(self.lines, lambda line: line.api)
        return dict(sorted(found.items(), key=lambda item: (-item[1].requests, item[0])))


class Traffic:
    """What was answered, for charts."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now
        #: What is not written yet: as many places as there are keys in use, and no more.
        self._tallies: dict[tuple[str, str, str, str], Numbers] = {}
        self._writing: asyncio.Task[None] | None = None
        self._swept_on: date | None = None

    def count(  # noqa: PLR0913 - each of them says one thing
        self,
        *,
        account_id: str,
        key_id: str,
        api: str,
        requests: int = 0,
        cached: int = 0,
        errors: int = 0,
        bytes_in: int = 0,
        bytes_out: int = 0,
    ) -> None:
        """
        Count what was answered just now.

        *requests* are images that there is a result for, *cached* those of them that had been made
        before, and *errors* what came to nothing.
        """
        # What is begun in a browser may be done by a job, which knows no better than its dialect.
        if key_id.startswith(keys.WEBSITE_PREFIX):
            api = WEBSITE
        numbers = Numbers(
            requests=requests,
            cached=cached,
            errors=errors,
            bytes_in=bytes_in,
            bytes_out=bytes_out,
        )
        self._add((account_id, key_id, api, self._now().date().isoformat()), numbers)

    async def flush(self) -> None:
        """
        Write what has gathered; to be called about once a second.

        Raises Unavailable or Busy, and then it is written the next time.
        """
        if self._writing is None or self._writing.done():
            if not self._tallies:
                return
            self._writing = asyncio.create_task(self._write())
        # To its end, or else nobody knows whether it is written.
        await asyncio.shield(self._writing)

    async def stop(self) -> None:
        """Write what is left; to be called at shutdown, when nothing is counted any more."""
        if self._writing:
            await asyncio.gather(self._writing, return_exceptions=True)
        try:
            await self.flush()
        except errors.Error as error:
            _log.warning(
                "the last of the traffic is lost: %s", error, extra={"detail": error.detail}
            )

    async def sweep(self) -> None:
        """Forget what is older than `DAYS`; does so once a day however often it is called."""
        today = self._now().date()
        if self._swept_on == today:
            return
        before = today - timedelta(days=DAYS)
        async with self._database.transaction() as connection:
            await traffic.forget(connection, before=before.isoformat())
        self._swept_on = today

    async def days(
        self,
        *,
        account_id: str | None,
        since: date,
        until: date,
        key_id: str | None = None,
        api: str | None = None,
    ) -> TrafficReport:
        """
        Return what was answered from *since* to *until*, both included, in days of UTC.

        Without *account_id*, for everybody together; the keys are not told apart then.
        """
        async with self._database.reading() as connection:
            rows = await traffic.find(
                connection,
                account_id=account_id,
                since=since.isoformat(),
                until=until.isoformat(),
                key_id=key_id,
                api=api,
            )
            named: list[Key] = []
            if account_id:
                named = await keys.listed(connection, account_id=account_id, every=True)
        names = {key.id: key.label for key in named}
        return TrafficReport(since=since, until=until, lines=[_line(row, names) for row in rows])

    def _add(self, place: tuple[str, str, str, str], numbers: Numbers) -> None:
        before = self._tallies.get(place)
        self._tallies[place] = numbers if before is None else before + numbers

    async def _write(self) -> None:
        tallies, self._tallies = self._tallies, {}
        rows = [
            Tally(
                account_id=account_id,
                key_id=key_id,
                api=api,
                day=day,
                requests=numbers.requests,
                cached=numbers.cached,
                errors=numbers.errors,
                bytes_in=numbers.bytes_in,
                bytes_out=numbers.bytes_out,
            )
            for (account_id, key_id, api, day), numbers in tallies.items()
        ]
        try:
            async with self._database.transaction() as connection:
                await traffic.add(connection, rows)
        except BaseException:
            for place, numbers in tallies.items():
                self._add(place, numbers)
            raise


def _line(row: Tally, names: Mapping[str, str]) -> Line:
    return Line(
        day=date.fromisoformat(row.day),
        key_id=row.key_id,
        key_name=names.get(row.key_id, row.key_id),
        api=row.api,
        numbers=Numbers(
            requests=row.requests,
            cached=row.cached,
            errors=row.errors,
            bytes_in=row.bytes_in,
            bytes_out=row.bytes_out,
        ),
    )


def _summed(lines: Iterable[Line], part: Callable[[Line], T]) -> dict[T, Numbers]:
    found: dict[T, Numbers] = {}
    for line in lines:
        of = part(line)
        found[of] = found.get(of, Numbers()) + line.numbers
    return found
