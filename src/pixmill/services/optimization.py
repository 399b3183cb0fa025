"""The one path every image takes: sync calls, jobs, batches and the dashboard all end here."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from pixmill import errors
from pixmill.engine.survey import Survey
from pixmill.engine.types import ImageInfo, Limits, Options
from pixmill.engine.words import WRITABLE, embed
from pixmill.engine.words.types import Words
from pixmill.services.cache import NO_WORDS, SingleFlight, cache_key, digest_of, engine_version
from pixmill.services.keys import Caller
from pixmill.services.outcome import Outcome
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool
from pixmill.services.production import measure, produce, read_plans
from pixmill.services.quotas import Quotas, Reservation
from pixmill.services.results import Results, Stored

#: Does what is left to do with a result before it is charged for.
Finish = Callable[[Outcome], Awaitable[Outcome]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a caller gets for an image whose result stays for a while."""

    stored: Stored
    link: str  #: token with which anybody can have it
    cached: bool  #: the work had been done before


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A result that is ready to be entered and charged for."""

    stored: Stored
    cached: bool  #: the work had been done before
    found: bool = False  #: and is known to have been, whatever becomes of what it was found by


class Optimization:
    """Turns uploads into results, charging for what succeeds."""

    def __init__(self, *, quotas: Quotas, pool: Pool, limits: Limits, results: Results) -> None:
        self._quotas = quotas
        self._pool = pool
        self._limits = limits
        self._results = results
        self._flights: SingleFlight[Outcome] = SingleFlight()

    async def run(
        self,
        *,
        caller: Caller,
        blob: Blob,
        options: Options,
        count: int = 1,
        finish: Finish | None = None,
    ) -> Outcome:
        """
        Optimize *blob* for *caller* and charge for it, if and only if there is a result.

        It counts as *count* requests. What *finish* does with the result, and returns in its
        place, has to succeed, too.
        """
        async with self._quotas.reserve(caller=caller, count=count) as reservation:
            outcome = await produce(
                pool=self._pool, limits=self._limits, blob=blob, options=options
            )
            if finish:
                outcome = await finish(outcome)
            await reservation.settle(bytes_in=blob.size, bytes_out=len(outcome.data))
        return outcome

    async def keep(  # noqa: PLR0913 - each of them says one thing
        self,
        *,
        caller: Caller,
        blob: Blob,
        options: Options,
        filename: str | None,
        committed: bool = False,
        charge_again: bool = True,
        lifetime: timedelta | None = None,
    ) -> Kept:
        """
        Optimize *blob* for *caller*, and keep the result for a while, or for good if *committed*.

        It is kept for *lifetime* at most.

        What the account has had made before is not made again; it is charged for only with
        *charge_again*, but counted in any case (OG-24 to OG-26).
        """
        key = cache_key(
            digest=await asyncio.to_thread(digest_of, blob),
            options=options,
            engine=engine_version(),
        )
        known = await self._known(
            caller, key, filename=filename, committed=committed, lifetime=lifetime
        )
        if known and not charge_again:
            await self._quotas.count(caller=caller, bytes_in=blob.size, bytes_out=known.size)
            return self._kept(known, cached=True)
        repeated = known is not None
        async with self._quotas.reserve(caller=caller) as reservation:
            stored = known
            if stored is None:
                outcome, _ = await self._made(caller.account.id, key, blob=blob, options=options)
                # Not whoever began the work pays, who may have left, but whoever keeps it first.
                stored, repeated = await self._results.keep(
                    account_id=caller.account.id,
                    cache_key=key,
                    outcome=outcome,
                    filename=filename,
                    committed=committed,
                    lifetime=lifetime,
                )
            if charge_again or not repeated:
                await self._settled(reservation, stored, bytes_in=blob.size)
        if repeated and not charge_again:
            await self._quotas.count(caller=caller, bytes_in=blob.size, bytes_out=stored.size)
        return self._kept(stored, cached=repeated)

    async def prepare(  # noqa: PLR0913 - each of them says one thing
        self,
        *,
        account_id: str,
        blob: Blob,
        options: Options,
        filename: str | None,
        committed: bool = False,
        words: Words = NO_WORDS,
    ) -> Prepared:
        """
        Do the work of a job, or find that it was done before; charge for nothing.

        *words* go into the result, if its format has a place for them.

        Waits behind those who hold a connection for their answer, and for as long as it takes.
        """
        key = cache_key(
            digest=await asyncio.to_thread(digest_of, blob),
            options=options,
            engine=engine_version(),
            words=words,
        )
        known = await self._cached(account_id, key)
        if known:
            again = self._results.another(stored=known, filename=filename, committed=committed)
            return Prepared(stored=again, cached=True, found=True)
        outcome, first = await self._made(account_id, key, blob=blob, options=options, patient=True)
        if words != NO_WORDS and outcome.format in WRITABLE:
            with suppress(errors.WordsNotSupported):
                embedded = await asyncio.to_thread(embed, outcome.data, words)
                outcome = replace(outcome, data=embedded.data)
        stored = await self._results.stage(
            account_id=account_id,
            cache_key=key,
            outcome=outcome,
            filename=filename,
            committed=committed,
        )
        return Prepared(stored=stored, cached=not first)

    async def survey(self, blob: Blob) -> Survey:
        """Measure the picture in *blob*, for a job: it waits behind those who hold a connection."""
        return await measure(pool=self._pool, limits=self._limits, blob=blob)

    def check(self, *, blob: Blob, options: Options) -> ImageInfo:
        """
        Return what the header of *blob* says; raise what it says of why there can be no result.

        Reads all of a GIF, so not for the event loop.
        """
        return read_plans(blob, options, self._limits)[0].source

    async def _settled(self, reservation: Reservation, stored: Stored, *, bytes_in: int) -> None:
        """Charge for *stored*; what cannot be charged for is not kept for others to find."""
        try:
            await reservation.settle(bytes_in=bytes_in, bytes_out=stored.size)
        except BaseException:
            await self._results.delete(id_=stored.id, account_id=stored.account_id)
            raise

    async def _known(
        self,
        caller: Caller,
        key: str,
        *,
        filename: str | None,
        committed: bool,
        lifetime: timedelta | None,
    ) -> Stored | None:
        """Return what was made before, as a result of its own."""
        found = await self._cached(caller.account.id, key)
        if found is None:
            return None
        return await self._results.again(
            stored=found, filename=filename, committed=committed, lifetime=lifetime
        )

    async def _cached(self, account_id: str, key: str) -> Stored | None:
        found = await self._results.cached(account_id=account_id, cache_key=key)
        if found is None:
            return None
        try:
            await self._results.check(found)
        except errors.ResultGone:
            return None
        return found

    async def _made(
        self, account_id: str, key: str, *, blob: Blob, options: Options, patient: bool = False
    ) -> tuple[Outcome, bool]:
        """Do the work, once for all who ask for it now; say whether this call is their first."""

        async def work(own: Blob) -> Outcome:
            with own:
                return await produce(
                    pool=self._pool,
                    limits=self._limits,
                    blob=own,
                    options=options,
                    patient=patient,
                )

        # Who is in a hurry does not join somebody who waits at the end of the line.
        flight = f"{account_id} {key} {patient}"
        # The one who asked first may leave, and take the upload along, while others wait.
        return await self._flights.run(flight, lambda: work(blob.shared()))

    def _kept(self, stored: Stored, *, cached: bool) -> Kept:
        return Kept(stored=stored, link=self._results.link(stored), cached=cached)
