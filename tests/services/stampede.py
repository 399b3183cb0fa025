"""What other processes do to a rate limit: all ask at once."""

import asyncio
from multiprocessing.connection import Connection

from pixmill import errors
from pixmill.services.keys import Caller
from pixmill.services.limits import RateLimits
from pixmill.stores.limits import windows_at


def rush_in(answer: Connection, url: str, caller: Caller, times: int) -> None:
    """Ask so many *times* as *caller*; answer how many were let through and refused."""
    answer.send(asyncio.run(_rush_in(url, caller, times)))


async def _rush_in(url: str, caller: Caller, times: int) -> tuple[int, int]:
    limits = RateLimits(windows=windows_at(url), when_unavailable="closed")

    async def ask() -> bool:
        try:
            await limits.spend(caller=caller)
        except errors.RateLimited:
            return False
        return True

    answers = [
        passed
        for _ in range(times // 10)
        for passed in await asyncio.gather(*(ask() for _ in range(10)))
    ]
    await limits.close()
    return sum(answers), times - sum(answers)
