"""Work: what is done with a chunk by whoever has taken it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from pixmill import clock, errors
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.jobs.endings import Endings, GivenUp, Misjudged
from pixmill.services.jobs.types import CHUNKS, SINGLES, Chunk, Failure, Job, load_options
from pixmill.services.optimization import Optimization, Prepared
from pixmill.services.pool.blob import Blob
from pixmill.services.queue.queue import Queue
from pixmill.services.traffic import Traffic
from pixmill.services.uploads import Uploads
from pixmill.stores import chunks, jobs
from pixmill.stores.db import Database

log = logging.getLogger(__name__)

#: A job that was begun so often, and never came to an end, is given up: it may be what kills the
#: process.
MOST_TURNS = 5
#: The same for one that meets a bug, which is not likely to go away.
MOST_CRASHES = 3


class Work:
    """
    Works on chunks, as often as it takes and never twice to the end.

    *places* jobs are worked on at one time, of all chunks together: each may hold its upload in
    memory.
    """

    def __init__(  # noqa: PLR0913 - what work touches
        self,
        *,
        database: Database,
        queue: Queue,
        optimization: Optimization,
        uploads: Uploads,
        fetcher: Fetcher,
        endings: Endings,
        traffic: Traffic,
        places: int,
        stopping: Callable[[], bool],
        now: clock.Clock = clock.now,
    ) -> None:
        self._database = database
        self._queue = queue
        self._optimization = optimization
        self._uploads = uploads
        self._fetcher = fetcher
        self._endings = endings
        self._traffic = traffic
        self._most = places
        self._places = asyncio.Semaphore(places)
        self._stopping = stopping
        self._now = now

    async def run(self, chunk_id: str) -> None:
        """
        Bring every job of the chunk to its end, or put back those that are left when told to stop.

        Raises Busy when something that passes is in the way; what has ended by then has ended.
        """
        begun = await self._begin(chunk_id)
        if begun is None:
            return
        chunk, waiting = begun
        # Not all of them in line at one time: jobs of others are to find a place between them.
        line = asyncio.Semaphore(self._most)
        outcomes = await asyncio.gather(
            *(self._in_line(line, chunk, job) for job in waiting), return_exceptions=True
        )
        problems = [each for each in outcomes if isinstance(each, BaseException)]
        if not problems:
            await self._close(chunk)
            return
        async with self._database.transaction() as connection:
            await jobs.put_back(connection, chunk_id=chunk.id)
        # Whoever called tries again, with what is left.
        raise problems[0]

    async def _begin(self, chunk_id: str) -> tuple[Chunk, list[Job]] | None:
        async with self._database.transaction() as connection:
            chunk = await chunks.begin(connection, id_=chunk_id)
            if chunk is None:  # it was over already
                return None
            return chunk, await jobs.begin(connection, chunk_id=chunk_id, now=self._now())

    async def _close(self, chunk: Chunk) -> None:
        """Say that the chunk is over, or let somebody else go on with it."""
        async with self._database.transaction() as connection:
            if await jobs.put_back(connection, chunk_id=chunk.id) == 0:
                await chunks.finish(connection, id_=chunk.id, now=self._now())
                return
            await self._queue.put(
                connection,
                lane=CHUNKS if chunk.batch_id else SINGLES,
                id_=f"{chunk.id}.{chunk.turns}",
                argument=chunk.id,
            )

    async def _in_line(self, line: asyncio.Semaphore, chunk: Chunk, job: Job) -> None:
        async with line, self._places:
            if not self._stopping():
                await self._in_turn(chunk, job)

    async def _in_turn(self, chunk: Chunk, job: Job) -> None:
        if chunk.batch_id and not await self._lives(job):  # canceled while it was in line
            return
        # What a job did to the process before is of interest only where a chunk is begun again, and
        # so the others need not write it down.
        turns = 1
        if chunk.turns > 1:
            counted = await self._count_turn(job)
            if counted is None:  # somebody else has ended it
                return
            turns += counted
        if turns > MOST_TURNS:
            log.error("a job was given up", extra={"job": job.id, "turns": turns})
            await self._fail(chunk, job, errors.Internal())
            return
        try:
            await self._do(chunk, job)
        except errors.Busy:
            if chunk.turns > 1:  # that is nobody's fault
                await self._count_turn(job, by=-1)
            raise
        except errors.Error as error:
            log.info("a job failed: %s", error, extra={"job": job.id, "detail": error.detail})
            await self._fail(chunk, job, error)
        except Exception as crash:
            log.exception("a job met a bug", extra={"job": job.id, "turns": turns})
            if turns < MOST_CRASHES:
                raise
            await self._fail(chunk, job, errors.Internal(detail=repr(crash)))

    async def _lives(self, job: Job) -> bool:
        async with self._database.reading() as connection:
            return await jobs.lives(connection, id_=job.id)

    async def _count_turn(self, job: Job, *, by: int = 1) -> int | None:
        async with self._database.transaction() as connection:
            return await jobs.count_turn(connection, id_=job.id, by=by)

    async def _do(self, chunk: Chunk, job: Job) -> None:
        async with self._source(chunk, job) as (blob, filename):
            products = await self._products(job, blob, filename)
            while True:
                try:
                    async with self._database.transaction() as connection:
                        ended = await self._endings.complete(
                            connection,
                            chunk=chunk,
                            job=job,
                            products=products,
                            source_size=blob.size,
                        )
                except GivenUp as given_up:
                    await self._endings.results.discard(given_up.stored)
                    products = await self._products(job, blob, filename)
                except Misjudged as misjudged:
                    products = [_corrected(product, misjudged) for product in products]
                else:
                    if ended:
                        self._count(chunk, products, source_size=blob.size)
                    return

    async def _products(
        self, job: Job, blob: Blob, filename: str | None
    ) -> list[Prepared | Failure]:
        """
        Make what is wanted; without the first there is no point in the others.

        The first has the job's id, so that whoever has that need not ask for another one.
        """
        products: list[Prepared | Failure] = []
        for options in load_options(job.wanted):
            try:
                prepared = await self._optimization.prepare(
                    account_id=job.account_id,
                    blob=blob,
                    options=options,
                    filename=filename,
                    committed=job.committed,
                )
            except errors.Busy:
                raise
            except errors.Error as error:
                if not products:
                    raise
                products.append(Failure(code=error.code, message=str(error)))
            else:
                if not products:
                    prepared = replace(prepared, stored=replace(prepared.stored, id=job.id))
                products.append(prepared)
        return products

    @asynccontextmanager
    async def _source(self, chunk: Chunk, job: Job) -> AsyncIterator[tuple[Blob, str | None]]:
        """Give the image and what it is called: as the caller says, else as its server does."""
        filename = job.filename
        if job.source_url is not None:
            found = await self._fetcher.fetch(
                job.source_url, max_size=chunk.max_file_size, spend=lambda _size: None
            )
            blob, filename = found.blob, filename or found.filename
        else:
            assert job.source_key is not None
            assert job.source_size is not None
            try:
                blob = await self._uploads.open(key=job.source_key, size=job.source_size)
            except errors.ResultGone as error:  # somebody deleted it, or a power failure did
                raise errors.UploadIncomplete(
                    "The upload was lost on this side; send it again.", detail=error.detail
                ) from error
        with blob:
            yield blob, filename

    async def _fail(self, chunk: Chunk, job: Job, error: errors.Error) -> None:
        async with self._database.transaction() as connection:
            ended = await self._endings.fail(
                connection,
                chunk=chunk,
                job=job,
                failure=Failure(code=error.code, message=str(error)),
            )
        if ended:
            self._count(chunk, [Failure(code=error.code, message=str(error))], source_size=0)

    def _count(
        self, chunk: Chunk, products: Sequence[Prepared | Failure], *, source_size: int
    ) -> None:
        """Count what is committed."""
        prepared = [product for product in products if isinstance(product, Prepared)]
        self._traffic.count(
            account_id=chunk.account_id,
            key_id=chunk.key_id,
            api=chunk.dialect,
            requests=len(prepared),
            cached=sum(product.cached for product in prepared),
            errors=len(products) - len(prepared),
            bytes_in=source_size * len(prepared),
            bytes_out=sum(product.stored.size for product in prepared),
        )


def _corrected(product: Prepared | Failure, misjudged: Misjudged) -> Prepared | Failure:
    """Say of *product*, if it is what was *misjudged*, whether it had been made before."""
    if isinstance(product, Prepared) and product.stored is misjudged.stored:
        return replace(product, cached=misjudged.cached)
    return product
