"""The server's side of the fork server: start it, ask it for codec processes, start it again."""

import asyncio
import contextlib
import json
import logging
import os
import signal
import subprocess
from typing import Any

from pixmill.services.pool import kernel, replies, waiting
from pixmill.services.pool.channel import Channel
from pixmill.services.pool.messages import Orders
from pixmill.services.pool.process import CodecProcess
from pixmill.services.pool.spawning import Spawned, spawn

#: Seconds for loading every codec on a slow and busy machine.
_START_TIMEOUT = 120.0
#: Seconds for one answer, for one codec process to lock itself in, and for all to end.
_ANSWER_TIMEOUT = 30.0

_ORPHANED = "the end of its fork server"

log = logging.getLogger(__name__)


class LaunchFailed(Exception):
    """No codec process could be had."""


class Launcher:
    """
    Makes codec processes according to *orders*, through a fork server that it keeps running.

    The first one may have been *spawned* before there were orders, so that it loads meanwhile.
    """

    def __init__(self, orders: Orders, *, spawned: Spawned | None = None) -> None:
        self._orders = orders
        self._spawned = spawned
        self._framed = not kernel.LINUX or "seqpacket" in orders.conditions.disable
        self._turn = asyncio.Lock()
        self._running: Spawned | None = None
        self._generation = 0  # fork servers that are gone

    @property
    def is_running(self) -> bool:
        """Whether there is a fork server, and with it the processes that it forked."""
        return self._running is not None and self._running[0].poll() is None

    async def launch(self, number: int) -> CodecProcess:
        """Return a new codec process that is locked and ready. Raises `LaunchFailed`."""
        ours, theirs = Channel.pair(framed=self._framed)
        with theirs:
            try:
                answer, handles, generation = await self._ask({"fork": number}, [theirs.fileno()])
            except BaseException:
                ours.close()
                raise
        match answer:
            case {"pid": int(pid)}:
                handle = handles[0] if handles else None
            case _:
                ours.close()
                for each in handles:
                    os.close(each)
                reason = answer.get("error", "the fork server does not say why")
                raise LaunchFailed(f"no codec process can be forked: {reason}")
        process = CodecProcess(channel=ours, pid=pid, handle=handle, generation=generation)
        try:
            async with asyncio.timeout(_ANSWER_TIMEOUT):
                await process.become_ready()
        except (replies.Lie, TimeoutError) as error:
            await process.close()
            raise LaunchFailed(f"codec process {number} did not get ready: {error}") from error
        except BaseException:
            await process.close()
            raise
        return process

    async def has_lost(self, process: CodecProcess) -> bool:
        """
        Say whether *process*, which is dead, died because its fork server did.

        A fork server that still answers was not the reason. To ask is the only sure way: the
        kernel kills the processes a moment before it calls their parent dead.
        """
        if process.generation == self._generation:
            with contextlib.suppress(LaunchFailed):
                await self._ask({"ask": process.pid})
        return process.generation != self._generation

    async def cause_of_death(self, process: CodecProcess) -> str:
        """Say in words how *process* ended."""
        if process.generation != self._generation:
            return _ORPHANED
        try:
            answer, _, generation = await self._ask({"ask": process.pid})
        except LaunchFailed:
            return _ORPHANED
        if generation != process.generation:
            return _ORPHANED
        match answer.get("exit"):
            case int(code) if code < 0:
                return signal.strsignal(-code) or f"signal {-code}"
            case int(code):
                return f"its own will with exit code {code}"
            case _:
                return "a cause that nobody knows"

    async def close(self) -> None:
        """End the fork server, and with it every codec process."""
        async with self._turn:
            self._running, self._spawned = self._running or self._spawned, None
            if self._running is not None:
                server, control = self._running
                control.close()  # it kills and buries its children, and ends
                try:
                    await asyncio.to_thread(server.wait, _ANSWER_TIMEOUT)
                except subprocess.TimeoutExpired:
                    log.warning("The fork server did not end by itself.")
                await self._drop()

    async def _ask(
        self, request: dict[str, int], files: list[int] | None = None
    ) -> tuple[dict[str, Any], list[int], int]:
        """Return a fork server's answer and which one it was; it is started if there is none."""
        async with self._turn:
            try:
                control = await self._control()
                control.send(request, files or [])
                answer, handles = await self._answer(control, _ANSWER_TIMEOUT)
            except (OSError, TimeoutError, ValueError) as error:
                await self._drop()
                raise LaunchFailed("the fork server does not answer") from error
            except BaseException:
                # The answer that nobody waits for any more would be taken for the next one.
                await self._drop()
                raise
            return answer, handles, self._generation

    async def _control(self) -> Channel:
        """Return the channel to a fork server that runs."""
        if self._running is not None:
            server, control = self._running
            if self.is_running:
                return control
            log.warning("The fork server ended with code %d; starting another.", server.returncode)
            await self._drop()
        spawned, self._spawned = self._spawned, None
        self._running = spawned or spawn(self._orders.preload, framed=self._framed)
        control = self._running[1]
        control.send(self._orders.to_values())
        await self._answer(control, _START_TIMEOUT)
        return control

    @staticmethod
    async def _answer(control: Channel, within: float) -> tuple[dict[str, Any], list[int]]:
        async with asyncio.timeout(within):
            message, handles = await waiting.next_message(control, files=1)
        if not message:
            raise ConnectionError("It ended.")
        answer = json.loads(message)
        if not isinstance(answer, dict):
            for each in handles:
                os.close(each)
            raise ValueError("It is no object.")  # noqa: TRY004 as for any other malformed answer
        return answer, handles

    async def _drop(self) -> None:
        """Have no fork server any more; the kernel ends its codec processes with it."""
        if self._running is not None:
            server, control = self._running
            self._running = None
            self._generation += 1
            control.close()
            server.kill()
            try:
                await asyncio.to_thread(server.wait, _ANSWER_TIMEOUT)
            except subprocess.TimeoutExpired:
                log.warning("The fork server %d does not end.", server.pid)
