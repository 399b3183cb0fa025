"""What was promised against what there is: items, results, usage, and nothing left over."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import Any

from PIL import Image
from sqlalchemy import Select, select, text

from benchmarks.chaos.calling import Caller
from benchmarks.chaos.loading import PATH, Parcel
from benchmarks.chaos.worlds import Customer, World
from pixmill import clock
from pixmill.services.uploads import PATIENCE
from pixmill.stores import usage
from pixmill.stores.db import Database
from pixmill.stores.jobs import UNLUCKY, jobs
from pixmill.stores.leases import leases
from pixmill.stores.usage import Usage

#: Items of one page.
PAGE = 500
#: Seconds in which a queue whose database was away has looked again at what it was doing.
QUIET_WITHIN = 60


@dataclass(kw_only=True)
class Audit:
    """What was found. It is as it should be when there are no problems."""

    accepted: int = 0
    completed: int = 0
    cached: int = 0
    failed: int = 0  #: files that were broken when they were sent
    rejected: int = 0
    downloaded: int = 0
    charged: int = 0
    #: Sound files that have no result: the reason that was told.
    unjust: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def audit(world: World, customer: Customer, caller: Caller, parcels: list[Parcel]) -> Audit:
    """Compare everything of *customer*, who is the only one; nothing may be going on any more."""
    found = Audit()
    for parcel in parcels:
        found.problems += _compare(caller, parcel, found)
    found.problems += asyncio.run(_books(world, customer, parcels, found))
    found.problems += _processes(world)
    return found


def charged(world: World, customer: Customer) -> int:
    """Return how many requests *customer* was charged for."""
    return asyncio.run(_usage(world.database_url, customer)).requests


def _compare(caller: Caller, parcel: Parcel, found: Audit) -> Iterator[str]:
    """Compare one batch with what its sender knows, and download its results."""
    counts = caller.get(f"{PATH}/{parcel.name}", limit=1).json()
    items = {item["item_id"]: item for item in _items(caller, parcel.name)}
    found.accepted += len(parcel.accepted)
    found.rejected += parcel.rejected
    if lost := parcel.accepted.keys() - items.keys():
        yield f"{parcel.name}: {len(lost)} accepted items are lost"
    if more := items.keys() - parcel.accepted.keys():
        yield f"{parcel.name}: {len(more)} items that nobody knows of"
    states = Counter(item["status"] for item in items.values())
    expected = {
        "total": len(parcel.accepted),
        "queued": 0,
        "processing": 0,
        "completed": states["completed"],
        "failed": len(items) - states["completed"],
        "rejected": parcel.rejected,
        "status": "completed_with_errors" if len(items) > states["completed"] else "completed",
    }
    said = {name: counts[name] for name in expected}
    if said != expected:
        yield f"{parcel.name}: it says {said}, but it is {expected}"
    for id_, item in items.items():
        yield from _one(caller, parcel, id_, item, found)


def _one(
    caller: Caller, parcel: Parcel, id_: str, item: Mapping[str, Any], found: Audit
) -> Iterator[str]:
    upload = parcel.accepted.get(id_)
    if item["status"] == "failed":
        if upload and upload.sound:
            found.unjust[item["error"]["code"]] += 1
        else:
            found.failed += 1
        return
    if item["status"] != "completed":
        yield f"{parcel.name}: the item {id_} is {item['status']}"
        return
    found.completed += 1
    found.cached += item["cached"]
    answer = caller.get(item["optimized_url"])
    if not answer.is_success:
        yield f"{parcel.name}: the result of {id_} is gone: {answer.status_code}"
    elif upload and not _whole(answer.content, upload.size, item["optimized_size"]):
        yield f"{parcel.name}: the result of {id_} is corrupt"
    else:
        found.downloaded += 1


def _items(caller: Caller, name: str) -> Iterator[Mapping[str, Any]]:
    cursor = "0"
    while cursor is not None:
        page = caller.get(f"{PATH}/{name}", limit=PAGE, cursor=cursor).json()
        yield from page["items"]
        cursor = page["next_cursor"]


def _whole(data: bytes, size: tuple[int, int], length: int) -> bool:
    try:
        with Image.open(BytesIO(data)) as picture:
            picture.load()
            return picture.size == size and len(data) == length
    except OSError:
        return False


async def _usage(url: str, customer: Customer) -> Usage:
    database = Database(url)
    async with database.reading() as connection:
        period = clock.period(clock.now())
        found = await usage.find(connection, subject=customer.account_id, period=period)
    await database.close()
    return found


async def _books(
    world: World, customer: Customer, parcels: list[Parcel], found: Audit
) -> list[str]:
    """Compare what the database says with what was promised."""
    database = Database(world.database_url)
    dbos = "dbos." if database.dialect == "postgresql" else ""
    account = {"account": customer.account_id}
    async with database.reading() as connection:

        async def number(statement: str) -> int:
            return int((await connection.execute(text(statement), account)).scalar_one())

        begun = sum(parcel.chunks for parcel in parcels)
        chunks = "SELECT count(*) FROM chunks WHERE account_id = :account"
        queue = f"SELECT count(*) FROM {dbos}workflow_status WHERE status"
        queued = f"{queue} IN ('ENQUEUED', 'PENDING')"
        deadline = time.monotonic() + QUIET_WITHIN
        while await number(queued) and time.monotonic() < deadline:  # noqa: ASYNC110 - it is a table
            await asyncio.sleep(0.2)
        used = await _usage(world.database_url, customer)
        found.charged = used.requests
        keys = "SELECT count(*) FROM idempotency_keys WHERE account_id = :account"
        held = "SELECT count(*) FROM reservations WHERE subject = :account"
        pairs = {
            "requests charged": (used.requests, found.completed - found.cached),
            "requests taken": (used.taken, used.requests),
            "repeats counted": (used.cached, found.cached),
            "chunks": (await number(chunks), begun),
            "chunks not over": (await number(f"{chunks} AND finished_at IS NULL"), 0),
            "requests answered once": (await number(f"{keys} AND status IS NOT NULL"), begun),
            "keys held": (await number(f"{keys} AND status IS NULL"), 0),
            # Not those of others: whoever does not hear that a reservation was committed, because
            # the database is away, leaves it until it lapses.
            "reservations left": (await number(held), 0),
            "uploads left": (len((await connection.execute(_uploads_left())).all()), 0),
            "work in the queue": (await number(queued), 0),
            "work that failed": (await number(f"{queue} = 'ERROR'"), 0),
        }
    await database.close()
    return [
        f"{what}: {is_} and not {should}" for what, (is_, should) in pairs.items() if is_ != should
    ]


def _uploads_left() -> Select[str]:
    """Ask for uploads that are to stay for longer than those for which there is no job."""
    later = clock.now() + PATIENCE + timedelta(minutes=1)
    # What failed may be tried again.
    kept = select(jobs.c.source_key).where(
        jobs.c.state.in_(UNLUCKY), jobs.c.source_key.is_not(None)
    )
    return select(leases.c.key).where(
        leases.c.digest.like("%-upload"), leases.c.ends_at > later, leases.c.key.not_in(kept)
    )


def _processes(world: World) -> Iterator[str]:
    """Look for codec processes that outlive their server."""
    for node in world.nodes:
        if left := [process for process in node.orphans if process.is_running()]:
            yield f"{node.name}: {len(left)} processes outlive the one that they worked for"
