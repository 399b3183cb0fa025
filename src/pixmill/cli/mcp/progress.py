"""How far a call is, told to whoever waits for it."""

import asyncio
import math

from mcp.server.mcpserver import Context


class Progress:
    """Of *total* pictures; at most about a hundred times."""

    def __init__(self, context: Context, total: int) -> None:
        self._context = context
        self._total = total
        self._step = math.ceil(total / 100)
        self._done = 0
        self._telling = set[asyncio.Task[None]]()

    def advance(self, _: object = None) -> None:
        """Say that one more is done."""
        self._done += 1
        if self._done % self._step == 0:
            telling = asyncio.create_task(self._tell(self._done))
            self._telling.add(telling)
            telling.add_done_callback(self._telling.discard)

    async def finish(self) -> None:
        """Wait until all is told: what comes after the answer, nobody hears."""
        await asyncio.gather(*self._telling, return_exceptions=True)

    async def _tell(self, done: int) -> None:
        await self._context.report_progress(done, self._total)
