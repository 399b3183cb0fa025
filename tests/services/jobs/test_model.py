"""Jobs beside their books: orders, workers, deaths, cancellations and sweeps in any order."""

import asyncio
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from pixmill import clock, errors
from pixmill.services.jobs.endings import GivenUp, Products
from pixmill.services.jobs.types import Accepted, Chunk, InBatch, Job
from pixmill.services.jobs.work import Work
from pixmill.services.keys import Caller, Keys
from pixmill.services.plans import Plans
from pixmill.stores import jobs
from pixmill.stores.db import Database
from services.desk import Clock, Desk
from services.jobs.audit import Audit, everything
from services.jobs.mill import AVIF, HOOK, WEBP, Mill

T = TypeVar("T")

#: Requests that a limited plan has a month, of which each result takes one.
LIMIT = 6
PLANS = ("optipic-free", "octosqueeze-free", "self-hosted")
PICTURES = st.lists(st.integers(0, 2), min_size=1, max_size=3)
WHOSE = st.sampled_from(range(len(PLANS)))
BATCHES = st.sampled_from([None, InBatch(name="a"), InBatch(name="b"), InBatch(close=True)])
OUTPUTS = st.sampled_from([(WEBP,), (WEBP,), (WEBP, AVIF), (WEBP, WEBP, AVIF)])
TIMES = st.sampled_from(
    [timedelta(minutes=16), timedelta(hours=3), timedelta(days=2), timedelta(days=4)]
)


@dataclass(eq=False, kw_only=True)
class Hand:
    """Somebody who works on a chunk."""

    work: Work
    chunk: Chunk
    left: list[Job]
    ready: dict[str, Products] = field(default_factory=dict)


