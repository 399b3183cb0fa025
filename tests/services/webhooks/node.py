"""A node: a process of its own that takes work from the real queue, to be killed at any moment."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from pixmill import clock
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.queue.executor import Executor
from pixmill.services.queue.queue import Queue
from pixmill.services.secret import Secret
from pixmill.services.webhooks.types import DELIVERIES, Delivery, Message
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.stores.db import Database
from services.webhooks.office import SECRET, fetch_config

from fixtures.warm import forks

SHORT = timedelta(milliseconds=50)
LONG = timedelta(hours=1)
#: The second attempt comes soon, the third one does not.
SCHEDULE = (SHORT, LONG)


class Node:
    """A running node."""

    def __init__(self, process: BaseProcess, rounds: Connection) -> None:
        self._process = process
        self._rounds = rounds

    async def look(self, times: int = 2) -> None:
        """Wait until it has looked for what is due so many times; the first may be half over."""
        for _ in range(times):
            await asyncio.to_thread(self._rounds.recv)

    def kill(self) -> None:
        self._process.kill()
        self._process.join()


@contextmanager
def running(database_url: str, *, later: timedelta = timedelta()) -> Iterator[Node]:
    """Run a node whose clock is so much *later* than ours."""
    rounds, telling = forks().Pipe(duplex=False)
    process = forks().Process(target=_main, args=[telling, database_url, later])
    process.start()
    telling.close()
    node = Node(process, rounds)
    try:
        yield node
    finally:
        node.kill()
        rounds.close()


def open_webhooks(
    database: Database, queue: Queue, fetcher: Fetcher, later: timedelta = timedelta()
) -> Webhooks:
    webhooks = Webhooks(
        database=database,
        queue=queue,
        fetcher=fetcher,
        secret=Secret(SECRET),
        now=lambda: clock.now() + later,
        schedule=SCHEDULE,
    )
    webhooks.renders["pixmill"] = _render
    return webhooks


async def _render(delivery: Delivery, secret: str) -> Message:
    """Make a message that tells which process has made it."""
    return Message(
        body=f"{delivery.subject} {os.getpid()} {len(secret)}".encode(), content_type="text/plain"
    )


def _main(telling: Connection, database_url: str, later: timedelta) -> None:
    asyncio.run(_run(telling, database_url, later))


async def _run(telling: Connection, database_url: str, later: timedelta) -> None:
    database = Database(database_url)
    queue = Queue(database_url=database_url)
    webhooks = open_webhooks(database, queue, Fetcher(fetch_config()), later)
    executor = Executor(
        database=database,
        database_url=database_url,
        queue=queue,
        works={DELIVERIES: webhooks.deliver},
        lease=timedelta(seconds=1),
    )
    await executor.start()
    while True:  # until it is killed: a test never lets it stop by itself
        await webhooks.due()
        telling.send(None)
        await asyncio.sleep(0.05)
