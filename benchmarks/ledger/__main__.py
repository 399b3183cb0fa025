"""
What an image costs the database and the object store, whatever way it is brought.

    python -m benchmarks.ledger --database-url URL --endpoint URL --s3-log FILE [--images 200]

A server of its own serves and works on jobs, over an empty PostgreSQL database and an S3 service
that writes a line for each request (moto); both are counted from outside, so nothing is forgotten:
write transactions by PostgreSQL's transaction ids, all transactions by its statistics, bytes by its
write-ahead log; CPU is that of the server's process alone, without the codec processes. What the
idle server costs in the same time is taken off. Pictures are 64 × 48, and each of them another one.
"""

import io
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import numpy as np
import psutil
import psycopg
import typer
from PIL import Image

from benchmarks.tables import show
from pixmill.cli.bench.server import Server, serving

#: Seconds of the idle server that are compared with, and seconds until statistics are written.
IDLE_SECONDS = 20.0
SETTLE_SECONDS = 2.0

METHODS = ("PUT", "GET", "HEAD", "DELETE")
COLUMNS = ("an image by", "write transactions", "transactions", "WAL bytes", *METHODS, "CPU ms")

_LINE = re.compile(r'"(PUT|GET|HEAD|DELETE|POST) /')

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What was counted up to one moment."""

    at: float
    writes: int
    transactions: int
    wal: int
    requests: Mapping[str, int]
    cpu_seconds: float


class Counters:
    """Looks at the database, at the log of the object store, and at the server."""

    def __init__(self, server: Server, *, database_url: str, log: Path) -> None:
        self._connection = psycopg.connect(database_url, autocommit=True)
        self._log = log
        self._process = psutil.Process(server.pid)

    def look(self) -> Count:
        """Return what was counted so far."""
        time.sleep(SETTLE_SECONDS)
        row = self._connection.execute(
            "SELECT pg_current_xact_id()::text::bigint, xact_commit + xact_rollback,"
            " (pg_current_wal_insert_lsn() - '0/0')::bigint"
            " FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
        assert row
        cpu = self._process.cpu_times()
        return Count(
            at=time.monotonic(),
            writes=row[0],
            transactions=row[1],
            wal=row[2],
            requests=Counter(_LINE.findall(self._log.read_text())),
            cpu_seconds=cpu.user + cpu.system,
        )


class Caller:
    """Brings images in each way that there is."""

    def __init__(self, server: Server) -> None:
        self._client = httpx.Client(
            base_url=server.base_url,
            headers={"Authorization": f"Bearer {server.key}"},
            timeout=120,
        )
        self._last = 0
        self._links: list[str] = []

    def answered(self, images: int) -> None:
        """Have each answered at once, with nothing kept (OptiPic)."""
        for number in self._numbers(images):
            self._post("/v1/compress", "file", number, format="webp")

    def kept(self, images: int) -> None:
        """Have each answered at once, and its result kept (Optimagio)."""
        for number in self._numbers(images):
            answer = self._post("/api/optimize", "image", number, format="webp")
            self._links.append(answer.json()["optimized_url"])

    def again(self, images: int) -> None:
        """Have what was just kept made once more."""
        for number in range(self._last - images + 1, self._last + 1):
            self._post("/api/optimize", "image", number, format="webp")

    def downloaded(self, images: int) -> None:
        """Download what was kept."""
        for link in self._links[:images]:
            httpx.get(link, timeout=120).raise_for_status()

    def single(self, images: int) -> None:
        """Order a job for each, and wait."""
        jobs = [
            self._post("/api/v1/jobs", "image", number, format="webp").json()["status_url"]
            for number in self._numbers(images)
        ]
        while any(self._client.get(job).json()["status"] != "completed" for job in jobs[-5:]):
            time.sleep(SETTLE_SECONDS)

    def batch(self, images: int, *, chunk: int = 50) -> None:
        """Order all of them in one batch, in chunks, and wait."""
        batch = f"batch-{self._last}"
        numbers = self._numbers(images)
        for start in range(0, images, chunk):
            self._client.post(
                "/api/v1/optimize/batch",
                headers={"Idempotency-Key": f"{batch}-{start}"},
                data={
                    "client_batch_id": batch,
                    "format": "webp",
                    "final": str(start + chunk >= images).lower(),
                },
                files=[("files", file(number)) for number in numbers[start : start + chunk]],
            ).raise_for_status()
        while self._client.get(f"/api/v1/optimize/batch/{batch}").json()["status"] != "completed":
            time.sleep(SETTLE_SECONDS)

    def _numbers(self, images: int) -> range:
        first = self._last + 1
        self._last += images
        return range(first, first + images)

    def _post(self, path: str, field: str, number: int, **fields: str) -> httpx.Response:
        answer = self._client.post(path, files={field: file(number)}, data=fields)
        return answer.raise_for_status()


def file(number: int) -> tuple[str, bytes]:
    """Return the name and the bytes of a picture that no other number has."""
    noise = np.random.default_rng(number).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).save(buffer, "PNG")
    return f"{number}.png", buffer.getvalue()


@app.command()
def main(
    database_url: Annotated[str, typer.Option(help="An empty PostgreSQL database.")],
    endpoint: Annotated[str, typer.Option(help="An S3 service with a bucket `pixmill`.")],
    s3_log: Annotated[Path, typer.Option(help="Where it writes a line for each request.")],
    images: Annotated[int, typer.Option(help="Of each way.")] = 200,
    plan: Annotated[str, typer.Option(help="Of the account that brings them.")] = "self-hosted",
) -> None:
    """Count what an image costs."""
    settings = {
        "PIXMILL_DATABASE_URL": database_url,
        "PIXMILL_STORAGE_URL": "s3://pixmill/objects",
        "PIXMILL_STORAGE_ENDPOINT": endpoint,
        "PIXMILL_STORAGE_REGION": "us-east-1",
        "PIXMILL_STORAGE_ACCESS_KEY_ID": "an-access-key",
        "PIXMILL_STORAGE_SECRET_ACCESS_KEY": "a-secret-key",
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), plan=plan, settings=settings) as server,
    ):
        counters = Counters(server, database_url=database_url, log=s3_log)
        caller = Caller(server)
        before = counters.look()
        time.sleep(IDLE_SECONDS)
        idle = _costs(before, counters.look(), per=1)
        seconds = idle.pop("seconds")
        idle = {name: value / seconds for name, value in idle.items()}
        ways: dict[str, Callable[[int], None]] = {
            "call, nothing kept": caller.answered,
            "call, result kept": caller.kept,
            "call, found in the cache": caller.again,
            "download": caller.downloaded,
            "job of its own": caller.single,
            "batch, chunks of 50": caller.batch,
        }
        rows = [("idle, a second", *_shown(idle))]
        for name, way in ways.items():
            before = counters.look()
            way(images)
            costs = _costs(before, counters.look(), per=images)
            pause = costs.pop("seconds")
            rows.append((name, *_shown({each: costs[each] - idle[each] * pause for each in costs})))
    show(COLUMNS, rows)


def _costs(before: Count, after: Count, *, per: int) -> dict[str, float]:
    """Return what came in between, and for how many seconds, each for one of *per* images."""
    return {
        "seconds": (after.at - before.at) / per,
        "writes": (after.writes - before.writes - 1) / per,
        "transactions": (after.transactions - before.transactions) / per,
        "wal": (after.wal - before.wal) / per,
        **{
            method: (after.requests.get(method, 0) - before.requests.get(method, 0)) / per
            for method in METHODS
        },
        "cpu": 1000 * (after.cpu_seconds - before.cpu_seconds) / per,
    }


def _shown(costs: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(
        f"{value:.0f}" if name == "wal" else f"{value:.2f}" for name, value in costs.items()
    )


if __name__ == "__main__":
    app()
