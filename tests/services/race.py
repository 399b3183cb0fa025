"""What other processes do to an idempotency key: all want it at once."""

import asyncio
from datetime import timedelta
from multiprocessing.connection import Connection

from pixmill import errors
from pixmill.services.idempotency import Claim, Idempotency
from pixmill.stores.db import Database

LEASE = timedelta(seconds=60)


def claim_all(answer: Connection, url: str, account_id: str, keys: list[str]) -> None:
    """Say that this process is ready, wait for the others, and answer which keys it got."""
    asyncio.run(_claim_all(answer, url, account_id, keys))


async def _claim_all(answer: Connection, url: str, account_id: str, keys: list[str]) -> None:
    database = Database(url)
    idempotency = Idempotency(database=database, lease=LEASE)

    async def claim(key: str) -> bool:
        try:
            return isinstance(await idempotency.begin(account_id=account_id, key=key), Claim)
        except errors.IdempotencyInProgress:
            return False

    answer.send("ready")
    answer.recv()
    # Each key is asked for three times here, and as often in each of the other processes.
    got = await asyncio.gather(*(claim(key) for key in keys for _ in range(3)))
    answer.send(got)
    await database.close()
