"""The one path every image takes: sync calls, jobs, batches and the dashboard all end here."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.decode import readable
from pixmill.engine.plan import memory_size, plans
from pixmill.engine.probe import probe
from pixmill.engine.survey import Survey
from pixmill.engine.survey import prepare as prepare_survey
from pixmill.engine.types import ImageInfo, Limits, Options, Plan
from pixmill.engine.words import WRITABLE, embed
from pixmill.engine.words.types import Words
from pixmill.services.cache import NO_WORDS, SingleFlight, cache_key, digest_of, engine_version
from pixmill.services.keys import Caller
from pixmill.services.outcome import Outcome
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool
from pixmill.services.quotas import Quotas, Reservation
from pixmill.services.results import Results, Stored

#: A larger header than this is read beside the event loop: a GIF's has to be walked to its end.
QUICK_SIZE = 1 << 20


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


class Optimization:
    """Turns uploads into results, charging for what succeeds."""

    def __init__(self, *, quotas: Quotas, pool: Pool, limits: Limits, results: Results) -> None:
        self._quotas = quotas
        self._pool = pool
        self._limits = limits
        self._results = results
        self._flights: SingleFlight[Outcome] = SingleFlight()

    async def run(self, *, caller: Caller, blob: Blob, options: Options) -> Outcome:
        """Optimize *blob* for *caller* and charge for it, if and only if there is a result."""
        async with self._quotas.reserve(caller=caller) as reservation:
            outcome = await produce(
                pool=self._pool, limits=self._limits, blob=blob, options=options
            )
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
        first = known is None
        async with self._quotas.reserve(caller=caller) as reservation:
            stored = known
            if stored is None:
                outcome, first = await self._made(
                    caller.account.id, key, blob=blob, options=options
                )
                stored = await self._results.keep(
                    account_id=caller.account.id,
                    cache_key=key,
                    outcome=outcome,
                    filename=filename,
                    committed=committed,
                    lifetime=lifetime,
                )
            if first or charge_again:
                await self._settled(reservation, stored, bytes_in=blob.size)
        if not first and not charge_again:
            await self._quotas.count(caller=caller, bytes_in=blob.size, bytes_out=stored.size)
        return self._kept(stored, cached=not first)

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
            return Prepared(stored=again, cached=True)
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
        return _plans(blob, options, self._limits)[0].source

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
        """Do the work, once for all who ask for it now; say whether this call began it."""

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


async def produce(
    *, pool: Pool, limits: Limits, blob: Blob, options: Options, patient: bool = False
) -> Outcome:
    """
    Optimize *blob* for nobody in particular.

    The header is read here, in memory-safe code, so that what cannot work is refused before it
    waits for a codec process, and so that it waits for the memory that it will need.
    """
    if blob.size <= QUICK_SIZE:
        steps = _plans(blob, options, limits)
    else:
        steps = await asyncio.to_thread(_plans, blob, options, limits)
    done = await pool.optimize(
        blob, options, memory_size=max(map(memory_size, steps)), patient=patient
    )
    codec = codecs.get(done.format)
    return Outcome(
        data=done.data,
        format=done.format,
        mime=codec.mime,
        extension=codec.extension,
        width=done.width,
        height=done.height,
        frames=done.frames,
        how=done.how,
        score=done.score,
        original_size=blob.size,
    )


async def measure(*, pool: Pool, limits: Limits, blob: Blob) -> Survey:
    """Measure the picture in *blob* for nobody in particular, who waits for as long as it takes."""
    plan = await asyncio.to_thread(_survey_plan, blob, limits)
    return await pool.survey(blob, memory_size=memory_size(plan), patient=True)


def _plans(blob: Blob, options: Options, limits: Limits) -> tuple[Plan, ...]:
    return plans(_probed(blob), options, limits)


def _survey_plan(blob: Blob, limits: Limits) -> Plan:
    return prepare_survey(_probed(blob), limits)


def _probed(blob: Blob) -> ImageInfo:
    """Return what the header says. Raises UnreadableImage or UnsupportedFormat."""
    with blob.view() as data:
        info = probe(data)
    if info.format not in readable():
        raise errors.UnsupportedFormat
    return info
