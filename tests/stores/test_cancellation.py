"""What is left of a transaction that was canceled: nothing, and no lock."""

import asyncio
import gc
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pixmill.stores import nodes
from pixmill.stores.db import Database


@pytest.fixture
def no_garbage_collector() -> Iterator[None]:
    """Leave what is in a cycle where it is: in a server, it can be for long."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.anyio
@pytest.mark.usefixtures("no_garbage_collector")
async def test_a_canceled_statement_gives_back_its_lock(sqlite_path: Path) -> None:
    before = set(threading.enumerate())
    database = Database(f"sqlite:///{sqlite_path}")
    async with database.transaction() as connection:
        await nodes.add(connection, id_="a")

    async def beat() -> None:
        async with database.transaction() as connection:
            await nodes.beat(connection, id_="a")

    canceled = 0
    with closing(sqlite3.connect(sqlite_path, isolation_level=None, timeout=5)) as other:
        for number in range(150):
            task = asyncio.create_task(beat())
            await asyncio.sleep(number * 2e-5)  # from before its first statement to after its last
            canceled += task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            other.execute("BEGIN IMMEDIATE")
            other.execute("ROLLBACK")

    assert canceled
    await database.close()
    # Those of canceled statements have a last word for this event loop, which must not be closed.
    for thread in set(threading.enumerate()) - before:
        await asyncio.to_thread(thread.join, 1)
