"""
How quickly files are deleted that nobody needs any more, by one sweep and by several at once.

    python -m benchmarks.ledger.sweeps --database-url URL --endpoint URL [--files 2000]

Over an empty database and an S3 service with a bucket `pixmill`. The files are not there: S3
answers a DELETE of nothing like any other.
"""

import asyncio
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from benchmarks.tables import show
from pixmill import clock
from pixmill.app import create_services
from pixmill.settings import Settings
from pixmill.stores import leases
from pixmill.stores.db import Database
from pixmill.stores.schema import migrate

SWEEPERS = (1, 3)
COLUMNS = ("sweeps at once", "files", "requests to delete one", "seconds", "files a second")


def main(
    database_url: Annotated[str, typer.Option(help="An empty database.")],
    endpoint: Annotated[str, typer.Option(help="An S3 service with a bucket `pixmill`.")],
    files: Annotated[int, typer.Option(help="Files that nobody needs.")] = 2000,
) -> None:
    """Delete files."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            data_dir=Path(folder),
            database_url=database_url,
            storage_url="s3://pixmill/objects",
            storage_endpoint=endpoint,
            storage_region="us-east-1",
            storage_access_key_id="an-access-key",
            storage_secret_access_key=SecretStr("a-secret-key"),
        )
        migrate(settings.resolved_database_url)
        rows = [asyncio.run(_measure(settings, sweepers, files)) for sweepers in SWEEPERS]
    show(COLUMNS, rows)


async def _measure(settings: Settings, sweepers: int, files: int) -> tuple[object, ...]:
    database = Database(settings.resolved_database_url)
    over = clock.now() - timedelta(hours=1)
    async with database.transaction() as connection:
        for number in range(files):
            await leases.hold(connection, digest=f"{number}", until=over)
    start = time.perf_counter()
    deleted = await asyncio.gather(*(_sweep(settings) for _ in range(sweepers)))
    seconds = time.perf_counter() - start
    await database.close()
    return (sweepers, files, sum(deleted) / files, seconds, files / seconds)


async def _sweep(settings: Settings) -> int:
    """Sweep as one server does, and return how many files it has deleted."""
    database = Database(settings.resolved_database_url)
    services = create_services(settings, database)
    try:
        return (await services.results.sweep()).files
    finally:
        await services.fetcher.stop()
        await services.queue.close()
        await database.close()


if __name__ == "__main__":
    typer.run(main)
