"""Retries: what failed is done once more, of the same upload or URL, and only once."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.jobs.jobs import Jobs
from pixmill.services.jobs.types import (
    PATIENCE,
    Accepted,
    InBatch,
    Item,
    Job,
    Order,
    load_options,
)
from pixmill.services.keys import Caller
from pixmill.services.uploads import Uploads
from pixmill.stores import batches, chunks, jobs
from pixmill.stores.db import Database

#: Jobs that are tried again in one go.
MOST = 1_000

_GONE = "The upload is deleted by now; send it again."
_LUCKY = "There is nothing to try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried:
    """What does it once more."""

    id: str  #: of the new batch, or of the new job where there was no batch
    jobs: int = 0  #: 0: that was ordered before
    gone: int = 0  #: jobs whose uploads are deleted by now
    more: bool = False  #: more have failed than are tried again in one go


class Retries:
    """Has failed jobs done once more. That is paid like any other work, once it succeeds."""

    def __init__(  # noqa: PLR0913 - the last two are only ever said in tests
        self,
        *,
        database: Database,
        accepting: Jobs,
        uploads: Uploads,
        patience: timedelta = PATIENCE,
        now: clock.Clock = clock.now,
        most: int = MOST,
    ) -> None:
        self._database = database
        self._accepting = accepting
        self._uploads = uploads
        self._patience = patience
        self._now = now
        self._most = most

    def possible(self, job: Job) -> bool:
        """Say whether *job* has failed, nobody has tried it again, and its source is there."""
        if job.state not in jobs.UNLUCKY or job.retry_id is not None:
            return False
        kept = job.finished_at is not None and self._now() < job.finished_at + self._patience
        return job.source_url is not None or kept

    async def batch(self, *, caller: Caller, id_: str) -> Retried:
        """
        Have failed jobs of the caller's batch done in a new one, at most `MOST`, or none of them.

        Whoever asks twice gets the same. Raises BatchNotFound, Conflict when there is nothing to
        try again, UploadIncomplete when all uploads are deleted, QuotaExceeded.
        """
        async with self._database.transaction() as connection:
            batch = await batches.find(connection, account_id=caller.account.id, name=id_)
            if batch is None:
                raise errors.BatchNotFound
            found = await jobs.unlucky(connection, batch_id=batch.id, limit=self._most + 1)
            failed = found[: self._most]
            there = [job for job in failed if await self._is_there(connection, job)]
            if not there:
                known = await jobs.last_retry(connection, batch_id=batch.id)
                if known is None:
                    raise errors.UploadIncomplete(_GONE) if failed else errors.Conflict(_LUCKY)
                return Retried(id=known)
            accepted = await self._order(
                connection, caller, there, webhook_url=batch.webhook_url, together=True
            )
            assert accepted.batch
            id_ = accepted.batch.id
            await jobs.retried(connection, ids=[job.id for job in there], retry_id=id_)
        return Retried(
            id=id_,
            jobs=len(there),
            gone=len(failed) - len(there),
            more=len(found) > len(failed),
        )

    async def job(self, *, caller: Caller, id_: str) -> Retried:
        """Do the same for a job of the caller's that is in no batch. Raises JobNotFound."""
        async with self._database.transaction() as connection:
            job = await jobs.find(connection, id_=id_)
            if job is None or job.account_id != caller.account.id or job.batch_id is not None:
                raise errors.JobNotFound
            failed = await jobs.unlucky(connection, id_=id_, limit=1)
            if not failed:
                again = await jobs.find(connection, id_=id_)
                if again is None or again.retry_id is None:
                    raise errors.Conflict(_LUCKY)
                return Retried(id=again.retry_id)
            if not await self._is_there(connection, job):
                raise errors.UploadIncomplete(_GONE)
            chunk = await chunks.find(connection, id_=job.chunk_id)
            accepted = await self._order(
                connection, caller, failed, webhook_url=chunk.webhook_url, together=False
            )
            new = accepted.jobs[0].id
            await jobs.retried(connection, ids=[id_], retry_id=new)
        return Retried(id=new, jobs=1)

    async def _order(
        self,
        connection: AsyncConnection,
        caller: Caller,
        there: Sequence[Job],
        *,
        webhook_url: str | None,
        together: bool,
    ) -> Accepted:
        """Accept all of the jobs that are *there*, or none."""
        chunk = await chunks.find(connection, id_=there[0].chunk_id)
        accepted = await self._accepting.accept_in(
            connection,
            caller=caller,
            order=Order(
                dialect=chunk.dialect,
                base_url=chunk.base_url,
                items=[_item(job) for job in there],
                batch=InBatch(close=True) if together else None,
                free_repeats=chunk.free_repeats,
                webhook_url=webhook_url,
            ),
        )
        for answer in accepted.items:
            if isinstance(answer, errors.Error):  # nothing is committed, so all can be tried later
                raise answer
        return accepted

    async def _is_there(self, connection: AsyncConnection, job: Job) -> bool:
        if job.source_key is None:
            return True
        return await self._uploads.holds(connection, key=job.source_key)


def _item(job: Job) -> Item:
    return Item(
        wanted=load_options(job.wanted),
        key=job.source_key,
        size=job.source_size if job.source_key else None,
        url=job.source_url,
        filename=job.filename,
        label=json.loads(job.label),
        committed=job.committed,
    )
