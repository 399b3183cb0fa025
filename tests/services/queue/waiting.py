"""Waiting for what other threads and processes do."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable

#: Seconds after which what was expected will not happen any more.
PATIENCE = 60.0


async def until(happened: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until something has happened that nobody will tell us."""
    async with asyncio.timeout(PATIENCE):
        while True:
            answer = happened()
            if await answer if inspect.isawaitable(answer) else answer:
                return
            await asyncio.sleep(0.01)
