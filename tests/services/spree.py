"""What other processes do to credits: spend all of them at once."""

import asyncio
import random
from multiprocessing.connection import Connection

from pixmill import errors
from pixmill.services.credits import Credits
from pixmill.stores.db import Database


def spend(answer: Connection, url: str, accounts: list[str], times: int) -> None:
    """Take a credit of each account so many *times*; answer how many were taken and refused."""
    answer.send(asyncio.run(_spend(url, accounts, times)))


async def _spend(url: str, accounts: list[str], times: int) -> tuple[int, int]:
    database = Database(url)
    credit = Credits(database=database)
    todo = accounts * times
    random.shuffle(todo)
    taken = refused = 0

    async def work() -> None:
        nonlocal taken, refused
        while todo:
            try:
                await credit.deduct(account=todo.pop(), action="analyze", image_count=1)
                taken += 1
            except errors.InsufficientCredits:
                refused += 1

    await asyncio.gather(*(work() for _ in range(4)))
    await database.close()
    return taken, refused
