"""What happens without anybody asking: jobs, webhooks that are due, and sweeps."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from pixmill import errors
from pixmill.services.queue.executor import Executor

log = logging.getLogger(__name__)

#: Seconds between two searches for what a dead server left behind, and for what has expired.
SWEEP_SECONDS = 60.0
#: Seconds between two looks for webhooks that are due.
DUE_SECONDS = 1.0

Chore = Callable[[], Awaitable[object]]


@asynccontextmanager
async def chores(
    sweeps: Sequence[Chore],
    *,
    often: Sequence[Chore] = (),
    executor: Executor | None = None,
    patience: float,
) -> AsyncIterator[None]:
    """
    Do all of *sweeps* about once a minute while the block lasts, and *often* every second.

    With an *executor* also take work from the queue. At the end, what it is doing gets *patience*
    seconds to finish; what is cut off then is begun anew by somebody else.
    """
    async with AsyncExitStack() as stack:
        if executor:
            await executor.start()
            stack.push_async_callback(_stop, executor, patience)
        for group, seconds in ((sweeps, SWEEP_SECONDS), (often, DUE_SECONDS)):
            if group:
                task = asyncio.create_task(_repeat(group, seconds))
                stack.push_async_callback(_end, task)
        yield


async def _repeat(group: Sequence[Chore], seconds: float) -> None:
    failing: set[Chore] = set()
    while True:
        for chore in group:
            try:
                await chore()
            except errors.Error as error:
                if chore not in failing:  # a database that is down is said once, not every second
                    log.warning("a chore failed: %s", error, extra={"detail": error.detail})
                failing.add(chore)
            else:
                failing.discard(chore)
        await asyncio.sleep(seconds)


async def _stop(executor: Executor, patience: float) -> None:
    try:
        async with asyncio.timeout(patience):
            await executor.stop()
    except TimeoutError:
        log.warning("jobs that were still running are cut off")


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
