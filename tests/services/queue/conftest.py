"""Queues in fresh databases, and processes that run what is in them."""

import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import sqlalchemy as sa

from pixmill.services.queue.executor import Executor, Work
from pixmill.stores.db import sync_engine
from services.queue import node
from services.queue.bench import Bench
from services.queue.hands import Hands
from services.queue.waiting import until

from fixtures.warm import forks

#: Seconds; the shortest that a busy machine keeps, for one process and for several.
LEASE = 1.0
NODE_LEASE = 2.0


@pytest.fixture
def queue_url(database_url: str) -> Iterator[str]:
    """Give `database_url`, and leave nothing of DBOS's in it: its schema is not ours to empty."""
    yield database_url
    engine = sync_engine(database_url)
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            tables = sa.inspect(connection).get_table_names(schema="dbos")
            names = ", ".join(f"dbos.{name}" for name in tables if name != "dbos_migrations")
            if names:
                connection.execute(sa.text(f"TRUNCATE {names}"))
    engine.dispose()


@pytest.fixture
async def bench(queue_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench.at(queue_url, tmp_path / "diary")
    await bench.queue.start()
    yield bench
    await bench.close()


class Start(Protocol):
    """Starts an executor in this process."""

    def __call__(self, work: Work | None = None) -> Awaitable[Executor]: ...


@pytest.fixture
async def start(bench: Bench) -> AsyncIterator[Start]:
    started: list[Executor] = []

    async def start_one(work: Work | None = None) -> Executor:
        executor = Hands(bench, lease=LEASE, work=work).executor
        await executor.start()
        started.append(executor)
        return executor

    yield start_one
    bench.diary.open_gate()
    for executor in started:
        await executor.stop()


class Node:
    """An executor in a process of its own."""

    def __init__(self, bench: Bench, log: Path) -> None:
        server = forks()
        arguments = (bench.url, bench.diary.path, log, NODE_LEASE)
        self._process = server.Process(target=node.run, args=arguments)
        self._process.start()
        self._log = log
        assert self._process.pid
        self.pid = self._process.pid

    def log(self) -> str:
        return self._log.read_text()

    def kill(self) -> None:
        self._process.kill()
        self._process.join()

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> int | None:
        self._process.terminate()
        self._process.join()
        return self._process.exitcode


#: Starts an executor in another process, and returns once it takes work.
StartNode = Callable[[], Awaitable[Node]]


@pytest.fixture
def start_node(bench: Bench, tmp_path: Path) -> Iterator[StartNode]:
    started: list[Node] = []

    async def start_one() -> Node:
        new = Node(bench, tmp_path / f"log{len(started)}")
        started.append(new)
        await until(lambda: new.pid in {entry.pid for entry in bench.diary.entries("up")})
        return new

    yield start_one
    for each in started:
        each.kill()
