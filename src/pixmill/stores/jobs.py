"""Jobs: one image each that somebody will work on, is working on, or has."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Table,
    Text,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record

State = Literal["queued", "processing", "completed", "failed", "cancelled", "expired"]

#: A job in one of these is not over.
LIVING: tuple[State, ...] = ("queued", "processing")

#: A job in one of these has ended without a result that somebody still wants.
UNLUCKY: tuple[State, ...] = ("failed", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One image: where it is, what is to be made of it, and what became of that."""

    id: str
    chunk_id: str
    batch_id: str | None
    account_id: str
    number: int  #: its place in its batch, or in its chunk without one
    label: str  #: JSON of what the caller wants to know it by
    filename: str | None
    source_key: str | None  #: where the upload lies among the stored bytes
    source_url: str | None
    source_size: int | None  #: bytes; None until a URL is fetched
    wanted: str  #: JSON: `engine.types.Options`, one for each result that is asked for
    committed: bool  #: the results stay until they are deleted
    held: int  #: requests of the quota that are reserved for it, named ``<id>.0`` and so on
    state: State = "queued"
    turns: int = 0  #: how often its turn came after the first one of its chunk
    outcomes: str | None = None  #: JSON: what became of each of *wanted*
    error: str | None = None  #: `errors.Error.code` of why there is no result
    message: str | None = None  #: the same in words that the caller may read
    finish: int | None = None  #: it was the n-th job of its batch that was over; from 1
    retry_id: str | None = None  #: the batch, or without one the job, that does it once more
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    expires_at: datetime  #: if it is not over by then, it never will be


