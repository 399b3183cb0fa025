"""
Two workers on PostgreSQL against one, each pinned to a core of its own.

    python -m benchmarks.scaling [--files 200] [--rounds 3]

A server that runs no jobs takes a batch; then one worker, or two, are started and work on it. One
and two take turns in each round, so that a busy minute hits both. The rate is that of the middle
eight tenths of the files, by the moments at which their jobs were finished: without the start of
the workers, and without the end, when one has nothing to do any more. PostgreSQL, Valkey and the S3
service run on the same two cores. Each worker has one codec process.
"""

import asyncio
import os
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Annotated

import httpx
import typer
from sqlalchemy import select

from benchmarks.batches import pictures
from benchmarks.batches.sending import PATIENCE, send_chunk
from benchmarks.chaos.nodes import Node
from benchmarks.chaos.services import postgres, s3, valkey
from benchmarks.chaos.worlds import World, running, storage
from benchmarks.tables import show
from pixmill.stores.db import Database
from pixmill.stores.jobs import jobs

#: Files of a chunk: few, so that two workers share the work evenly to the end.
CHUNK = 10
#: Seconds between two looks whether all is finished.
LOOK_SECONDS = 0.5

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Files a second."""

    one: float
    two: float


@app.command()
def main(
    *,
    files: Annotated[int, typer.Option(min=50, help="Of a batch.")] = 200,
    rounds: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Print files a second with one worker and with two."""
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pixmill-bench-")))
        url = stack.enter_context(stack.enter_context(postgres()).fresh())
        env = {"PIXMILL_DATABASE_URL": url, "PIXMILL_WORKERS": "1"}
        env["PIXMILL_REDIS_URL"] = stack.enter_context(valkey()).url
        env |= storage(stack.enter_context(s3()))
        server = Node("serve", folder=folder / "serve", env=env | {"PIXMILL_SERVE_JOBS": "false"})
        world = stack.enter_context(running([server], url, {}))
        found = []
        for number in range(rounds):
            rates = {}
            for count in (1, 2) if number % 2 == 0 else (2, 1):
                place = folder / f"{number}-{count}"
                rates[count] = _rate(world, env, place, cores[:count], number=number, files=files)
            found.append(Round(one=rates[1], two=rates[2]))
    show(
        ("round", "one worker, files/s", "two workers", "ratio"),
        [
            *((n, each.one, each.two, each.two / each.one) for n, each in enumerate(found, 1)),
            (
                "median",
                median(each.one for each in found),
                median(each.two for each in found),
                median(each.two / each.one for each in found),
            ),
        ],
    )


def _rate(  # noqa: PLR0913 - what is measured
    world: World,
    env: dict[str, str],
    folder: Path,
    cores: list[int],
    *,
    number: int,
    files: int,
) -> float:
    """Let a worker on each of *cores* work on a batch, and return its files a second."""
    customer = world.customer()  # for whom nothing is in the cache
    headers = {"Authorization": f"Bearer {customer.key}"}
    with httpx.Client(base_url=world.base_url, headers=headers, timeout=PATIENCE) as client:
        for start in range(0, files, CHUNK):
            send_chunk(
                client,
                batch="scaling",
                key=str(start),
                files=[
                    (f"{each}.jpg", pictures.small(number * files + each))
                    for each in range(start, start + CHUNK)
                ],
                fields={},
            ).raise_for_status()
    workers = [
        Node("worker", folder=folder / str(core), env=env, prefix=("taskset", "-c", str(core)))
        for core in cores
    ]
    try:
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.wait_until_ready()
        return asyncio.run(_finished(world.database_url, customer.account_id, files))
    finally:
        for worker in workers:
            worker.stop()


async def _finished(url: str, account_id: str, files: int) -> float:
    """Wait until all is finished; return the files a second of the middle."""
    database = Database(url)
    statement = (
        select(jobs.c.finished_at)
        .where(jobs.c.account_id == account_id, jobs.c.state == "completed")
        .order_by(jobs.c.finished_at)
    )
    moments: list[datetime] = []
    while len(moments) < files:
        time.sleep(LOOK_SECONDS)  # noqa: ASYNC251 - nothing else runs here
        async with database.reading() as connection:
            moments = list((await connection.execute(statement)).scalars())
    await database.close()
    first, last = files // 10, files * 9 // 10
    return (last - first) / (moments[last] - moments[first]).total_seconds()


if __name__ == "__main__":
    app()
