"""What other processes do to a quota: use it up all at once, and die in the middle."""

import asyncio
import random
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pixmill import errors
from pixmill.services.keys import Keys
from pixmill.services.quotas import Quotas
from pixmill.stores.db import Database

from fixtures.warm import forks


def start(work: Callable[..., None], *arguments: object) -> tuple[Connection, BaseProcess]:
    """Run *work* in another process; return where it answers, and the process."""
    answer, answering = forks().Pipe(duplex=False)
    process = forks().Process(target=work, args=[answering, *arguments])
    process.start()
    answering.close()
    return answer, process


def use_up(answer: Connection, url: str, secrets: list[str], times: int) -> None:
    """Try each of *secrets* so many *times*; answer how many were settled and refused."""
    answer.send(asyncio.run(_use_up(url, secrets, times)))


def hang(answer: Connection, url: str, secret: str) -> None:
    """Reserve a request, say so, and never come to an end."""
    asyncio.run(_hang(answer, url, secret))


async def _use_up(url: str, secrets: list[str], times: int) -> tuple[int, int]:
    database = Database(url)
    keys, quotas = Keys(database=database), Quotas(database=database)
    callers = [await keys.authenticate(presented=secret) for secret in secrets] * times
    random.shuffle(callers)
    settled = refused = 0

    async def work() -> None:
        nonlocal settled, refused
        while callers:
            caller = callers.pop()
            try:
                async with quotas.reserve(caller=caller) as reservation:
                    await reservation.settle(bytes_in=1, bytes_out=1)
                    settled += 1
            except errors.QuotaExceeded:
                refused += 1
            except errors.Busy:  # the last one is being worked on elsewhere, and could still fail
                callers.append(caller)
                await asyncio.sleep(0.01)

    await asyncio.gather(*(work() for _ in range(4)))
    await database.close()
    return settled, refused


async def _hang(answer: Connection, url: str, secret: str) -> None:
    database = Database(url)
    caller = await Keys(database=database).authenticate(presented=secret)
    async with Quotas(database=database).reserve(caller=caller):
        answer.send(True)
        await asyncio.Event().wait()