jobs = Table(
    "jobs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("chunk_id", Text, ForeignKey("chunks.id"), nullable=False, index=True),
    Column("batch_id", Text, ForeignKey("batches.id")),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("label", Text, nullable=False),
    Column("filename", Text),
    Column("source_key", Text),
    Column("source_url", Text),
    Column("source_size", BigInteger),
    Column("wanted", Text, nullable=False),
    Column("committed", Boolean, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("outcomes", Text),
    Column("error", Text),
    Column("message", Text),
    Column("finish", BigInteger),
    Column("retry_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("ix_jobs_batch_id_number", "batch_id", "number"),
    Index("ix_jobs_batch_id_finish", "batch_id", "finish"),
    Index("ix_jobs_state_expires_at", "state", "expires_at"),
)
Index(
    "ix_jobs_single",
    jobs.c.account_id,
    jobs.c.created_at,
    sqlite_where=jobs.c.batch_id.is_(None),
    postgresql_where=jobs.c.batch_id.is_(None),
)

_LIVING = jobs.c.state.in_(LIVING)
_IN_VAIN = jobs.c.state.not_in((*LIVING, "completed"))

# What is said once for each job is built once: that takes as long as to run it.
_END = (
    jobs.update()
    .where(jobs.c.id == bindparam("ended"), jobs.c.state.in_(bindparam("only", expanding=True)))
    .values(
        state=bindparam("how"),
        outcomes=bindparam("made"),
        error=bindparam("code"),
        message=bindparam("words"),
        source_size=func.coalesce(jobs.c.source_size, bindparam("size", type_=BigInteger)),
        finished_at=bindparam("now", type_=UtcDateTime),
    )
)
_NUMBER = jobs.update().where(jobs.c.id == bindparam("ended")).values(finish=bindparam("nth"))


async def add(connection: AsyncConnection, rows: Sequence[Job]) -> None:
    """Add all of *rows*."""
    await connection.execute(jobs.insert(), [asdict(row) for row in rows])


async def begin(connection: AsyncConnection, *, chunk_id: str, now: datetime) -> list[Job]:
    """Say that somebody works on the chunk, and return those of its jobs that are not over."""
    statement = (
        jobs.update()
        .where(jobs.c.chunk_id == chunk_id, _LIVING)
        .values(
            state="processing",
            started_at=func.coalesce(jobs.c.started_at, bindparam("now", now, UtcDateTime)),
        )
        .returning(*jobs.c)
    )
    found = [record(Job, row) for row in await connection.execute(statement)]
    return sorted(found, key=lambda job: job.number)


async def put_back(connection: AsyncConnection, *, chunk_id: str) -> int:
    """Say that nobody works on the chunk; return how many of its jobs are not over."""
    statement = jobs.update().where(jobs.c.chunk_id == chunk_id, _LIVING).values(state="queued")
    return (await connection.execute(statement)).rowcount


async def count_turn(connection: AsyncConnection, *, id_: str, by: int = 1) -> int | None:
    """Count that the turn of a job has come, and return how many it had; None: it is over."""
    statement = (
        jobs.update()
        .where(jobs.c.id == id_, _LIVING)
        .values(turns=jobs.c.turns + by)
        .returning(jobs.c.turns)
    )
    turns: int | None = (await connection.execute(statement)).scalar_one_or_none()
    return turns


async def end(  # noqa: PLR0913 - all that an end says
    connection: AsyncConnection,
    *,
    id_: str,
    state: State,
    now: datetime,
    only: Collection[State] = LIVING,
    outcomes: str | None = None,
    error: str | None = None,
    message: str | None = None,
    source_size: int | None = None,
) -> bool:
    """
    Say how the job ended. False: it has ended before, or is in none of the states *only*.

    Whoever hears True does the rest of the end in the same transaction, and nobody else does it.
    """
    values = {
        "ended": id_,
        "only": list(only),
        "how": state,
        "made": outcomes,
        "code": error,
        "words": message,
        "size": source_size,
        "now": now,
    }
    return (await connection.execute(_END, values)).rowcount == 1


async def number(connection: AsyncConnection, *, id_: str, finish: int) -> None:
    """Say the how-manieth job of its batch it was that was over."""
    await connection.execute(_NUMBER, {"ended": id_, "nth": finish})


async def find(connection: AsyncConnection, *, id_: str) -> Job | None:
    """Return the job with that id, whoever's it is."""
    row = (await connection.execute(select(jobs).where(jobs.c.id == id_))).one_or_none()
    return record(Job, row) if row else None


async def of_chunk(connection: AsyncConnection, *, chunk_id: str) -> list[Job]:
    """Return the jobs of a chunk in their order."""
    statement = select(jobs).where(jobs.c.chunk_id == chunk_id).order_by(jobs.c.number)
    return [record(Job, row) for row in await connection.execute(statement)]


async def living(connection: AsyncConnection, *, chunk_id: str) -> int:
    """Return how many jobs of the chunk are not over."""
    statement = select(func.count()).select_from(jobs).where(jobs.c.chunk_id == chunk_id, _LIVING)
    return (await connection.execute(statement)).scalar_one()


async def counts(connection: AsyncConnection) -> dict[str, int]:
    """Return how many jobs that are not over there are, by their state."""
    statement = select(jobs.c.state, func.count()).where(_LIVING).group_by(jobs.c.state)
    return {str(state): int(count) for state, count in await connection.execute(statement)}


async def page(
    connection: AsyncConnection,
    *,
    batch_id: str,
    start: int = 0,
    limit: int | None = None,
    state: State | None = None,
) -> list[Job]:
    """Return jobs of a batch, in their order, from the number *start* on."""
    statement = (
        select(jobs)
        .where(jobs.c.batch_id == batch_id, jobs.c.number >= start)
        .order_by(jobs.c.number)
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(jobs.c.state == state)
    return [record(Job, row) for row in await connection.execute(statement)]


async def in_vain_first(
    connection: AsyncConnection, *, batch_id: str, start: int, limit: int, only: bool = False
) -> list[Job]:
    """
    Return jobs of a batch in their order, but first those that ended without a result.

    *only*: these alone.
    """
    statement = (
        select(jobs)
        .where(jobs.c.batch_id == batch_id)
        .order_by(case((_IN_VAIN, 0), else_=1), jobs.c.number)
        .offset(start)
        .limit(limit)
    )
    if only:
        statement = statement.where(_IN_VAIN)
    return [record(Job, row) for row in await connection.execute(statement)]


async def single(
    connection: AsyncConnection, *, account_id: str, start: int, limit: int
) -> list[Job]:
    """Return jobs of the account that are in no batch, the newest first."""
    statement = (
        select(jobs)
        .where(jobs.c.account_id == account_id, jobs.c.batch_id.is_(None))
        .order_by(jobs.c.created_at.desc(), jobs.c.id)
        .offset(start)
        .limit(limit)
    )
    return [record(Job, row) for row in await connection.execute(statement)]


async def unlucky(
    connection: AsyncConnection,
    *,
    limit: int,
    batch_id: str | None = None,
    id_: str | None = None,
) -> list[Job]:
    """
    Return jobs of a batch, or the one with that id, that nobody has tried again yet.

    They stay locked until the transaction ends.
    """
    statement = (
        select(jobs)
        .where(jobs.c.state.in_(UNLUCKY), jobs.c.retry_id.is_(None))
        .order_by(jobs.c.number)
        .limit(limit)
        .with_for_update()
    )
    if batch_id is not None:
        statement = statement.where(jobs.c.batch_id == batch_id)
    if id_ is not None:
        statement = statement.where(jobs.c.id == id_)
    return [record(Job, row) for row in await connection.execute(statement)]


async def retried(connection: AsyncConnection, *, ids: Sequence[str], retry_id: str) -> None:
    """Say what does those jobs once more."""
    await connection.execute(jobs.update().where(jobs.c.id.in_(ids)).values(retry_id=retry_id))


async def last_retry(connection: AsyncConnection, *, batch_id: str) -> str | None:
    """Return what has tried jobs of the batch again; None: nothing has."""
    statement = (
        select(jobs.c.retry_id)
        .where(jobs.c.batch_id == batch_id, jobs.c.retry_id.is_not(None))
        .order_by(jobs.c.number.desc())
        .limit(1)
    )
    found: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return found


async def lives(connection: AsyncConnection, *, id_: str) -> bool:
    """Say whether the job is not over."""
    statement = select(jobs.c.id).where(jobs.c.id == id_, _LIVING)
    return (await connection.execute(statement)).one_or_none() is not None


async def living_of_batch(connection: AsyncConnection, *, batch_id: str, limit: int) -> list[Job]:
    """Return jobs of the batch that are not over, the last first: nobody works on these yet."""
    statement = (
        select(jobs)
        .where(jobs.c.batch_id == batch_id, _LIVING)
        .order_by(jobs.c.number.desc())
        .limit(limit)
    )
    return [record(Job, row) for row in await connection.execute(statement)]


async def ended(connection: AsyncConnection, *, batch_id: str, after: int, limit: int) -> list[Job]:
    """Return jobs of a batch in the order in which they were over, after the *after*-th."""
    statement = (
        select(jobs)
        .where(jobs.c.batch_id == batch_id, jobs.c.finish > after)
        .order_by(jobs.c.finish)
        .limit(limit)
    )
    return [record(Job, row) for row in await connection.execute(statement)]


async def processing(connection: AsyncConnection, *, batch_id: str) -> int:
    """Return how many jobs of the batch somebody works on."""
    statement = (
        select(func.count())
        .select_from(jobs)
        .where(jobs.c.batch_id == batch_id, jobs.c.state == "processing")
    )
    return (await connection.execute(statement)).scalar_one()


async def late(connection: AsyncConnection, *, now: datetime, limit: int) -> list[Job]:
    """Return jobs that should have been over by now and are not."""
    statement = (
        select(jobs)
        .where(_LIVING, jobs.c.expires_at <= now)
        .order_by(jobs.c.expires_at)
        .limit(limit)
    )
    return [record(Job, row) for row in await connection.execute(statement)]


async def forget(
    connection: AsyncConnection, *, batch_ids: Sequence[str], chunk_ids: Sequence[str], limit: int
) -> int:
    """Remove at most *limit* jobs of those batches and chunks; return how many."""
    some = (
        select(jobs.c.id)
        .where(or_(jobs.c.batch_id.in_(batch_ids), jobs.c.chunk_id.in_(chunk_ids)))
        .limit(limit)
    )
    return (await connection.execute(jobs.delete().where(jobs.c.id.in_(some)))).rowcount
