"""What several machines do to one shelf of results: keep the same things, and sweep them away."""

import asyncio
import hashlib
import random
from collections.abc import Iterable
from datetime import timedelta
from multiprocessing.connection import Connection

from pixmill import clock
from pixmill.services.links import Links
from pixmill.services.outcome import Outcome
from pixmill.services.results import Results, Retention
from pixmill.services.secret import Secret
from pixmill.stores.db import Database
from pixmill.stores.objects import Objects

SECRET = b"a secret that nobody can guess..."

#: So short that every file is given up, and wanted again, many times within a test.
BRIEF = Retention(
    ttl=timedelta(seconds=0.25), grace=timedelta(seconds=0.05), memory=timedelta(seconds=0.2)
)
#: Results are not read in the last moments of their life: a busy machine may stop in between.
MARGIN = timedelta(seconds=0.1)


def outcome(data: bytes) -> Outcome:
    return Outcome(
        data=data,
        format="webp",
        mime="image/webp",
        extension=".webp",
        width=640,
        height=480,
        frames=1,
        how="encoded",
        score=73.25,
        original_size=1000,
    )


class Hesitant(Objects):
    """A store that takes its time before it deletes."""

    async def delete(self, keys: Iterable[str]) -> None:
        await asyncio.sleep(random.random() * 0.05)
        await super().delete(keys)


def shelf(database: Database, objects: Objects) -> Results:
    return Results(
        database=database,
        objects=objects,
        links=Links(Secret(SECRET), purpose="download"),
        retention=BRIEF,
    )


def keep_and_read(answer: Connection, url: str, storage_url: str, account_id: str) -> None:
    """Keep few different contents many times; answer how many were read, and what was wrong."""
    answer.send(asyncio.run(_keep_and_read(url, storage_url, account_id)))


def sweep(answer: Connection, url: str, storage_url: str) -> None:
    """Sweep until told to stop; answer how many files were deleted."""
    answer.send(asyncio.run(_sweep(answer, url, storage_url)))


async def _keep_and_read(url: str, storage_url: str, account_id: str) -> tuple[int, list[str]]:
    database = Database(url)
    results = shelf(database, Objects(storage_url))
    wrong: list[str] = []
    reads = 0

    async def work() -> None:
        nonlocal reads
        for _ in range(15):
            data = random.choice(b"abcd").to_bytes() * 50_000
            key = hashlib.sha256(data).hexdigest()
            stored = await results.cached(account_id=account_id, cache_key=key)
            if stored and random.random() < 0.5:
                stored = await results.again(stored=stored)
            if stored is None:
                stored, _ = await results.keep(
                    account_id=account_id, cache_key=key, outcome=outcome(data)
                )
            await asyncio.sleep(random.random() * 0.1)
            if not stored.expired(clock.now() + MARGIN):
                try:
                    if (await results.recall(stored)).data != data:
                        wrong.append(f"{stored.id} has other bytes")
                except Exception as error:  # noqa: BLE001 - whatever it is, it is reported
                    if not stored.expired(clock.now()):
                        wrong.append(repr(error))
                reads += 1
            await asyncio.sleep(random.random() * 0.1)

    await asyncio.gather(*(work() for _ in range(4)))
    await database.close()
    return reads, wrong


async def _sweep(answer: Connection, url: str, storage_url: str) -> int:
    database = Database(url)
    results = shelf(database, Hesitant(storage_url))
    files = 0
    while not answer.poll():
        files += (await results.sweep()).files
        await asyncio.sleep(0.01)
    await database.close()
    return files
