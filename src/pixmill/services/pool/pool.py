"""The pool: images go in, optimized images or errors come out, whatever happens to a codec."""

import asyncio
from contextlib import suppress
from dataclasses import replace

from pixmill import errors
from pixmill.engine.survey import Survey
from pixmill.engine.types import Options
from pixmill.services.pool import sandbox, tasks
from pixmill.services.pool.admission import Admission
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.crew import Crew
from pixmill.services.pool.launcher import Launcher, LaunchFailed
from pixmill.services.pool.messages import Orders
from pixmill.services.pool.process import CodecProcess, Gone, Orphaned
from pixmill.services.pool.replies import Answer, Lie
from pixmill.services.pool.spawning import PRELOAD, Spawned
from pixmill.services.pool.tasks import Task
from pixmill.services.pool.types import Counters, Optimized, PoolConfig, PoolStatus


class _Died(Exception):
    """The codec process ended in the middle of the job."""


def protect_parent() -> None:
    """
    Keep other processes of the same user from tracing the server and reading its memory.

    Codec processes with a user of their own, or behind seccomp, could not anyway; this holds
    without either. It also ends core dumps, and debuggers and profilers need root from then on.
    """
    sandbox.hide_memory()


class Pool:
    """
    Locked codec processes, a line in front of them, and an end to every job.

    *preload* and *target* are ``module:function``. Tests put their own in place of the engine, and
    *disable* layers of the lock, or ``pidfd`` and ``seqpacket`` as on a system without them. A fork
    server that was *spawned* before is used as the first one.
    """

    def __init__(
        self,
        config: PoolConfig,
        *,
        preload: str = PRELOAD,
        target: str = "pixmill.engine.work:work",
        disable: frozenset[str] = frozenset(),
        spawned: Spawned | None = None,
    ) -> None:
        conditions = sandbox.Conditions(
            memory_size=config.worker_memory_size,
            output_size=config.output_size,
            disable=disable,
        )
        self._config = config
        self._counters = Counters()
        self._crew = Crew(
            Launcher(
                Orders(preload=preload, target=target, conditions=conditions), spawned=spawned
            ),
            self._counters,
            size=config.workers,
            share=config.worker_jobs,
            require=config.require,
        )
        self._admission = Admission(
            places=config.workers,
            memory_size=config.memory_size,
            queue_size=config.queue_size,
            queue_timeout=config.queue_timeout,
        )
        self._stopping = False

    async def start(self) -> None:
        """
        Start all processes, and wait until each is locked.

        Raises `errors.Internal`, with a message for the operator, when one cannot be had or lacks a
        layer that the configuration requires.
        """
        protect_parent()
        try:
            await self._crew.start()
        except BaseException as error:
            await self._crew.stop()
            if isinstance(error, LaunchFailed):
                raise errors.Internal(
                    f"Cannot start: {error}.", detail=repr(error.__cause__)
                ) from error
            raise

    async def stop(self, *, grace: float = 30.0) -> None:
        """Send the waiting away, give running jobs *grace* seconds, and end all processes."""
        self._stopping = True
        self._admission.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._admission.until_empty()
        await self._crew.stop()

    async def optimize(
        self, blob: Blob, options: Options, *, memory_size: int, patient: bool = False
    ) -> Optimized:
        """
        Have the image in *blob* optimized, at a cost of about *memory_size* bytes of memory.

        Who is *patient* waits for as long as it takes, and lets most of the others go first; and
        tries a second time when a codec dies, for somebody else may have killed it.

        Raises `errors.Busy` when its turn does not come, `errors.TooCostly` at the deadline,
        `errors.UnreadableImage` when a codec does not survive it, and whatever the engine raises.
        When the fork server ends, which is no image's doing, the work is begun anew, but only once.
        A caller who is canceled takes the job along.
        """
        return await self._have_done(
            tasks.optimization(options), blob, memory_size=memory_size, patient=patient
        )

    async def survey(self, blob: Blob, *, memory_size: int, patient: bool = False) -> Survey:
        """Have the image in *blob* measured; what `optimize` says holds here, too."""
        return await self._have_done(tasks.SURVEY, blob, memory_size=memory_size, patient=patient)

    async def _have_done(
        self, task: Task[Answer], blob: Blob, *, memory_size: int, patient: bool
    ) -> Answer:
        blob.seal()
        async with self._admission.admit(memory_size, patient=patient):
            orphaned = False
            tries = 2 if patient else 1
            while True:
                process = await self._take()
                try:
                    return await self._work(process, task, blob)
                except Orphaned:
                    if orphaned:
                        raise errors.Busy(detail="the fork server ended twice") from None
                    orphaned = True
                except Gone:
                    pass
                except _Died as death:
                    tries -= 1
                    if not tries:
                        raise errors.UnreadableImage(detail=str(death)) from None

    def status(self) -> PoolStatus:
        """Tell how things stand."""
        alive = self._crew.alive
        layers = self._crew.layers
        return PoolStatus(
            workers=self._config.workers,
            alive=len(alive),
            busy=sum(process.in_use.locked() for process in alive),
            waiting=self._admission.waiting,
            memory_in_use=self._admission.memory_in_use,
            memory_size=self._admission.memory_size,
            layers=tuple(layer for layer in sandbox.LAYERS if layer in layers.on),
            missing=layers.missing,
            counters=replace(self._counters, refused=self._admission.refused),
        )

    async def _take(self) -> CodecProcess:
        """Wait for a process: there is one for each place, but it may just be being replaced."""
        try:
            async with asyncio.timeout(self._config.queue_timeout):
                return await self._crew.take()
        except TimeoutError:
            self._admission.refused += 1
            raise errors.Busy from None

    async def _work(self, process: CodecProcess, task: Task[Answer], blob: Blob) -> Answer:
        config = self._config
        self._counters.jobs += 1
        try:
            with self._crew.engaged(process):
                async with asyncio.timeout(config.job_timeout):
                    return await process.do(
                        task, blob, config.limits, output_size=config.output_size
                    )
        except TimeoutError:
            self._counters.killed += 1
            raise errors.TooCostly(detail=f"killed after {config.job_timeout} s") from None
        except asyncio.CancelledError:
            self._counters.cancelled += 1
            raise
        except Lie as lie:
            if self._stopping:  # this side has killed it
                raise errors.Busy from None
            if process.crashed and await self._crew.has_orphaned(process):
                raise Orphaned from None
            said = f"its codec process {lie}"
            if process.crashed:
                raise _Died(said) from None
            raise errors.UnreadableImage(detail=said) from None
