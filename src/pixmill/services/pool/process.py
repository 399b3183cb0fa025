"""One codec process, as the server sees it."""

import asyncio
import contextlib
import os
import signal

from pixmill.engine.types import Limits
from pixmill.services.pool import replies, waiting
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.channel import Channel
from pixmill.services.pool.messages import Job
from pixmill.services.pool.replies import Answer
from pixmill.services.pool.sandbox import Layers
from pixmill.services.pool.tasks import Task


class Gone(Exception):
    """The process was not there any more, so that the job has not been begun."""


class Orphaned(Gone):
    """The process ended with its fork server, in the middle of a job that is not at fault."""


class CodecProcess:
    """
    A process that does one job after the other.

    It ends by `kill`, or by itself. Whoever had it started calls `close` in the end.
    """

    def __init__(self, *, channel: Channel, pid: int, handle: int | None, generation: int) -> None:
        self.pid = pid
        #: Which of the launcher's fork servers forked it.
        self.generation = generation
        self.layers = Layers(on=frozenset(), missing={})
        self.jobs = 0
        #: Whether it ended during a job.
        self.crashed = False
        #: Held while a job uses the channel.
        self.in_use = asyncio.Lock()
        self._channel = channel
        self._handle = handle
        self._killed = asyncio.Event()

    async def become_ready(self) -> None:
        """Wait until the process has locked itself in. Raises `replies.Lie`."""
        message, _ = await waiting.next_message(self._channel)
        self.layers = replies.read_ready(message)

    @property
    def was_killed(self) -> bool:
        """Whether the server ended the process, or is about to."""
        return self._killed.is_set()

    def is_sound(self) -> bool:
        """Say whether the process lives and, as it should between jobs, says nothing."""
        return not self.was_killed and self._channel.is_silent()

    async def do(
        self, task: Task[Answer], blob: Blob, limits: Limits, *, output_size: int
    ) -> Answer:
        """
        Have *task* done to the image in *blob*.

        Raises `Gone`, the `errors.Error` that the process reports, or `replies.Lie`. After a lie,
        and when the caller stops waiting, the process must be killed: it is still at work.
        """
        async with self.in_use:
            if self.was_killed:
                raise Gone
            return await self._do(task, blob, limits, output_size)

    async def _do(self, task: Task[Answer], blob: Blob, limits: Limits, output_size: int) -> Answer:
        with Blob() as output:
            self.jobs += 1
            job = Job(id=self.jobs, options=task.options, limits=limits)
            try:
                self._channel.send(job.to_message(), [blob.fd, output.fd])
            except ConnectionError:
                raise Gone from None
            message, _ = await waiting.next_message(self._channel)
            self.crashed = not message
            done = replies.read_reply(
                message, kind=task.reply, job_id=job.id, output_size=output_size
            )
            # A copy, and no mapping: the process could cut the file off, and a read of the
            # mapping behind its end would kill the server with SIGBUS.
            return done.with_data(os.pread(output.fd, done.size, 0))

    def kill(self) -> None:
        """End the process at once, whatever it is doing."""
        if self.was_killed:
            return
        self._killed.set()
        with contextlib.suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            else:
                os.kill(self.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until the process is dead; without a handle, until it was killed."""
        if self._handle is not None:
            await waiting.until_readable(self._handle)
        else:
            await self._killed.wait()

    async def close(self) -> None:
        """Kill the process and, once no job uses it, let go of it."""
        self.kill()
        async with self.in_use:
            self._channel.close()
            if self._handle is not None:
                os.close(self._handle)
                self._handle = None
