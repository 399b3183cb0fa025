"""A database that goes away in the middle of work, and comes back."""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pixmill import errors
from pixmill.stores import schema
from services.queue.bench import Bench
from services.queue.conftest import Start
from services.queue.waiting import until

from fixtures.databases import PostgreSQL

pytestmark = pytest.mark.anyio


class Outage:
    """A server of its own, whose absence disturbs no other test."""

    def __init__(self, folder: Path) -> None:
        self._server = PostgreSQL(folder)
        self._data = str(folder / "data")
        self._server.start()
        # What it was started with, so that it can be again.
        self._options = (folder / "data" / "postmaster.opts").read_text().split(maxsplit=1)[1]
        self.url = self._server.url("postgres")

    def begin(self) -> None:
        self._server._run("pg_ctl", "stop", "--mode=fast", "--pgdata", self._data)

    def end(self) -> None:
        options = " ".join(self._options.replace('"', "'").split())
        log = self._data + ".log"
        self._server._run(
            "pg_ctl", "start", "--wait", "--pgdata", self._data, "--log", log, "-o", options
        )

    def close(self) -> None:
        self._server.stop()


@pytest.fixture
def outage() -> Iterator[Outage]:
    folder = Path(tempfile.mkdtemp(prefix="pixmill-pg-", dir="/tmp"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        outage = Outage(folder)
        stack.callback(outage.close)
        yield outage


@pytest.fixture
def queue_url(outage: Outage) -> str:
    schema.migrate(outage.url)
    return outage.url


async def test_an_outage_loses_nothing(outage: Outage, bench: Bench, start: Start) -> None:
    executor = await start()
    await bench.put("wait 1", "wait 2")
    await bench.diary.until("begin", 2)

    outage.begin()
    bench.diary.open_gate()
    await bench.diary.until("end", 2)
    with pytest.raises(errors.Unavailable):
        await bench.put("note refused")
    await asyncio.sleep(0.5)  # for some beats that fail
    outage.end()
    await bench.put("note 3")

    await until(lambda: "note 3" in bench.diary.arguments("end"))
    await bench.until_claimed()
    assert set(bench.diary.arguments("end")) == {"wait 1", "wait 2", "note 3"}
    assert executor.alive()
    assert [node.state for node in await bench.nodes()] == ["live"]
