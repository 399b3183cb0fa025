"""A mill: all that jobs touch over one database, with a clock to turn and a queue run by hand."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from PIL import Image

from pixmill import clock as clocks
from pixmill.engine.types import Limits, Options
from pixmill.services.batches import Batches
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig
from pixmill.services.jobs.endings import Endings
from pixmill.services.jobs.jobs import Jobs
from pixmill.services.jobs.reports import Reports
from pixmill.services.jobs.retries import Retries
from pixmill.services.jobs.types import Accepted, Item, Order
from pixmill.services.jobs.work import Work
from pixmill.services.keys import Caller
from pixmill.services.links import Links
from pixmill.services.optimization import Optimization
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.types import Optimized, SourceFacts
from pixmill.services.queue.queue import Queue
from pixmill.services.quotas import Quotas
from pixmill.services.results import Results, Retention
from pixmill.services.secret import Secret
from pixmill.services.traffic import Traffic
from pixmill.services.uploads import Uploads
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.stores.db import Database
from pixmill.stores.objects import Objects

from fixtures.pictures import encode

WEBP, AVIF = Options(format="webp"), Options(format="avif")
BASE = "https://images.example.com"
HOOK = "https://hooks.example.com/done"

#: What is done with an image in place of a codec; what it returns is the result.
Mood = Callable[[bytes, Options], Awaitable[bytes]]


@cache
def picture(number: int = 0) -> bytes:
    """Return one of many small pictures."""
    return encode(Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, 99)), "PNG")


async def press(data: bytes, options: Options) -> bytes:
    """Return what tells an image and its options from others, and is smaller."""
    return f"{options.format}".encode() + data[-40:]


class Press:
    """Stands where the codec processes do, and does what a test says."""

    def __init__(self) -> None:
        self.mood: Mood = press
        self.patient = True  #: those who ask wait for as long as it takes
        self.seen: list[bytes] = []

    async def optimize(
        self, blob: Blob, options: Options, *, memory_size: int, patient: bool = False
    ) -> Optimized:
        assert memory_size > 0
        assert patient == self.patient
        data = blob.read()
        self.seen.append(data)
        return Optimized(
            data=await self.mood(data, options),
            format=options.format or "png",
            width=8,
            height=8,
            frames=1,
            how="encoded",
            score=None,
            source=SourceFacts(format="png", width=8, height=8, frames=1),
        )


async def nothing() -> None:
    """Let a store do as it does."""


class Store(Objects):
    """A store that a test can slow down, or break."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.before_put: Callable[[], Awaitable[None]] = nothing

    async def put(self, key: str, data: bytes) -> None:
        await self.before_put()
        await super().put(key, data)


