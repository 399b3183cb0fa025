"""Work: what is done with a run by whoever has taken it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Protocol

from pixmill import errors
from pixmill.services.jobs.work import MOST_CRASHES, MOST_TURNS
from pixmill.services.queue.queue import Queue
from pixmill.services.sessions.endings import DIALECT, Endings
from pixmill.services.sessions.types import RUNS, Done, Kind, Run, Task
from pixmill.services.traffic import Traffic
from pixmill.stores import runs
from pixmill.stores.db import Database

log = logging.getLogger(__name__)


class Craft(Protocol):
    """Knows how to do one kind of task."""

    async def do(self, run: Run, task: Task) -> Done | None:
        """Do *task* and end it; None: somebody else has. Raises an error: it has not ended."""


class Work:
    """
    Works on runs, as often as it takes and never twice to the end.

    *places* tasks of each kind are worked on at one time, of all runs together, in the order of
    their pictures: a model that takes a minute is not to keep exports waiting.
    """

    def __init__(  # noqa: PLR0913 - what work touches
        self,
        *,
        database: Database,
        queue: Queue,
        endings: Endings,
        traffic: Traffic,
        crafts: Mapping[Kind, Craft],
        places: Mapping[Kind, int],
        stopping: Callable[[], bool],
    ) -> None:
        self._database = database
        self._queue = queue
        self._endings = endings
        self._traffic = traffic
        self._crafts = crafts
        self._places = {kind: asyncio.Semaphore(count) for kind, count in places.items()}
        self._stopping = stopping

    async def run(self, run_id: str) -> None:
        """
        Bring every task of the run to its end, or put it back when told to stop.

        Raises Busy when something that passes is in the way; what has ended by then has ended.
        """
        async with self._database.transaction() as connection:
            run = await runs.begin(connection, id_=run_id)
            if run is None:  # it was over already, or its session is gone
                return
            tasks = await runs.tasks_of(connection, run_id=run_id, living_only=True)
        working: list[asyncio.Task[None]] = []
        try:
            for task in tasks:
                if begun := await self._begin(run, task):
                    working.append(begun)  # noqa: PERF401 - they are canceled with this loop
            for problem in await asyncio.gather(*working, return_exceptions=True):
                if problem:
                    raise problem
        finally:
            for begun in working:
                begun.cancel()
            await asyncio.gather(*working, return_exceptions=True)
        await self._put_back(run)

    async def _put_back(self, run: Run) -> None:
        """Let somebody else go on with what is left, if anything is."""
        async with self._database.transaction() as connection:
            if await runs.task_count(connection, run_id=run.id):
                await self._queue.put(
                    connection, lane=RUNS, id_=f"{run.id}.{run.turns}", argument=run.id
                )

    async def _begin(self, run: Run, task: Task) -> asyncio.Task[None] | None:
        """
        Wait for a place, and begin with *task*; None: there is nothing to do.

        One begins after the other, so that it is told in their order.
        """
        places = self._places[run.kind]
        await places.acquire()
        turns = None
        try:
            if not self._stopping():
                async with self._database.transaction() as connection:
                    turns = await self._endings.begin(connection, run=run, task=task)
        finally:
            if turns is None:  # or somebody else has ended it
                places.release()
        if turns is None:
            return None
        work = asyncio.create_task(self._do(run, task, turns))
        # Not in the task: it may be canceled before it begins.
        work.add_done_callback(lambda _: places.release())
        return work

    async def _do(self, run: Run, task: Task, turns: int) -> None:
        if turns > MOST_TURNS:
            log.error("a task was given up", extra={"task": task.id, "turns": turns})
            await self._fail(run, task, errors.Internal())
            return
        try:
            done = await self._crafts[run.kind].do(run, task)
            if done:
                self._count(
                    run,
                    requests=1,
                    cached=int(done.cached),
                    bytes_in=done.bytes_in,
                    bytes_out=done.bytes_out,
                )
        except errors.VisionUnavailable as error:  # it was asked more than once already
            await self._fail(run, task, error)
        except errors.Busy:
            async with self._database.transaction() as connection:  # that is nobody's fault
                await runs.give_turn_back(connection, task)
            raise
        except errors.Error as error:
            log.info("a task failed: %s", error, extra={"task": task.id, "detail": error.detail})
            await self._fail(run, task, error)
        except Exception as crash:
            log.exception("a task met a bug", extra={"task": task.id, "turns": turns})
            if turns < MOST_CRASHES:
                raise
            await self._fail(run, task, errors.Internal(detail=repr(crash)))

    async def _fail(self, run: Run, task: Task, error: errors.Error) -> None:
        async with self._database.transaction() as connection:
            ended = await self._endings.fail(connection, run=run, task=task, error=error)
        if ended:
            self._count(run, errors=1)

    def _count(self, run: Run, **numbers: int) -> None:
        """Count what is committed."""
        self._traffic.count(account_id=run.account_id, key_id=run.key_id, api=DIALECT, **numbers)