class Model(RuleBasedStateMachine):
    """A plan that limits keys, one that limits accounts, and one that limits nobody."""

    url: str
    accepted: Bundle[Job] = Bundle("accepted")
    hands: Bundle[Hand] = Bundle("hands")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.database = Database(self.url)
        self.mill = Mill(
            database=self.database,
            url=self.url,
            folder=Path(self.folder.name),
            clock=self.clock,
        )
        self.mill.jobs = self.mill.accepting(most_jobs=5)
        self.audit = Audit(self.mill)
        #: Chunks that somebody has taken from the queue, or had when he died.
        self.taken: list[str] = []
        self.promised: set[str] = set()
        self.callers = self.run(self.begin())

    async def begin(self) -> list[Caller]:
        await self.mill.start()
        await forget_all(self.mill)
        plans = Plans(database=self.database)
        for name in PLANS[:2]:
            await plans.change(name=name, changes={"monthly_requests": LIMIT})
        self.desk = Desk(keys=Keys(database=self.database), quotas=self.mill.quotas)
        return [await self.desk.caller(plan) for plan in PLANS]

    def teardown(self) -> None:
        try:
            self.run(self.end())
        finally:
            self.run(self.mill.close())
            self.run(self.database.close())
            self.runner.close()
            self.folder.cleanup()

    async def end(self) -> None:
        """See that everything comes to its end when nobody dies any more."""
        work = self.mill.work()
        for chunk_id in self.taken:
            await work.run(chunk_id)
        await self.mill.work_off(work)
        await self.audit.check()
        assert set(self.audit.ended) == self.promised
        async with self.database.reading() as connection:
            assert not await jobs.late(connection, now=self.clock.moment, limit=1)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @rule(
        target=accepted,
        whose=WHOSE,
        pictures=PICTURES,
        batch=BATCHES,
        wanted=OUTPUTS,
        free=st.booleans(),
        hook=st.sampled_from([None, HOOK]),
    )
    def submit(
        self, whose: int, pictures: list[int], batch: InBatch | None, wanted: Any, **rest: Any
    ) -> Any:
        before = self.run(everything(self.mill))
        try:
            answer = self.run(self.order(whose, pictures, batch, wanted, **rest))
        except errors.Conflict:
            assert batch
            assert clear(self.run(everything(self.mill))) == clear(before)
            return multiple()
        if self.callers[whose].plan.hard_limit is None:
            assert not any(isinstance(item, errors.QuotaExceeded) for item in answer.items)
        self.promised |= {job.id for job in answer.jobs}
        return multiple(*answer.jobs)

    async def order(
        self, whose: int, pictures: list[int], batch: InBatch | None, wanted: Any, **rest: Any
    ) -> Accepted:
        order = await self.mill.order(
            *pictures,
            item={"wanted": wanted},
            batch=batch,
            free_repeats=rest["free"],
            webhook_url=rest["hook"],
        )
        return await self.mill.jobs.submit(
            caller=self.callers[whose], order=order, receipt=rest.get("receipt")
        )

    @rule(whose=WHOSE, pictures=PICTURES, batch=BATCHES)
    def submit_in_vain(self, whose: int, pictures: list[int], batch: InBatch | None) -> None:
        """Nothing is accepted by half, also when the very last step fails."""

        async def fail(*_: object) -> None:
            raise errors.StorageFull

        before = self.run(everything(self.mill))
        with pytest.raises((errors.StorageFull, errors.Conflict)):
            self.run(
                self.order(whose, pictures, batch, (WEBP,), free=False, hook=HOOK, receipt=fail)
            )
        assert clear(self.run(everything(self.mill))) == clear(before)

    @rule(target=hands)
    def begin_work(self) -> Any:
        waiting = self.run(self.mill.waiting())
        if not waiting:
            return multiple()
        id_, chunk_id = waiting[0]
        self.run(self.mill.take(id_))
        self.taken.append(chunk_id)
        return self.take_over(0)

    @rule(target=hands, which=st.integers(0, 3))
    def take_over(self, which: int) -> Any:
        """Begin with what somebody has begun, whether he is dead or only slow."""
        if not self.taken:
            return multiple()
        work = self.mill.work()
        begun = self.run(work._begin(self.taken[-1 - which % len(self.taken)]))
        if begun is None:
            return multiple()
        chunk, left = begun
        return Hand(work=work, chunk=chunk, left=left)

    @rule(hand=hands)
    def do_one(self, hand: Hand) -> None:
        if hand.left:
            job = hand.left.pop()
            self.run(hand.work._in_turn(hand.chunk, job))

    @rule(
        hand=hands, error=st.sampled_from([errors.UnreadableImage, errors.Busy, ZeroDivisionError])
    )
    def meet(self, hand: Hand, error: type[Exception]) -> None:
        async def mood(*_: object) -> bytes:
            raise error

        if not hand.left:
            return
        self.mill.press.mood, plain = mood, self.mill.press.mood
        with suppress(errors.Busy, ZeroDivisionError):
            self.run(hand.work._in_turn(hand.chunk, hand.left.pop()))
        self.mill.press.mood = plain

    @rule(hand=hands)
    def prepare(self, hand: Hand) -> None:
        """Do the work, but not its end."""
        for job in hand.left[-1:]:
            with suppress(errors.UploadIncomplete):
                hand.ready[job.id] = self.run(self.products(hand, job))

    async def products(self, hand: Hand, job: Job) -> Products:
        async with hand.work._source(hand.chunk, job) as (blob, filename):
            return await hand.work._products(job, blob, filename)

    @rule(hand=hands, dying=st.booleans())
    def complete(self, hand: Hand, *, dying: bool) -> None:
        """End a job whose work may have been done long ago; or die before that is committed."""
        for job in [job for job in hand.left if job.id in hand.ready]:
            with suppress(GivenUp, InterruptedError):
                self.run(self.commit(hand, job, dying=dying))
            del hand.ready[job.id]

    async def commit(self, hand: Hand, job: Job, *, dying: bool) -> None:
        async with self.database.transaction() as connection:
            await self.mill.endings.complete(
                connection,
                chunk=hand.chunk,
                job=job,
                products=hand.ready[job.id],
                source_size=job.source_size or 0,
            )
            if dying:
                raise InterruptedError

    @rule(hand=consumes(hands))
    def die(self, hand: Hand) -> None:
        """Forget the hand; what it had taken is still in `taken`."""

    @rule(hand=consumes(hands))
    def stop(self, hand: Hand) -> None:
        self.run(hand.work._close(hand.chunk))

    @rule()
    def work_all(self) -> None:
        self.run(self.mill.work_off())

    @rule(job=accepted)
    def cancel(self, job: Job) -> None:
        over = job.id in self.audit.ended
        try:
            report = self.run(self.mill.jobs.cancel(id_=job.id, account_id=job.account_id))
        except errors.Conflict:
            return
        except errors.NotFound:
            assert over
            return
        assert not over
        assert report.job.state == "cancelled"

    @rule(whose=WHOSE)
    def close_batch(self, whose: int) -> None:
        with suppress(errors.NotFound):
            self.run(self.mill.batches.close(name="a", account_id=self.callers[whose].account.id))

    @rule(whose=WHOSE)
    def answer_at_once(self, whose: int) -> None:
        """Charge a request that is no job."""
        caller = self.callers[whose]
        month = clock.period(self.clock.moment)
        try:
            self.run(self.desk.use(caller))
        except (errors.QuotaExceeded, errors.Busy):
            return
        for subject in (caller.account.id, caller.key.id):
            for name, count in (
                ("requests", 1), ("taken", 1), ("bytes_in", 1000), ("bytes_out", 600),
            ):  # fmt: skip
                self.audit.others[subject, month, name] += count

    @rule(time=TIMES)
    def wait(self, time: timedelta) -> None:
        self.clock.moment += time

    @rule(which=st.sets(st.sampled_from(["quotas", "results", "batches"]), min_size=1))
    def sweep(self, which: set[str]) -> None:
        for name in sorted(which):
            self.run(getattr(self.mill, name).sweep())

    @invariant()
    def the_books_agree(self) -> None:
        self.run(self.audit.check())


def clear(rows: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Return *rows* without the leases: an upload is stored before anything is ordered."""
    return {name: found for name, found in rows.items() if name != "leases"}


async def forget_all(mill: Mill) -> None:
    """Remove what another run on the same database left."""
    metadata = jobs.jobs.metadata
    async with mill.database.transaction() as connection:
        for table in reversed(metadata.sorted_tables):
            if table.name not in {"plans", "accounts", "keys"}:
                await connection.execute(table.delete())


def test_the_books_agree_whatever_happens(database_url: str) -> None:
    class Here(Model):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=12 if "sqlite" in database_url else 7,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
