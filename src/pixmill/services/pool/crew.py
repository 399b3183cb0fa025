"""The codec processes, kept up to strength: whoever ends is replaced."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from pixmill import errors
from pixmill.services.pool.launcher import Launcher, LaunchFailed
from pixmill.services.pool.process import CodecProcess
from pixmill.services.pool.replies import Lie
from pixmill.services.pool.sandbox import Layers
from pixmill.services.pool.types import Counters

log = logging.getLogger(__name__)

# Seconds between attempts to replace a process, when they fail.
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0


class Crew:
    """*size* codec processes, each replaced after *share* jobs, or when it ends or misbehaves."""

    def __init__(
        self,
        launcher: Launcher,
        counters: Counters,
        *,
        size: int,
        share: int,
        require: tuple[str, ...],
    ) -> None:
        self._launcher = launcher
        self._counters = counters
        self._size = size
        self._share = share
        self._require = require
        self._members: set[CodecProcess] = set()
        self._idle: list[CodecProcess] = []
        self._somebody_is_idle = asyncio.Event()
        self._inquiries: set[asyncio.Task[bool]] = set()
        self._supervisors: list[asyncio.Task[None]] = []
        self._stopped = False

    @property
    def alive(self) -> list[CodecProcess]:
        """The processes that are there."""
        return [process for process in self._members if not process.was_killed]

    @property
    def layers(self) -> Layers:
        """The layers that every process has on, and why some process lacks the others."""
        known = [process.layers for process in self.alive]
        return Layers(
            on=frozenset.intersection(*(each.on for each in known)) if known else frozenset(),
            missing={layer: why for each in known for layer, why in each.missing.items()},
        )

    async def start(self) -> None:
        """Start all processes. Raises `LaunchFailed` when one cannot be had."""
        for number in range(self._size):
            process = await self._launch(number)
            supervisor = asyncio.create_task(self._supervise(number, process))
            supervisor.add_done_callback(tell_why_it_ended)
            self._supervisors.append(supervisor)

    async def stop(self) -> None:
        """End all processes, whatever they are doing."""
        self._stopped = True
        self._somebody_is_idle.set()
        for task in self._supervisors:
            task.cancel()
        await asyncio.gather(*self._supervisors, return_exceptions=True)
        for process in list(self._members):
            await self._dismiss(process)
        await self._launcher.close()

    async def take(self) -> CodecProcess:
        """
        Wait for a process that has nothing to do, and pass it to `engaged` at once.

        Raises `errors.Busy` when there will be none any more.
        """
        while not self._stopped:
            while self._idle:
                process = self._idle.pop()
                if process.is_sound():
                    return process
                log.warning("Codec process %d ended or spoke unasked.", process.pid)
                self._counters.crashed += 1
                process.kill()
            self._somebody_is_idle.clear()
            await self._somebody_is_idle.wait()
        raise errors.Busy

    @contextmanager
    def engaged(self, process: CodecProcess) -> Iterator[None]:
        """
        Have *process* at work in the body, and kill it if that does not come to a proper end.

        An `errors.Error` is a proper end; a lie, a deadline and a caller who went away are not.
        """
        try:
            yield
        except errors.Error:
            self._rest(process)
            raise
        except BaseException as error:
            if isinstance(error, Lie):
                log.warning("Codec process %d is killed: it %s.", process.pid, error)
                self._counters.crashed += 1
            process.kill()
            raise
        else:
            self._rest(process)

    async def has_orphaned(self, process: CodecProcess) -> bool:
        """Say whether *process*, which is dead, only went down with its fork server."""
        # Not canceled with the caller: the launcher would have to give up a fork server whose
        # answer nobody waits for.
        inquiry = asyncio.create_task(self._launcher.has_lost(process))
        self._inquiries.add(inquiry)
        inquiry.add_done_callback(self._inquiries.discard)
        return await asyncio.shield(inquiry)

    def _rest(self, process: CodecProcess) -> None:
        if process.jobs >= self._share:
            self._counters.recycled += 1
            process.kill()
        else:
            self._idle.append(process)
            self._somebody_is_idle.set()

    async def _launch(self, number: int) -> CodecProcess:
        process = await self._launcher.launch(number)
        lacking = [layer for layer in self._require if layer not in process.layers.on]
        if lacking:
            await process.close()
            reasons = ", ".join(f"{each} ({process.layers.missing.get(each)})" for each in lacking)
            raise LaunchFailed(f"codec processes lack a required layer of their lock: {reasons}")
        self._members.add(process)
        self._rest(process)
        return process

    async def _supervise(self, number: int, process: CodecProcess) -> None:
        """See to it that there is a process *number*, beginning with *process*."""
        while True:
            try:
                await process.ended()
                async with process.in_use:  # whoever uses it finds out first, and says why
                    unexpected = not process.was_killed
            finally:
                await self._dismiss(process)
            if unexpected:
                self._counters.crashed += 1
            if unexpected or process.crashed:
                cause = await self._launcher.cause_of_death(process)
                log.warning("Codec process %d died of %s.", process.pid, cause)
            if unexpected and not process.jobs:
                await asyncio.sleep(_FIRST_DELAY)  # else this would be a busy loop
            process = await self._replace(number)

    async def _replace(self, number: int) -> CodecProcess:
        delay = _FIRST_DELAY
        while True:
            try:
                return await self._launch(number)
            except (LaunchFailed, OSError) as error:
                log.error("Codec process %d cannot be replaced: %s", number, error)  # noqa: TRY400 the message says it
            await asyncio.sleep(delay)
            delay = min(2 * delay, _LONGEST_DELAY)

    async def _dismiss(self, process: CodecProcess) -> None:
        if process in self._idle:
            self._idle.remove(process)
        await process.close()
        self._members.discard(process)


def tell_why_it_ended(supervisor: asyncio.Task[None]) -> None:
    """Log what a supervisor did not expect: from then on nobody replaces its process."""
    if not supervisor.cancelled() and (error := supervisor.exception()):
        log.critical("A codec process is not replaced any more.", exc_info=error)
