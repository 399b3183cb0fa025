"""Jobs with nothing put in anything's place: the queue, the codecs, and somebody's web server."""

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from ipaddress import ip_network
from pathlib import Path

import pytest
from PIL import Image

from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig
from pixmill.services.jobs.types import CHUNKS, SINGLES, InBatch, Item, Order
from pixmill.services.pool.pool import Pool
from pixmill.services.pool.types import PoolConfig
from pixmill.services.queue.executor import Executor
from pixmill.services.webhooks.types import DELIVERIES
from pixmill.stores.db import Database
from services.desk import Clock, Desk
from services.jobs.audit import Audit
from services.jobs.mill import AVIF, BASE, WEBP, Mill
from services.pool.bench import CONFIG

from fixtures.origins import Origin
from fixtures.pictures import encode, photo

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def pool(anyio_backend: str) -> AsyncIterator[Pool]:
    """Give codec processes that all tests here share."""
    assert anyio_backend
    pool = Pool(PoolConfig(**CONFIG))
    await pool.start()
    yield pool
    await pool.stop(grace=0)


@pytest.fixture
async def mill(
    database: Database, database_url: str, tmp_path: Path, clock: Clock, pool: Pool
) -> AsyncIterator[Mill]:
    mill = Mill(
        database=database,
        url=database_url,
        folder=tmp_path / "objects",
        clock=clock,
        pool=pool,
        fetcher=Fetcher(FetchConfig(allow=(ip_network("127.0.0.0/8"),))),
    )
    await mill.start()
    yield mill
    await mill.close()


@pytest.fixture
async def executor(mill: Mill, database: Database, database_url: str) -> AsyncIterator[Executor]:
    """Give what takes work from the queue."""

    def stopping() -> bool:
        return executor.stopping.is_set()

    work = mill.work(places=2, stopping=stopping)
    executor = Executor(
        database=database,
        database_url=database_url,
        queue=mill.queue,
        works={CHUNKS: work.run, SINGLES: work.run, DELIVERIES: mill.webhooks.deliver},
    )
    await executor.start()
    yield executor
    await executor.stop()


def picture(seed: int) -> bytes:
    return encode(photo(40, 30, seed=seed), "PNG")


@pytest.mark.usefixtures("executor")
async def test_files_and_urls_are_worked_on_to_the_end(
    mill: Mill, audit: Audit, desk: Desk, origin: Origin
) -> None:
    caller = await desk.caller("self-hosted")
    items = [await mill.item(picture(seed), filename=f"{seed}.png") for seed in range(3)]
    items.append(await mill.item(b"not a picture"))
    batch = await mill.jobs.submit(
        caller=caller,
        order=Order(dialect="optimagio", base_url=BASE, items=items, batch=InBatch(close=True)),
    )
    url = origin.picture(picture(9), name="from there.png", content_type="image/png")
    urls = [Item(url=url, wanted=(WEBP, AVIF)), Item(url=origin.failing(), wanted=(WEBP,))]
    singles = await mill.jobs.submit(
        caller=caller, order=Order(dialect="octosqueeze", base_url=BASE, items=urls)
    )

    async def wait(chunk_id: str | None) -> list[str]:
        assert chunk_id
        closing = asyncio.Event()
        found = await mill.jobs.wait(chunk_id=chunk_id, patience=60, closing=closing)
        return [report.job.error or report.job.state for report in found]

    completed, failed = "completed", errors.UnsupportedFormat.code
    assert await wait(batch.chunk_id) == [completed, completed, completed, failed]
    assert await wait(singles.chunk_id) == [completed, errors.FetchFailed.code]
    assert batch.batch
    progress = await mill.batches.find(name=batch.batch.id, account_id=caller.account.id)
    assert progress.status == "completed_with_errors"
    reports = [report async for report in mill.batches.completed(batch=progress.batch)]
    reports.append(await mill.jobs.find(id_=singles.jobs[0].id, account_id=caller.account.id))
    names = [told.stored and told.stored.filename for told in (r.results[0] for r in reports)]
    assert names == ["0.png", "1.png", "2.png", "from there.png"]
    for report in reports:
        for told in report.results:
            assert told.stored
            outcome = await mill.results.recall(told.stored)
            with Image.open(BytesIO(outcome.data)) as image:
                assert image.size == (40, 30)
                assert image.get_format_mimetype() == told.stored.mime
    await audit.check()
