"""All at once on few rows: orders, work, cancellations, charges and sweeps, by two nodes."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from pixmill import clock as clocks
from pixmill import errors
from pixmill.services.jobs.types import InBatch, Job
from pixmill.services.keys import Caller
from pixmill.services.plans import Plans
from pixmill.stores.db import Database
from services.desk import Clock, Desk
from services.jobs.audit import Audit
from services.jobs.mill import AVIF, HOOK, WEBP, Mill

pytestmark = pytest.mark.anyio

TASKS, STEPS = 12, 15
BATCHES = (None, InBatch(name="a"), InBatch(name="b"), InBatch(close=True))


@pytest.fixture
async def nodes(
    mill: Mill, database_url: str, tmp_path: Path, clock: Clock
) -> AsyncIterator[list[Mill]]:
    """Give two nodes, each with its own connections and the same clock."""
    database = Database(database_url)
    other = Mill(database=database, url=database_url, folder=tmp_path / "objects", clock=clock)
    await other.start()
    yield [mill, other]
    await other.close()
    await database.close()


class Crowd:
    """Many who do what comes to their minds."""

    def __init__(
        self, nodes: list[Mill], desk: Desk, audit: Audit, clock: Clock, seed: int
    ) -> None:
        self.nodes = nodes
        self.clock = clock
        self.desk = desk
        self.audit = audit
        self.random = random.Random(seed)
        self.callers: list[Caller] = []
        self.jobs: list[Job] = []
        self.ways = (self.order, self.work, self.work, self.cancel, self.charge, self.sweep)

    async def begin(self) -> None:
        for plan in ("octosqueeze-free", "optipic-free", "self-hosted"):
            first = await self.desk.caller(plan)
            self.callers += [first, await self.desk.caller(plan, account=first.account.id)]

    async def wander(self) -> None:
        for _ in range(STEPS):
            await self.random.choice(self.ways)()

    def node(self) -> Mill:
        return self.random.choice(self.nodes)

    async def order(self) -> None:
        batch = self.random.choice(BATCHES)
        # A batch that is not closed may be complete more than once.
        told = batch is None or batch.close
        with suppress(errors.BatchFull, errors.UploadIncomplete):
            accepted = await self.node().submit(
                self.random.choice(self.callers),
                *self.random.choices(range(3), k=self.random.randint(1, 3)),
                item={"wanted": self.random.choice([(WEBP,), (AVIF, WEBP)])},
                batch=batch,
                free_repeats=self.random.random() < 0.5,
                webhook_url=HOOK if told else None,
            )
            self.jobs += accepted.jobs

    async def work(self) -> None:
        node = self.node()
        if waiting := await node.waiting():
            id_, chunk_id = self.random.choice(waiting[:3])
            await node.work().run(chunk_id)
            await node.take(id_)

    async def cancel(self) -> None:
        if self.jobs:
            job = self.random.choice(self.jobs)
            with suppress(errors.Conflict):
                await self.node().jobs.cancel(id_=job.id, account_id=job.account_id)

    async def charge(self) -> None:
        caller = self.random.choice(self.callers)
        node = self.node()
        try:
            async with node.quotas.reserve(caller=caller) as reservation:
                await reservation.settle(bytes_in=1000, bytes_out=600)
        except errors.Unavailable:
            raise
        except (errors.QuotaExceeded, errors.Busy):  # what is left may still be given back
            return
        month = clocks.period(node.clock())
        for subject in (caller.account.id, caller.key.id):
            self.audit.others[subject, month, "requests"] += 1
            self.audit.others[subject, month, "taken"] += 1
            self.audit.others[subject, month, "bytes_in"] += 1000
            self.audit.others[subject, month, "bytes_out"] += 600

    async def sweep(self) -> None:
        self.clock.advance(minutes=4)
        await self.node().sweep()


async def test_nobody_waits_for_each_other_and_the_books_agree(
    nodes: list[Mill], desk: Desk, plans: Plans, audit: Audit, clock: Clock
) -> None:
    await plans.change(name="octosqueeze-free", changes={"monthly_requests": 40})
    crowd = Crowd(nodes, desk, audit, clock, seed=1)
    await crowd.begin()

    # Whoever is the victim of a deadlock would hear that the database is not available.
    await asyncio.gather(*(crowd.wander() for _ in range(TASKS)))
    await nodes[0].work_off()

    await audit.check()
    assert set(audit.ended) == {job.id for job in crowd.jobs}
    assert len(crowd.jobs) > TASKS
