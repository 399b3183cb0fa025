"""What a process starts that runs work: DBOS, its place among the nodes, the way to its loop."""

import asyncio
import logging
import secrets
import socket
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from functools import partial
from typing import Any

from pixmill import errors
from pixmill.services.queue.attempts import Abandoned, attempt
from pixmill.services.queue.membership import Membership
from pixmill.services.queue.queue import Queue
from pixmill.services.queue.role import Role
from pixmill.services.queue.runtime import Runtime
from pixmill.services.queue.types import Lane
from pixmill.stores.db import Database, sqlite_path

log = logging.getLogger(__name__)

#: What is done with one piece of work: its argument is what was put. It is called on the event loop
#: that called `Executor.start`, and may be called again after it has ended.
Work = Callable[[str], Awaitable[None]]

#: Beats in the time of one lease.
BEATS = 5
#: Looks at what has ended, and seconds between them, before a stop leaves it as it is.
SETTLE_LOOKS = 100
SETTLE_SECONDS = 0.05
#: Seconds that work which is canceled gets to notice.
CANCEL_SECONDS = 5.0
#: Seconds that a database gets to hear of the end; without it, others find out after a lease.
LEAVE_SECONDS = 5.0


class Executor:
    """
    Runs what is in the queue, in the lanes of *works*; one in a process.

    On PostgreSQL any number of processes have one, and within about a *lease* one that dies is
    replaced by the others. On SQLite there can be one process, whose next start goes on.

    A node that was frozen for longer than its lease, or cut off from the database, finds that the
    others have its work. Then what it is doing is canceled, DBOS is ended, and it begins anew under
    a new name. That is safe and not only quick: work may be done twice anyway, what the old life
    still writes into DBOS's tables is refused there (each claim has a token), and what it took
    before it knew is put back. The process goes on serving requests meanwhile.
    """

    def __init__(
        self,
        *,
        database: Database,
        database_url: str,
        queue: Queue,
        works: Mapping[Lane, Work],
        lease: timedelta = timedelta(seconds=10),
    ) -> None:
        self._database = database
        self._database_url = database_url
        self._queue = queue
        self._works = dict(works)
        self._lease = lease
        path = sqlite_path(database_url)
        self._role = Role(path) if path else None
        #: Set once no more work is taken: work that sees it puts back what is left, and returns.
        self.stopping = asyncio.Event()
        self._open = False
        self._changing = asyncio.Lock()
        self._life: tuple[Membership, Runtime] | None = None
        self._heart: asyncio.Task[None] | None = None
        self._running: dict[asyncio.Task[None], str] = {}
        self._busy: Counter[str] = Counter()
        self._abandoned: set[str] = set()

    async def start(self) -> None:
        """
        Begin to run work; that of nodes that are dead comes with it.

        Raises Internal when another process does so on the same SQLite file, or this one already.
        """
        self._loop = asyncio.get_running_loop()
        if self._role:
            self._role.take()
        try:
            await self._queue.start()
            await self._queue.open_lanes(self._works)
            self.stopping.clear()
            await self._begin()
        except BaseException:
            if self._role:
                self._role.give_back()
            raise
        self._heart = asyncio.create_task(self._beat_on())

    async def stop(self) -> None:
        """
        Take no more work, tell what is running to stop, and return once it has.

        The caller bounds the time by canceling this: then work that is still running is canceled
        too. What is neither done nor put back by itself is put back for others, or for the next
        start.
        """
        async with self._changing:
            if self._heart is None:
                return
            try:
                self._open = False
                if self._life:
                    await asyncio.to_thread(self._life[1].quiet)
                self.stopping.set()
                while self._running:
                    await asyncio.wait(self._running)
                if self._life:
                    await self._settle(self._life[0])
            finally:
                await _to_the_end(self._finish(self._heart))

    def alive(self) -> bool:
        """Say whether this process takes work, as far as it knows."""
        return self._open and self._life is not None

    async def _finish(self, heart: asyncio.Task[None]) -> None:
        heart.cancel()
        await asyncio.gather(heart, return_exceptions=True)
        self._heart = None
        try:
            await self._end()
        finally:
            if self._role:
                self._role.give_back()

    async def _begin(self) -> None:
        id_ = f"{socket.gethostname()}-{secrets.token_hex(8)}"
        member = Membership(
            id_=id_,
            database=self._database,
            queue=self._queue,
            lease=self._lease,
            alone=self._role is not None,
        )
        await member.join()
        runtime = Runtime(
            id_=id_, database_url=self._database_url, lanes=self._works, body=self._hop
        )
        self._open = True
        try:
            await _to_the_end(asyncio.to_thread(runtime.launch, room=self._has_room))
        except BaseException:
            await self._end_life(member, runtime)
            raise
        self._life = member, runtime
        log.debug("taking work", extra={"node": id_, "lanes": [lane.name for lane in self._works]})

    async def _end(self) -> None:
        if self._life:
            life, self._life = self._life, None
            await self._end_life(*life)

    async def _end_life(self, member: Membership, runtime: Runtime) -> None:
        """End this life, and put back what it leaves; if that cannot be, others will find it."""
        self._open = False
        self._cancel()
        if self._running:
            await asyncio.wait(self._running, timeout=CANCEL_SECONDS)
        await asyncio.to_thread(runtime.end)
        try:
            async with asyncio.timeout(LEAVE_SECONDS):
                await member.leave()
        except (errors.Error, TimeoutError) as error:
            log.warning("work could not be put back", extra={"detail": repr(error)})
        self._abandoned.clear()

    def _cancel(self) -> None:
        for task in self._running:
            task.cancel()

    async def _settle(self, member: Membership) -> None:
        """Wait until DBOS has written down what has ended, or it would be done again."""
        for _ in range(SETTLE_LOOKS):
            try:
                claims = await self._queue.claims(node=member.id)
            except errors.Error:
                return
            if all(claim.id in self._abandoned for claim in claims):
                return
            await asyncio.sleep(SETTLE_SECONDS)

    async def _beat_on(self) -> None:
        failing = False
        while True:
            await asyncio.sleep(self._lease.total_seconds() / BEATS)
            try:
                await self._beat()
            except errors.Error as error:
                if not failing:  # once, and not every second
                    log.warning(
                        "this node cannot say that it lives: %s",
                        error,
                        extra={"detail": error.detail},
                    )
                failing = True
            except Exception:
                log.exception("looking after the nodes met a bug")
            else:
                failing = False

    async def _beat(self) -> None:
        if self._life is None:
            await self._begin_anew()
            return
        member, _ = self._life
        if await member.beat():
            await member.look_after(set(self._running.values()))
            return
        log.error(
            "this node was taken for dead; what it is doing is canceled, and run by others",
            extra={"node": member.id, "pieces": len(self._running)},
        )
        self._cancel()
        await self._begin_anew()

    async def _begin_anew(self) -> None:
        if self._changing.locked():  # it is being stopped, and beats until that is done
            return
        async with self._changing:
            await self._end()
            await self._begin()

    def _has_room(self, lane: Lane) -> bool:
        return self._busy[lane.name] < lane.places

    async def _hop(self, lane: Lane, id_: str, argument: str) -> None:
        """Do a piece of work on the loop where everything that it needs belongs."""
        there = asyncio.run_coroutine_threadsafe(self._run(lane, id_, argument), self._loop)
        try:
            await asyncio.wrap_future(there)
        except Abandoned:
            # The one way to end a workflow of which DBOS writes nothing down.
            raise asyncio.CancelledError from None

    async def _run(self, lane: Lane, id_: str, argument: str) -> None:
        if not self._open:
            self._abandoned.add(id_)
            raise Abandoned
        task = asyncio.current_task()
        assert task is not None
        self._running[task] = id_
        self._busy[lane.name] += 1
        try:
            work = partial(self._works[lane], argument)
            await attempt(work, id_=id_, stopping=self.stopping)
        except Abandoned:
            self._abandoned.add(id_)
            raise
        finally:
            del self._running[task]
            self._busy[lane.name] -= 1
            self._freed(lane)

    def _freed(self, lane: Lane) -> None:
        doorbells = self._life[1].doorbells if self._life else None
        if doorbells:
            doorbells.freed(lane)


async def _to_the_end(action: Coroutine[Any, Any, None]) -> None:
    """Do something that cannot be left half done; a cancellation counts once it is over."""
    task = asyncio.create_task(action)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
