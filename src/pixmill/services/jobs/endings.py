"""The end of a job: one transaction in which everything about it happens, exactly once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock
from pixmill.services import holds
from pixmill.services.jobs.types import (
    IDLE,
    PATIENCE,
    Batch,
    Chunk,
    Failure,
    Job,
    Made,
    State,
    dump_made,
)
from pixmill.services.optimization import Prepared
from pixmill.services.results import Results, Stored
from pixmill.services.uploads import Uploads
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.stores import batches, jobs
from pixmill.stores.jobs import LIVING

#: One for each result that was asked for.
Products = Sequence[Prepared | Failure]


class GivenUp(Exception):
    """A file was given up by a sweep before its row was there; it has to be made anew."""

    def __init__(self, stored: Stored) -> None:
        super().__init__()
        self.stored = stored


class Misjudged(Exception):
    """
    What decides who is charged for work that several asked for is what is entered by now.

    Either somebody else has entered the same work of the same account meanwhile, or the one who
    was thought to have done so has not.
    """

    def __init__(self, stored: Stored, *, cached: bool) -> None:
        super().__init__()
        self.stored = stored
        self.cached = cached


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """Ends jobs, in the caller's transactions."""

    results: Results
    uploads: Uploads
    webhooks: Webhooks
    now: clock.Clock = clock.now
    idle: timedelta = IDLE
    #: How long the upload of a job that failed stays, so that it can be tried again.
    patience: timedelta = PATIENCE

    async def complete(
        self,
        connection: AsyncConnection,
        *,
        chunk: Chunk,
        job: Job,
        products: Products,
        source_size: int,
    ) -> bool:
        """
        End *job* with *products*, of which the first is a result, and charge for them.

        False: it has ended before, and nothing was done. Raises GivenUp, or Misjudged where that
        changes what is charged, and then nothing may be committed.
        """
        made = [_made(product) for product in products]
        if not await jobs.end(
            connection,
            id_=job.id,
            state="completed",
            now=self.now(),
            outcomes=dump_made(made),
            source_size=source_size,
        ):
            return False
        prepared = [product for product in products if isinstance(product, Prepared)]
        sizes = (source_size, prepared[0].stored.size)
        batch = await self._count(connection, job, failed=False, sizes=sizes)
        # In one order everywhere: see `pixmill.stores.usage.add`.
        for product in sorted(prepared, key=lambda each: each.stored.key):
            if not await self.results.enter(connection, product.stored):
                raise GivenUp(product.stored)
            if chunk.free_repeats and not product.found:
                cached = await self.results.repeats(connection, product.stored)
                if cached != product.cached:
                    raise Misjudged(product.stored, cached=cached)
        free = [each for each in prepared if each.cached and chunk.free_repeats]
        await self._leave(connection, job)
        await holds.settle(
            connection,
            payer=_payer(chunk),
            names=holds.names(job.id, job.held),
            charged=len(prepared) - len(free),
            cached=len(free),
            bytes_in=source_size * len(prepared),
            bytes_out=sum(each.stored.size for each in prepared),
        )
        await self._tell(connection, chunk, job, batch, event="job.completed")
        return True

    async def fail(  # noqa: PLR0913 - how a job ended
        self,
        connection: AsyncConnection,
        *,
        chunk: Chunk,
        job: Job,
        state: State = "failed",
        failure: Failure | None = None,
        only: Sequence[State] = LIVING,
    ) -> bool:
        """End *job* without a result, and charge for nothing. False: nothing was done."""
        if not await jobs.end(
            connection,
            id_=job.id,
            state=state,
            now=self.now(),
            only=only,
            error=failure.code if failure else None,
            message=failure.message if failure else None,
        ):
            return False
        batch = await self._count(connection, job, failed=True)
        again = state in jobs.UNLUCKY
        await self._leave(connection, job, after=self.patience if again else timedelta())
        await holds.settle(
            connection,
            payer=_payer(chunk),
            names=holds.names(job.id, job.held),
            charged=0,
            cached=0,
            bytes_in=0,
            bytes_out=0,
        )
        await self._tell(connection, chunk, job, batch, event=f"job.{state}")
        return True

    async def settle_batch(self, connection: AsyncConnection, *, id_: str) -> None:
        """Say that the batch is complete, if it is so by now, and tell who wants to know."""
        now = self.now()
        batch = await batches.complete(connection, id_=id_, now=now, idle_since=now - self.idle)
        if batch and batch.webhook_url:
            await self.webhooks.announce(
                connection,
                account_id=batch.account_id,
                url=batch.webhook_url,
                dialect=batch.dialect,
                event="batch.completed",
                subject=batch.id,
                base_url=batch.base_url,
            )

    async def _count(
        self,
        connection: AsyncConnection,
        job: Job,
        *,
        failed: bool,
        sizes: tuple[int, int] = (0, 0),
    ) -> Batch | None:
        """Count the end of *job* in its batch, first of all: rows are locked in one order."""
        if job.batch_id is None:
            return None
        batch = await batches.finish(
            connection,
            id_=job.batch_id,
            finished=1,
            failed=int(failed),
            bytes_in=sizes[0],
            bytes_out=sizes[1],
        )
        await jobs.number(connection, id_=job.id, finish=batch.finished)
        return batch

    async def _leave(
        self, connection: AsyncConnection, job: Job, *, after: timedelta = timedelta()
    ) -> None:
        if job.source_key is not None:
            await self.uploads.release(connection, key=job.source_key, after=after)

    async def _tell(
        self,
        connection: AsyncConnection,
        chunk: Chunk,
        job: Job,
        batch: Batch | None,
        *,
        event: str,
    ) -> None:
        if chunk.webhook_url is not None:
            await self.webhooks.announce(
                connection,
                account_id=chunk.account_id,
                url=chunk.webhook_url,
                dialect=chunk.dialect,
                event=event,
                subject=job.id,
                base_url=chunk.base_url,
            )
        if batch and batch.closed_at is not None and batch.finished == batch.accepted:
            await self.settle_batch(connection, id_=batch.id)


def _made(product: Prepared | Failure) -> Made:
    if isinstance(product, Failure):
        return Made(failure=product)
    return Made(result_id=product.stored.id, cached=product.cached)


def _payer(chunk: Chunk) -> holds.Payer:
    return holds.Payer(
        account_id=chunk.account_id,
        key_id=chunk.key_id,
        subject=chunk.subject,
        period=chunk.period,
    )
