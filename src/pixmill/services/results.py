"""Results: what was made is kept for a while, for its owner and for whoever has a signed link."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.links import Links
from pixmill.services.outcome import Outcome
from pixmill.stores import leases, results
from pixmill.stores.db import Database
from pixmill.stores.objects import Objects
from pixmill.stores.results import Stored

__all__ = ["Results", "Retention", "Stored", "Swept"]

#: When a result that is kept until somebody deletes it would expire.
FOREVER = datetime(9000, 1, 1, tzinfo=UTC)

#: Files, or rows, of one step of a sweep: one transaction, and then the next.
BATCH = 200

#: Between two looks for files that a writer who died had begun, and the age at which they are such.
TIDY_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """What one sweep did."""

    files: int  #: deleted
    rows: int  #: forgotten
    leftovers: int  #: files that a writer who died had begun


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what is kept."""

    ttl: timedelta = timedelta(hours=24)  #: a result can be had
    #: A file is left alone beyond the life of its results: for clocks that differ, downloads that
    #: are under way, and writers who have not come to the row yet.
    grace: timedelta = timedelta(minutes=15)
    memory: timedelta = timedelta(days=7)  #: an expired result's numbers can still be asked for


class Results:
    """Stored results."""

    def __init__(
        self,
        *,
        database: Database,
        objects: Objects,
        links: Links,
        retention: Retention,
        now: clock.Clock = clock.now,
    ) -> None:
        self._database = database
        self._objects = objects
        self._links = links
        self._retention = retention
        self._now = now
        self._tidied_at: datetime | None = None

    async def keep(  # noqa: PLR0913 - each of them says one thing
        self,
        *,
        account_id: str,
        cache_key: str,
        outcome: Outcome,
        filename: str | None = None,
        committed: bool = False,
        lifetime: timedelta | None = None,
    ) -> tuple[Stored, bool]:
        """
        Store *outcome*: first the bytes, then the row, so that whoever finds it can have it.

        With *committed* it stays until it is deleted (OG-21); *lifetime* is how long it stays at
        most. Also returns what `repeats` says of it. Raises StorageFull or Unavailable, and then
        there is nothing to be found.
        """
        while True:
            stored = await self.stage(
                account_id=account_id,
                cache_key=cache_key,
                outcome=outcome,
                filename=filename,
                committed=committed,
                lifetime=lifetime,
            )
            async with self._database.transaction() as connection:
                if await self.enter(connection, stored):
                    return stored, await self.repeats(connection, stored)
            await self.discard(stored)

    async def stage(  # noqa: PLR0913 - each of them says one thing
        self,
        *,
        account_id: str,
        cache_key: str,
        outcome: Outcome,
        filename: str | None = None,
        committed: bool = False,
        lifetime: timedelta | None = None,
    ) -> Stored:
        """
        Store the bytes of *outcome*, and return the row that `enter` is to add within some time.

        Without it nobody can find them, and a sweep deletes them. Raises StorageFull or
        Unavailable.
        """
        now = self._now()
        digest = await asyncio.to_thread(_digest, outcome.data)
        async with self._database.transaction() as connection:
            key = await leases.hold(connection, digest=digest, until=now + self._retention.grace)
        # Always written, though the same bytes may lie there: it mends what was lost.
        await self._objects.put(key, outcome.data)
        return Stored(
            id=str(uuid.uuid4()),
            account_id=account_id,
            cache_key=cache_key,
            key=key,
            filename=filename,
            format=outcome.format,
            mime=outcome.mime,
            extension=outcome.extension,
            width=outcome.width,
            height=outcome.height,
            frames=outcome.frames,
            how=outcome.how,
            score=outcome.score,
            original_size=outcome.original_size,
            size=len(outcome.data),
            created_at=now,
            expires_at=self._end(now, committed=committed, lifetime=lifetime),
        )

    async def enter(self, connection: AsyncConnection, stored: Stored) -> bool:
        """
        Add the row of *stored* in the caller's transaction, and make its file stay for it.

        False: the file was given up meanwhile, and there has to be another one.
        """
        until = FOREVER if stored.expires_at is None else stored.expires_at + self._retention.grace
        if not await leases.extend(connection, key=stored.key, until=until):
            return False
        await results.add(connection, stored)
        return True

    async def add(self, stored: Stored) -> bool:
        """Do what `enter` does, in a transaction of its own."""
        async with self._database.transaction() as connection:
            return await self.enter(connection, stored)

    async def repeats(self, connection: AsyncConnection, stored: Stored) -> bool:
        """
        Say whether the account has another living result of the same work as *stored*.

        To be asked after `enter` in the same transaction: equal bytes have one lease, which lets
        one transaction after the other do both.
        """
        return await results.repeated(connection, stored, now=self._now())

    async def discard(self, stored: Stored) -> None:
        """Delete the file of *stored*, to which `enter` said no."""
        # The store took so long that a sweep gave the file up meanwhile. It may have been written
        # after the sweep deleted it.
        await self._objects.delete([stored.key])

    async def again(
        self,
        *,
        stored: Stored,
        filename: str | None = None,
        committed: bool = False,
        lifetime: timedelta | None = None,
    ) -> Stored | None:
        """
        Keep the bytes of *stored* once more, as a result with an id and a life of its own.

        None means that they have just been given up: the work has to be done anew.
        """
        another = self.another(
            stored=stored, filename=filename, committed=committed, lifetime=lifetime
        )
        return another if await self.add(another) else None

    def another(
        self,
        *,
        stored: Stored,
        filename: str | None = None,
        committed: bool = False,
        lifetime: timedelta | None = None,
    ) -> Stored:
        """Return a row for the same bytes, which `enter` is to add."""
        now = self._now()
        return replace(
            stored,
            id=str(uuid.uuid4()),
            filename=filename,
            created_at=now,
            expires_at=self._end(now, committed=committed, lifetime=lifetime),
        )

    async def find(self, *, id_: str, account_id: str) -> Stored:
        """
        Return the account's result with that id, which may have expired.

        Raises NotFound when there is none, or it is somebody else's.
        """
        async with self._database.reading() as connection:
            stored = await results.find(connection, id_=id_)
        if stored is None or stored.account_id != account_id:
            raise errors.NotFound
        return stored

    async def all(self, *, ids: Sequence[str], account_id: str) -> dict[str, Stored]:
        """Return those of the account's results that there are, each by its id."""
        async with self._database.reading() as connection:
            found = await results.by_ids(connection, ids=ids)
        return {id_: each for id_, each in found.items() if each.account_id == account_id}

    async def cached(self, *, account_id: str, cache_key: str) -> Stored | None:
        """Return the account's newest living result of the same work."""
        async with self._database.reading() as connection:
            return await results.by_cache_key(
                connection, account_id=account_id, cache_key=cache_key, now=self._now()
            )

    def link(self, stored: Stored) -> str:
        """Return the token with which anybody can have *stored* for as long as it lives."""
        return self.link_to(id_=stored.id, expires_at=stored.expires_at)

    def link_to(self, *, id_: str, expires_at: datetime | None) -> str:
        """Return the same for the result with that id and life, without looking whether it is."""
        return self._links.sign(id_, expires_at=expires_at or FOREVER)

    async def linked(self, *, id_: str, token: str) -> Stored:
        """Return the living result that *token* was made for. Raises NotFound, also for uploads."""
        if not self._links.verify(id_, token):
            raise errors.NotFound
        async with self._database.reading() as connection:
            stored = await results.find(connection, id_=id_)
        if stored is None or stored.source:
            raise errors.NotFound
        return stored

    async def all_linked(self, *, tokens: Mapping[str, str]) -> list[Stored]:
        """
        Return the living results with those ids, each with the token that was made for it.

        Raises NotFound when there is one without, or an upload among them, and ResultsGone when
        the bytes of one are gone.
        """
        if not all(self._links.verify(id_, token) for id_, token in tokens.items()):
            raise errors.NotFound
        async with self._database.reading() as connection:
            found = await results.by_ids(connection, ids=tokens)
        if len(found) < len(tokens) or any(each.source for each in found.values()):
            raise errors.NotFound
        stored = [found[id_] for id_ in tokens]
        if gone := await self.missing(stored):
            raise errors.ResultsGone(missing=tuple(gone))
        return stored

    async def source(self, *, id_: str) -> Stored:
        """
        Return the upload with that id, whoever's it is. Raises NotFound.

        Whether it may be used is for the caller to find out.
        """
        async with self._database.reading() as connection:
            stored = await results.find(connection, id_=id_)
        if stored is None or not stored.source:
            raise errors.NotFound
        return stored

    async def open(
        self, stored: Stored, *, part: tuple[int, int] | None = None
    ) -> AsyncIterator[bytes]:
        """
        Return the bytes of *stored* in pieces; *part*: from its first byte up to before the other.

        Raises ResultGone before the first piece.
        """
        if stored.expired(self._now()):
            raise errors.ResultGone
        return await self._objects.open(stored.key, size=stored.size, part=part)

    async def check(self, stored: Stored) -> None:
        """Raise ResultGone unless the bytes of *stored* can be had, all of them."""
        if stored.expired(self._now()) or await self._objects.size(stored.key) != stored.size:
            raise errors.ResultGone

    async def missing(self, stored: Sequence[Stored]) -> set[str]:
        """Return the ids of those whose bytes cannot be had, or not all of them."""
        now = self._now()
        lost = await self._objects.missing((each.key, each.size) for each in stored)
        return {each.id for each in stored if each.expired(now) or each.key in lost}

    async def recall(self, stored: Stored) -> Outcome:
        """Return what was kept as *stored*. Raises ResultGone."""
        if stored.expired(self._now()):
            raise errors.ResultGone
        data = await self._objects.read(stored.key)
        if len(data) != stored.size:  # cut off by a power failure, or changed by somebody
            raise errors.ResultGone(detail=f"{stored.key} has {len(data)} bytes")
        return Outcome(
            data=data,
            format=stored.format,
            mime=stored.mime,
            extension=stored.extension,
            width=stored.width,
            height=stored.height,
            frames=stored.frames,
            how=stored.how,
            score=stored.score,
            original_size=stored.original_size,
        )

    async def delete(self, *, id_: str, account_id: str) -> None:
        """Delete the account's result, also a committed one. Raises NotFound."""
        async with self._database.transaction() as connection:
            stored = await results.delete(connection, id_=id_, account_id=account_id)
            if stored is None:
                raise errors.NotFound
            # Others may need the same bytes; nobody can begin to between this and the next line.
            await leases.lock(connection, key=stored.key)
            last, endless = await results.needed_until(connection, key=stored.key)
            until = self._now() if last is None else max(last, self._now())
            if not endless:
                await leases.shorten(
                    connection, key=stored.key, until=until + self._retention.grace
                )

    async def sweep(self) -> Swept:
        """
        Delete what nobody needs any more; see `pixmill.stores.leases` for why that is safe.

        To be called about once a minute, on as many machines as there are.
        """
        now = self._now()
        files = rows = 0
        while batch := await self._lapse(now):
            files += batch
        while batch := await self._forget(now):
            rows += batch
        return Swept(files=files, rows=rows, leftovers=await self._tidy(now))

    def _end(
        self, now: datetime, *, committed: bool, lifetime: timedelta | None
    ) -> datetime | None:
        """Return when a result that is made now expires."""
        if committed:
            return None
        ttl = self._retention.ttl
        return now + (ttl if lifetime is None else min(ttl, lifetime))

    async def _lapse(self, now: datetime) -> int:
        async with self._database.transaction() as connection:
            keys = await leases.lapse(connection, now=now, limit=BATCH)
        if keys:
            await self._objects.delete(keys)
            async with self._database.transaction() as connection:
                await leases.end(connection, keys=keys)
        return len(keys)

    async def _tidy(self, now: datetime) -> int:
        """Look through all of local disk, but not more than once in a while."""
        if self._tidied_at and now - self._tidied_at < TIDY_AFTER:
            return 0
        self._tidied_at = now
        return await self._objects.tidy(before=now - TIDY_AFTER)

    async def _forget(self, now: datetime) -> int:
        async with self._database.transaction() as connection:
            return await results.forget(
                connection, before=now - self._retention.memory, limit=BATCH
            )


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