class Mill:
    """One node: the services around jobs."""

    def __init__(
        self,
        *,
        database: Database,
        url: str,
        folder: Path,
        clock: clocks.Clock,
        pool: Any = None,
        fetcher: Fetcher | None = None,
        retention: Retention | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.folder = folder
        self.press = Press()
        self.objects = Store(folder.as_uri())
        secret = Secret(bytes(range(32)))
        self.results = Results(
            database=database,
            objects=self.objects,
            links=Links(secret, purpose="result", now=clock),
            retention=retention or Retention(),
            now=clock,
        )
        self.quotas = Quotas(database=database, now=clock)
        self.uploads = Uploads(database=database, objects=self.objects, now=clock)
        self.queue = Queue(database_url=url)
        self.fetcher = fetcher or Fetcher(FetchConfig())
        self.webhooks = Webhooks(
            database=database, queue=self.queue, fetcher=self.fetcher, secret=secret, now=clock
        )
        self.endings = Endings(
            results=self.results, uploads=self.uploads, webhooks=self.webhooks, now=clock
        )
        self.traffic = Traffic(database=database, now=clock)
        self.reports = Reports()
        self.optimization = Optimization(
            quotas=self.quotas,
            pool=pool or self.press,  # type: ignore[arg-type] # of the same shape
            limits=Limits(),
            results=self.results,
        )
        self.jobs = self.accepting()
        self.retries = Retries(
            database=database, accepting=self.jobs, uploads=self.uploads, now=clock
        )
        self.batches = self.keeping()
        self._status = "dbos.workflow_status"
        if database.dialect == "sqlite":
            self._status = "workflow_status"

    async def start(self) -> None:
        await self.queue.start()

    async def close(self) -> None:
        """Leave nothing in DBOS's tables, which the next test on this server would find."""
        async with self.database.transaction() as connection:
            await connection.execute(sa.text(f"DELETE FROM {self._status}"))
        await self.queue.close()
        await self.fetcher.stop()

    def accepting(self, **options: Any) -> Jobs:
        """Return what accepts jobs."""
        return Jobs(
            **{
                "database": self.database,
                "queue": self.queue,
                "uploads": self.uploads,
                "endings": self.endings,
                "reports": self.reports,
                "now": self.clock,
            }
            | options
        )

    def keeping(self, **options: Any) -> Batches:
        """Return what keeps batches."""
        return Batches(
            database=self.database,
            reports=self.reports,
            endings=self.endings,
            ttl=timedelta(days=1),
            now=self.clock,
            **options,
        )

    def work(self, *, places: int = 4, stopping: Callable[[], bool] = lambda: False) -> Work:
        """Return what a process has that works on jobs."""
        return Work(
            database=self.database,
            queue=self.queue,
            optimization=self.optimization,
            uploads=self.uploads,
            fetcher=self.fetcher,
            endings=self.endings,
            traffic=self.traffic,
            places=places,
            stopping=stopping,
            now=self.clock,
        )

    async def keep(self, data: bytes) -> str:
        with Blob.of(data) as blob:
            return await self.uploads.keep(blob)

    async def item(self, data: bytes | int = 0, **details: Any) -> Item:
        """Return an item of an order, whose upload is stored."""
        if isinstance(data, int):
            data = picture(data)
        details = {"wanted": (WEBP,), "filename": "photo.png"} | details
        return Item(key=await self.keep(data), size=len(data), **details)

    async def order(self, *numbers: int, **details: Any) -> Order:
        """Return an order of pictures."""
        item = details.pop("item", {})
        items = [await self.item(number, **item) for number in numbers]
        return Order(**{"dialect": "optimagio", "base_url": BASE, "items": items} | details)

    async def submit(self, caller: Caller, *numbers: int, **details: Any) -> Accepted:
        """Order pictures."""
        receipt = details.pop("receipt", None)
        order = await self.order(*numbers, **details)
        return await self.jobs.submit(caller=caller, order=order, receipt=receipt)

    async def waiting(self, lane: str | None = None) -> list[tuple[str, str]]:
        """Return the ids of what is in the queue, in the order of turns, each with its chunk's."""
        statement = (
            f"SELECT workflow_uuid, queue_name FROM {self._status}"
            " WHERE status = 'ENQUEUED' ORDER BY priority, created_at, workflow_uuid"
        )
        async with self.database.reading() as connection:
            rows = (await connection.execute(sa.text(statement))).all()
        return [
            (id_, id_.partition(".")[0])
            for id_, name in rows
            if name == lane or (lane is None and name != "webhooks")
        ]

    async def take(self, id_: str) -> None:
        """Do as if the work of that id had come to its end in the queue."""
        statement = sa.text(f"DELETE FROM {self._status} WHERE workflow_uuid = :id")
        async with self.database.transaction() as connection:
            await connection.execute(statement, {"id": id_})

    async def work_off(self, work: Work | None = None) -> None:
        """Do all that waits in the queue."""
        work = work or self.work()
        while waiting := await self.waiting():
            for id_, chunk_id in waiting:
                await self.take(id_)
                await work.run(chunk_id)

    async def sweep(self) -> None:
        await self.quotas.sweep()
        await self.results.sweep()
        await self.batches.sweep()

    def files(self) -> list[str]:
        """Return the keys of the bytes that lie in the store."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.glob("*/*"))
