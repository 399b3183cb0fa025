"""The codec processes that all calls share, started by the first that needs them."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from pixmill.cli.optimize.local import LocalMaker
from pixmill.cli.optimize.types import Made, Order

T = TypeVar("T")


class Engine:
    """A `Maker` for one `Work` after another, or several at a time."""

    def __init__(self, jobs: int | None) -> None:
        self._maker = LocalMaker(jobs)
        self._starting: asyncio.Task[None] | None = None
        self._running = set[asyncio.Task[Any]]()
        self.engine = self._maker.engine
        self.places = self._maker.places
        self.pool = self._maker.pool
        self.limits = self._maker.limits

    async def start(self) -> None:
        """Wait until the processes are there."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._maker.start())
        await asyncio.shield(self._starting)

    async def make(self, data: bytes, order: Order, format_: str) -> Made:
        """Return the picture *data* as *order* wants it."""
        return await self._maker.make(data, order, format_)

    async def stop(self) -> None:
        """End the processes, whatever they are doing."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
            await self._maker.stop()

    async def apart(self, work: Coroutine[Any, Any, T]) -> T:
        """
        Return what comes of *work*, which gets to its end when the caller is canceled.

        The protocol's package cancels again and again, also what cleans up.
        """
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            raise
