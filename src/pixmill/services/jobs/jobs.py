"""Jobs: what is ordered is accepted in one transaction, and can be asked about and canceled."""

import asyncio
import json
import time
import uuid
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import holds
from pixmill.services.jobs.endings import Endings
from pixmill.services.jobs.reports import Reports
from pixmill.services.jobs.types import (
    CHUNKS,
    LIFE,
    MOST_JOBS,
    SINGLES,
    Accepted,
    Batch,
    Chunk,
    InBatch,
    Item,
    Job,
    Order,
    Receipt,
    Report,
    dump_options,
)
from pixmill.services.keys import Caller
from pixmill.services.queue.queue import Queue
from pixmill.services.uploads import Uploads
from pixmill.stores import batches, chunks, jobs, keys
from pixmill.stores.db import Database

#: Seconds between two looks at jobs that somebody waits for: at first, and at most.
_LOOKS = (0.05, 0.5)


class Jobs:
    """Images that are worked on later."""

    def __init__(  # noqa: PLR0913 - what a job touches
        self,
        *,
        database: Database,
        queue: Queue,
        uploads: Uploads,
        endings: Endings,
        reports: Reports,
        now: clock.Clock = clock.now,
        life: timedelta = LIFE,
        most_jobs: int = MOST_JOBS,
    ) -> None:
        self._database = database
        self._queue = queue
        self._uploads = uploads
        self._endings = endings
        self._reports = reports
        self._now = now
        self._life = life
        self._most_jobs = most_jobs

    async def submit(
        self, *, caller: Caller, order: Order, receipt: Receipt | None = None
    ) -> Accepted:
        """
        Accept what can be accepted of *order*: rows, quota, *receipt* and queue, or nothing at all.

        Items for which the month has no room, or the batch, get an error in their place. Raises
        BatchFull when there is no room for any, and BatchClosed.
        """
        try:
            async with self._database.transaction() as connection:
                accepted = await self.accept_in(connection, caller=caller, order=order)
                if receipt:
                    await receipt(connection, accepted)
        except errors.Busy:  # perhaps the answer of the database was lost, and all is accepted
            raise
        except Exception:
            async with self._database.transaction() as connection:
                await self._release(connection, order.items)
            raise
        return accepted

    async def find(self, *, id_: str, account_id: str) -> Report:
        """Return what is told of the account's job. Raises JobNotFound."""
        async with self._database.reading() as connection:
            job = await self._own(connection, id_=id_, account_id=account_id)
            return await self._reports.one(connection, job)

    async def single(self, *, account_id: str, start: int, limit: int) -> list[Report]:
        """Return what is told of the account's jobs that are in no batch, the newest first."""
        async with self._database.reading() as connection:
            found = await jobs.single(connection, account_id=account_id, start=start, limit=limit)
            return await self._reports.single(connection, found)

    async def cancel(self, *, id_: str, account_id: str) -> Report:
        """Cancel the account's job while it is queued. Raises JobNotFound or Conflict."""
        async with self._database.transaction() as connection:
            job = await self._own(connection, id_=id_, account_id=account_id)
            chunk = await chunks.find(connection, id_=job.chunk_id)
            if not await self._endings.fail(
                connection, chunk=chunk, job=job, state="cancelled", only=("queued",)
            ):
                raise errors.Conflict(
                    "Somebody works on the job already; only what is queued can be canceled."
                    if job.state in jobs.LIVING
                    else "The job is over; there is nothing to cancel."
                )
        return await self.find(id_=id_, account_id=account_id)

    async def wait(self, *, chunk_id: str, patience: float, closing: asyncio.Event) -> list[Report]:
        """
        Return reports of the chunk's jobs once all are over.

        After *patience* seconds, or when *closing* is set, return what they say by then.
        """
        end = time.monotonic() + patience
        pause, longest = _LOOKS
        while not closing.is_set() and await self._living(chunk_id):
            left = end - time.monotonic()
            if left <= 0:
                break
            # No timeout round the whole loop: it would cut a question to the database in two.
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, left)):
                    await closing.wait()
            pause = min(longest, pause * 1.5)
        async with self._database.reading() as connection:
            found = await jobs.of_chunk(connection, chunk_id=chunk_id)
            return await self._reports.all(connection, found)

    async def accept_in(
        self, connection: AsyncConnection, *, caller: Caller, order: Order
    ) -> Accepted:
        """Do what `submit` does in the caller's transaction, who gives up uploads when it fails."""
        now = self._now()
        batch = room = None
        if order.batch:
            batch = await self._batch(connection, caller, order, order.batch, now=now)
            room = self._most_jobs - batch.accepted
            if room <= 0 and order.items:
                raise errors.BatchFull
        chunk = _chunk(caller, order, batch, now=now)
        found = await self._granted(connection, caller, order.items, room=room, now=now)
        first = batch.accepted if batch else 0
        accepted = self._accepted(chunk, found, first=first, limited=_limited(caller))
        if order.batch and batch:
            count = len(accepted.jobs)
            batch = await batches.grow(
                connection,
                id_=batch.id,
                accepted=count,
                rejected=order.batch.rejected + len(order.items) - count,
                now=now,
                committed=any(job.committed for job in accepted.jobs),
                close=order.batch.close,
                webhook_url=order.webhook_url,
            )
            accepted = replace(accepted, batch=batch)
        if accepted.jobs:
            await self._enter(connection, caller, chunk, accepted.jobs, now=now)
        elif batch:  # perhaps nothing was missing but the word that it was the last
            await self._endings.settle_batch(connection, id_=batch.id)
        pairs = zip(order.items, accepted.items, strict=True)
        await self._release(connection, (item for item, job in pairs if not isinstance(job, Job)))
        return accepted

    async def _release(self, connection: AsyncConnection, items: Iterable[Item]) -> None:
        """Have the uploads of *items* deleted, which do not become jobs."""
        for item in items:
            if item.key is not None:
                await self._uploads.release(connection, key=item.key)

    async def _living(self, chunk_id: str) -> int:
        async with self._database.reading() as connection:
            return await jobs.living(connection, chunk_id=chunk_id)

    async def _own(self, connection: AsyncConnection, *, id_: str, account_id: str) -> Job:
        job = await jobs.find(connection, id_=id_)
        if job is None or job.account_id != account_id:
            raise errors.JobNotFound
        return job

    async def _batch(
        self,
        connection: AsyncConnection,
        caller: Caller,
        order: Order,
        asked: InBatch,
        *,
        now: datetime,
    ) -> Batch:
        batch = await batches.begin(
            connection,
            Batch(
                id=str(uuid.uuid4()),
                account_id=caller.account.id,
                key_id=caller.key.id,
                dialect=order.dialect,
                name=asked.name,
                base_url=order.base_url,
                webhook_url=order.webhook_url,
                created_at=now,
                touched_at=now,
            ),
        )
        if batch.closed_at is not None and order.items:
            raise errors.BatchClosed
        return batch

    async def _granted(
        self,
        connection: AsyncConnection,
        caller: Caller,
        items: Sequence[Item],
        *,
        room: int | None,
        now: datetime,
    ) -> list[Item | errors.Error]:
        """Return the items that there is room for, in the batch and in the month."""
        fitting = items if room is None else items[:room]
        answers = await holds.granted(
            connection,
            caller=caller,
            needs=[len(item.wanted) for item in fitting],
            period=clock.period(now),
            now=now,
        )
        exceeded = holds.exceeded(caller, now=now)
        found: list[Item | errors.Error] = [
            item if granted else exceeded for item, granted in zip(fitting, answers, strict=True)
        ]
        return found + [errors.BatchFull() for _ in items[len(fitting) :]]

    def _accepted(
        self,
        chunk: Chunk,
        found: Sequence[Item | errors.Error],
        *,
        first: int,
        limited: bool,
    ) -> Accepted:
        items: list[Job | errors.Error] = []
        number = first
        for item in found:
            if isinstance(item, errors.Error):
                items.append(item)
                continue
            items.append(
                Job(
                    id=str(uuid.uuid4()),
                    chunk_id=chunk.id,
                    batch_id=chunk.batch_id,
                    account_id=chunk.account_id,
                    number=number,
                    label=json.dumps(item.label),
                    filename=item.filename,
                    source_key=item.key,
                    source_url=item.url,
                    source_size=item.size,
                    wanted=dump_options(item.wanted),
                    committed=item.committed,
                    held=len(item.wanted) if limited else 0,
                    created_at=chunk.created_at,
                    expires_at=chunk.created_at + self._life,
                )
            )
            number += 1
        anything = number > first
        return Accepted(chunk_id=chunk.id if anything else None, batch=None, items=tuple(items))

    async def _enter(
        self,
        connection: AsyncConnection,
        caller: Caller,
        chunk: Chunk,
        accepted: Sequence[Job],
        *,
        now: datetime,
    ) -> None:
        waiting = await chunks.unfinished(connection, account_id=chunk.account_id)
        await chunks.add(connection, chunk)
        await jobs.add(connection, accepted)
        for job in accepted:
            if job.source_key is not None:
                until = job.expires_at + holds.MARGIN
                await self._uploads.claim(connection, key=job.source_key, until=until)
        await holds.hold(
            connection,
            subject=chunk.subject,
            period=chunk.period,
            names=[name for job in accepted for name in holds.names(job.id, job.held)],
            until=max(job.expires_at for job in accepted),
        )
        await keys.touch(connection, id_=caller.key.id, now=now)
        await self._queue.put(
            connection,
            lane=CHUNKS if chunk.batch_id else SINGLES,
            id_=chunk.id,
            argument=chunk.id,
            # Who has little waiting goes before who has much, so that nobody's 50,000 files keep
            # everybody else's ten waiting.
            priority=waiting + 1,
        )


def _limited(caller: Caller) -> bool:
    return caller.plan.hard_limit is not None


def _chunk(caller: Caller, order: Order, batch: Batch | None, *, now: datetime) -> Chunk:
    return Chunk(
        id=str(uuid.uuid4()),
        batch_id=batch.id if batch else None,
        account_id=caller.account.id,
        key_id=caller.key.id,
        subject=caller.subject,
        period=clock.period(now),
        dialect=order.dialect,
        base_url=order.base_url,
        # Of a batch, its end is told, not that of each of its jobs.
        webhook_url=None if batch else order.webhook_url,
        free_repeats=order.free_repeats,
        max_file_size=caller.plan.max_file_size,
        created_at=now,
    )
