"""Batches: how far they are, what became of their jobs, and when they are complete."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Literal

from pixmill import clock, errors
from pixmill.services.jobs.endings import Endings
from pixmill.services.jobs.reports import Reports
from pixmill.services.jobs.types import IDLE, Batch, Failure, Job, Report
from pixmill.stores import batches, chunks, jobs
from pixmill.stores.db import Database

_TOO_LATE = Failure(code=errors.TooCostly.code, message="The server did not come to it in time.")

Status = Literal["open", "processing", "completed", "completed_with_errors", "expired"]

#: Rows of one step of a sweep, and jobs of one look at a batch from its start to its end.
STEP = 500

#: Jobs that are canceled in one go.
MOST_CANCELED = 2_000

#: Seconds between two looks at a batch that somebody follows, and two words of how far it is.
LOOK_SECONDS = 0.5
PROGRESS_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a batch is. All numbers but *rejected* are of jobs."""

    batch: Batch
    status: Status
    total: int
    queued: int
    processing: int
    completed: int
    failed: int  #: also those that were canceled or given up
    rejected: int  #: files that did not become jobs

    @property
    def over(self) -> bool:
        """Say whether nothing is expected to happen to it any more."""
        return self.status in {"completed", "completed_with_errors", "expired"}


class Batches:
    """Work that many requests brought under one name."""

    def __init__(  # noqa: PLR0913 - the last four are only ever said in tests
        self,
        *,
        database: Database,
        reports: Reports,
        endings: Endings,
        ttl: timedelta,
        now: clock.Clock = clock.now,
        idle: timedelta = IDLE,
        memory: timedelta = timedelta(days=7),
        step: int = STEP,
    ) -> None:
        self._database = database
        self._reports = reports
        self._endings = endings
        self._ttl = ttl
        self._now = now
        self._idle = idle
        self._memory = memory
        self._step = step

    async def find(self, *, name: str, account_id: str) -> Progress:
        """Return how far the account's batch is, by its id or by what the caller calls it."""
        async with self._database.reading() as connection:
            batch = await batches.find(connection, account_id=account_id, name=name)
            if batch is None:
                raise errors.BatchNotFound
            processing = 0
            if batch.finished < batch.accepted:
                processing = await jobs.processing(connection, batch_id=batch.id)
        return self._progress(batch, processing)

    async def all(self, *, account_id: str, start: int, limit: int) -> list[Progress]:
        """Return how far the account's batches are, the newest first."""
        async with self._database.reading() as connection:
            found = await batches.of_account(
                connection, account_id=account_id, start=start, limit=limit
            )
        return [self._progress(batch, 0) for batch in found]

    async def watched(
        self, *, id_: str, account_id: str, start: int, limit: int, failed: bool = False
    ) -> tuple[Progress, list[Report]]:
        """
        Return how far the account's batch is, and some of its jobs; first those without a result.

        *failed*: these alone. Raises BatchNotFound.
        """
        progress = await self.find(name=id_, account_id=account_id)
        async with self._database.reading() as connection:
            found = await jobs.in_vain_first(
                connection, batch_id=progress.batch.id, start=start, limit=limit, only=failed
            )
            return progress, await self._reports.all(connection, found)

    async def items(
        self, *, batch: Batch, start: int, limit: int, state: jobs.State | None = None
    ) -> list[Report]:
        """Return what is told of jobs of *batch*, in their order, from the number *start* on."""
        async with self._database.reading() as connection:
            page = await jobs.page(
                connection, batch_id=batch.id, start=start, limit=limit, state=state
            )
            return await self._reports.all(connection, page)

    async def ended(self, *, batch: Batch, after: int, limit: int = 100) -> list[Report]:
        """Return what is told of jobs of *batch* that were over after the *after*-th that was."""
        async with self._database.reading() as connection:
            found = await jobs.ended(connection, batch_id=batch.id, after=after, limit=limit)
            return await self._reports.all(connection, found)

    async def completed(self, *, batch: Batch) -> AsyncIterator[Report]:
        """Give what is told of all jobs of *batch* that have a result, in their order."""
        start = 0
        while True:
            page = await self.items(batch=batch, start=start, limit=self._step, state="completed")
            for report in page:
                yield report
            if len(page) < self._step:
                return
            start = page[-1].job.number + 1

    async def follow(
        self, *, progress: Progress, after: int = 0
    ) -> AsyncIterator[Progress | Report]:
        """
        Give what happens to a batch from when *progress* was read, until it is over.

        That is, what is told of its jobs in the order in which they were over, each once, from
        behind the *after*-th; now and then how far the batch is; and at the very end the `Progress`
        that is `over`. Raises BatchNotFound when it is forgotten meanwhile.
        """
        batch, told_at = progress.batch, monotonic()
        while True:
            async for report in self._ended(batch, after):
                yield report
                after = report.job.finish or after
            changed = batch != progress.batch
            if changed and (batch.completed_at or monotonic() >= told_at + PROGRESS_SECONDS):
                progress = await self.find(name=batch.id, account_id=batch.account_id)
                batch, told_at = progress.batch, monotonic()
                if not progress.over:
                    yield progress
            elif progress.over:
                yield progress
                return
            else:
                await asyncio.sleep(LOOK_SECONDS)
                batch = await self._look(batch)

    async def _ended(self, batch: Batch, after: int) -> AsyncIterator[Report]:
        """Give what is told of the jobs that were over by the time *batch* was read."""
        while after < batch.finished:
            page = await self.ended(batch=batch, after=after)
            for report in page:
                yield report
                after = report.job.finish or after
            if not page:
                return

    async def _look(self, batch: Batch) -> Batch:
        """Return the row of *batch* as it is by now: that costs little."""
        async with self._database.reading() as connection:
            found = await batches.by_id(connection, id_=batch.id)
        if found is None:
            raise errors.BatchNotFound
        return found

    async def close(self, *, name: str, account_id: str) -> Progress:
        """Say that no more is added to the account's batch (OG-66). Raises BatchNotFound."""
        async with self._database.transaction() as connection:
            batch = await batches.find(connection, account_id=account_id, name=name)
            if batch is None:
                raise errors.BatchNotFound
            await batches.close(connection, id_=batch.id, now=self._now())
            await self._endings.settle_batch(connection, id_=batch.id)
        return await self.find(name=batch.id, account_id=account_id)

    async def cancel(self, *, id_: str, account_id: str) -> int:
        """
        Cancel what is not over of the account's batch, and close it; return how many jobs that was.

        Those that somebody works on end too: what comes of them is dropped, and not charged. At
        most `MOST_CANCELED` in one go. Raises BatchNotFound.
        """
        progress = await self.close(name=id_, account_id=account_id)
        async with self._database.reading() as connection:
            living = await jobs.living_of_batch(
                connection, batch_id=progress.batch.id, limit=MOST_CANCELED
            )
            ids = {job.chunk_id for job in living}
            of = {id_: await chunks.find(connection, id_=id_) for id_ in ids}
        canceled = 0
        for job in living:
            # One transaction each: whoever ends a job locks first its row, then that of its batch.
            async with self._database.transaction() as connection:
                canceled += await self._endings.fail(
                    connection, chunk=of[job.chunk_id], job=job, state="cancelled"
                )
        return canceled

    async def sweep(self) -> None:
        """
        Give up jobs that are too late, complete idle batches, and forget what is long over.

        To be called about once a minute, on as many machines as there are.
        """
        await self._expire()
        await self._complete_idle()
        await self._forget()

    async def _complete_idle(self) -> None:
        async with self._database.reading() as connection:
            idle = await batches.idle(connection, since=self._now() - self._idle, limit=self._step)
        for id_ in idle:
            async with self._database.transaction() as connection:
                await self._endings.settle_batch(connection, id_=id_)

    async def _expire(self) -> None:
        while late := await self._late():
            for job in late:
                async with self._database.transaction() as connection:
                    chunk = await chunks.find(connection, id_=job.chunk_id)
                    await self._endings.fail(
                        connection, chunk=chunk, job=job, state="expired", failure=_TOO_LATE
                    )
                # Not in the same transaction: who begins with a chunk locks it before its jobs.
                async with self._database.transaction() as connection:
                    if not await jobs.living(connection, chunk_id=chunk.id):
                        await chunks.finish(connection, id_=chunk.id, now=self._now())

    async def _late(self) -> list[Job]:
        async with self._database.reading() as connection:
            return await jobs.late(connection, now=self._now(), limit=self._step)

    async def _forget(self) -> None:
        before = self._now() - self._memory
        while await self._forget_some(before):
            pass

    async def _forget_some(self, before: datetime) -> bool:
        """Forget as much as a short transaction can; say whether there may be more."""
        async with self._database.transaction() as connection:
            done = await batches.retire(connection, before=before, limit=self._step)
            alone = await chunks.over(connection, before=before, limit=self._step)
            count = await jobs.forget(connection, batch_ids=done, chunk_ids=alone, limit=self._step)
            if count < self._step:  # those were the last of their jobs
                await chunks.forget(connection, batch_ids=done, ids=alone)
                await batches.delete(connection, ids=done)
            return bool(done or alone)

    def status(self, batch: Batch) -> Status:
        """Return how *batch* stands."""
        now = self._now()
        if batch.finished < batch.accepted:
            return "processing"
        if batch.closed_at is None and batch.touched_at > now - self._idle:
            return "open"
        old = batch.completed_at and batch.completed_at + self._ttl <= now
        if old and not batch.committed:
            return "expired"
        return "completed_with_errors" if batch.failed else "completed"

    def _progress(self, batch: Batch, processing: int) -> Progress:
        waiting = batch.accepted - batch.finished
        processing = min(processing, waiting)
        return Progress(
            batch=batch,
            status=self.status(batch),
            total=batch.accepted,
            queued=waiting - processing,
            processing=processing,
            completed=batch.finished - batch.failed,
            failed=batch.failed,
            rejected=batch.rejected,
        )
