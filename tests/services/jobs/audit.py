"""An audit: whether everything that the database says of jobs agrees with everything else."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.services import holds
from pixmill.services.jobs.types import PATIENCE, load_made
from pixmill.stores import batches, chunks, deliveries, jobs, leases, quotas, results, usage
from pixmill.stores.batches import Batch
from pixmill.stores.chunks import Chunk
from pixmill.stores.jobs import LIVING, UNLUCKY, Job
from pixmill.stores.leases import Lease
from pixmill.stores.results import Stored
from pixmill.stores.tables import record
from services.jobs.mill import Mill

T = TypeVar("T")

#: Of whom, of which month, what.
Books = Counter[tuple[str, str, str]]


class Audit:
    """
    Looks at the books of a mill, and remembers what it saw.

    What it has seen ended may be forgotten, but not change, and stays charged for.
    """

    def __init__(self, mill: Mill) -> None:
        self._mill = mill
        #: Requests that were not jobs.
        self.others: Books = Counter()
        self.ended: dict[str, Job] = {}
        self._chunks: dict[str, Chunk] = {}
        self._results: dict[str, Stored] = {}
        #: For each batch how large it was when it was completed, each time.
        self._completed: dict[str, set[int]] = {}

    async def check(self) -> None:
        async with self._mill.database.transaction() as connection:
            rows = await _all(connection, jobs.jobs, Job)
            self._chunks |= {row.id: row for row in await _all(connection, chunks.chunks, Chunk)}
            kept = await _all(connection, results.results, Stored)
            self._remember(rows, kept)
            self._check_batches(await _all(connection, batches.batches, Batch), rows)
            self._check_uploads(await _all(connection, leases.leases, Lease), rows)
            held = await self._check_reservations(connection, rows)
            await self._check_usage(connection, held)
            await self._check_webhooks(connection)

    def _remember(self, rows: Iterable[Job], kept: Iterable[Stored]) -> None:
        self._results |= {row.id: row for row in kept}
        for job in rows:
            if job.state in LIVING:
                assert job.id not in self.ended, "it ended before"
                assert (job.finish, job.finished_at, job.outcomes) == (None, None, None)
                continue
            ended = replace(job, retry_id=None)  # all that may be said of it afterwards
            assert self.ended.setdefault(job.id, ended) == ended, "it ended in another way before"
            assert job.finished_at
            assert (job.outcomes is not None) == (job.state == "completed")
        # Every result belongs to one end of one job.
        owners = Counter(
            made.result_id
            for job in self.ended.values()
            for made in load_made(job.outcomes)
            if made.result_id
        )
        assert set(owners) == set(self._results)
        assert set(owners.values()) <= {1}

    def _check_batches(self, rows: Iterable[Batch], all_jobs: Iterable[Job]) -> None:
        for batch in rows:
            own = [job for job in all_jobs if job.batch_id == batch.id]
            over = [job for job in own if job.state not in LIVING]
            assert sorted(job.number for job in own) == list(range(batch.accepted))
            finishes = sorted(job.finish or 0 for job in over)
            assert finishes == list(range(1, batch.finished + 1))
            assert sum(job.state != "completed" for job in over) == batch.failed
            if batch.completed_at:
                assert batch.finished == batch.accepted
                if batch.webhook_url:
                    self._completed.setdefault(batch.id, set()).add(batch.accepted)
            if batch.closed_at and batch.finished == batch.accepted:
                assert batch.completed_at

    def _check_uploads(self, rows: Iterable[Lease], all_jobs: Iterable[Job]) -> None:
        now = self._mill.clock()
        found = {lease.key: lease for lease in rows}
        files = set(self._mill.files())
        for job in all_jobs:
            if job.source_key is None:
                continue
            lease = found.get(job.source_key)
            if job.state in LIVING:
                if self._lapsed(job):
                    continue
                assert lease
                assert lease.digest
                assert lease.ends_at > now
                assert job.source_key in files
            elif job.state in UNLUCKY and job.retry_id is None:  # somebody may try it again
                assert job.finished_at
                assert lease is None or lease.ends_at <= job.finished_at + PATIENCE
            elif job.retry_id is None:
                assert lease is None or lease.ends_at <= now

    async def _check_reservations(
        self, connection: AsyncConnection, all_jobs: Iterable[Job]
    ) -> Books:
        """Return what is held, which is what jobs hold that are not over."""
        rows = await connection.execute(sa.select(quotas.reservations))
        found = {row.id: (row.subject, row.period) for row in rows}
        held: Books = Counter()
        for job in all_jobs:
            chunk = self._chunks[job.chunk_id]
            for name in holds.names(job.id, job.held) if job.state in LIVING else ():
                holder = found.pop(name, None)
                assert holder or self._lapsed(job)
                if holder:
                    assert holder == (chunk.subject, chunk.period)
                    held[*holder, "taken"] += 1
        assert not found
        return held

    def _lapsed(self, job: Job) -> bool:
        return job.expires_at + holds.MARGIN <= self._mill.clock()

    async def _check_usage(self, connection: AsyncConnection, held: Books) -> None:
        expected = self.others + held
        for job in self.ended.values():
            expected.update(self._cost(job))
        found: Books = Counter()
        for row in await connection.execute(sa.select(usage.usage)):
            for name in ("requests", "taken", "cached", "bytes_in", "bytes_out"):
                found[row.subject, row.period, name] = getattr(row, name)
        assert +found == +expected

    def _cost(self, job: Job) -> Books:
        chunk = self._chunks[job.chunk_id]
        costs: Books = Counter()
        for made in load_made(job.outcomes):
            if made.result_id is None:
                continue
            free = made.cached and chunk.free_repeats
            for subject in (chunk.account_id, chunk.key_id):
                costs[subject, chunk.period, "requests"] += not free
                costs[subject, chunk.period, "taken"] += not free
                costs[subject, chunk.period, "cached"] += free
                costs[subject, chunk.period, "bytes_in"] += job.source_size or 0
                costs[subject, chunk.period, "bytes_out"] += self._results[made.result_id].size
        return costs

    async def _check_webhooks(self, connection: AsyncConnection) -> None:
        table = deliveries.deliveries
        rows = await connection.execute(sa.select(table.c.subject, table.c.event))
        told = Counter((row.subject, row.event) for row in rows)
        expected = Counter(
            (job.id, f"job.{job.state}")
            for job in self.ended.values()
            if self._chunks[job.chunk_id].webhook_url
        )
        for id_, sizes in self._completed.items():
            expected[id_, "batch.completed"] = len(sizes)
        assert told == expected


async def _all(connection: AsyncConnection, table: sa.Table, kind: type[T]) -> list[T]:
    return [record(kind, row) for row in await connection.execute(sa.select(table))]


async def everything(mill: Mill) -> dict[str, list[Any]]:
    """Return all rows of all tables, ours and the queue's."""
    async with mill.database.reading() as connection:
        found = {
            table.name: sorted((await connection.execute(sa.select(table))).all(), key=repr)
            for table in jobs.jobs.metadata.sorted_tables
        }
    return found | {"queue": list(await mill.waiting()) + list(await mill.waiting("webhooks"))}
