"""Chunks: the jobs that one request brought; somebody works on all of them in one go."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Table, Text, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """What all jobs of one request have in common."""

    id: str
    batch_id: str | None
    account_id: str
    key_id: str
    subject: str  #: whose quota the jobs are taken from: the key's id or the account's
    period: str  #: the month that is charged
    dialect: str
    base_url: str
    webhook_url: str | None  #: told of the end of each job
    free_repeats: bool  #: what was made before is not charged again
    max_file_size: int  #: bytes of what is fetched from a URL
    turns: int = 0  #: how often somebody has begun to work on it
    created_at: datetime
    finished_at: datetime | None = None


chunks = Table(
    "chunks",
    metadata,
    Column("id", Text, primary_key=True),
    Column("batch_id", Text, ForeignKey("batches.id")),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("webhook_url", Text),
    Column("free_repeats", Boolean, nullable=False),
    Column("max_file_size", BigInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_chunks_account_id_finished_at", "account_id", "finished_at"),
    Index("ix_chunks_batch_id_finished_at", "batch_id", "finished_at"),
)


async def add(connection: AsyncConnection, chunk: Chunk) -> None:
    """Add *chunk*."""
    await connection.execute(chunks.insert(), asdict(chunk))


async def begin(connection: AsyncConnection, *, id_: str) -> Chunk | None:
    """Count one more turn, and return the chunk unless it is over."""
    statement = (
        chunks.update()
        .where(chunks.c.id == id_, chunks.c.finished_at.is_(None))
        .values(turns=chunks.c.turns + 1)
        .returning(*chunks.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Chunk, row) if row else None


async def find(connection: AsyncConnection, *, id_: str) -> Chunk:
    """Return the chunk with that id, which there is."""
    return record(Chunk, (await connection.execute(select(chunks).where(chunks.c.id == id_))).one())


async def dialects(connection: AsyncConnection, *, ids: Collection[str]) -> dict[str, str]:
    """Return through which API each of those chunks came, by its id."""
    statement = select(chunks.c.id, chunks.c.dialect).where(chunks.c.id.in_(ids))
    return {str(id_): str(dialect) for id_, dialect in await connection.execute(statement)}


async def finish(connection: AsyncConnection, *, id_: str, now: datetime) -> None:
    """Say that all its jobs are over."""
    await connection.execute(chunks.update().where(chunks.c.id == id_).values(finished_at=now))


async def unfinished(connection: AsyncConnection, *, account_id: str) -> int:
    """Return how many chunks of the account are not over, counted up to 1,000."""
    some = (
        select(chunks.c.id)
        .where(chunks.c.account_id == account_id, chunks.c.finished_at.is_(None))
        .limit(1000)
    )
    return (
        await connection.execute(select(func.count()).select_from(some.subquery()))
    ).scalar_one()


async def over(connection: AsyncConnection, *, before: datetime, limit: int) -> list[str]:
    """Return ids of at most *limit* chunks without a batch that were over before that moment."""
    statement = (
        select(chunks.c.id)
        .where(chunks.c.finished_at <= before, chunks.c.batch_id.is_(None))
        .order_by(chunks.c.finished_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [str(id_) for id_ in (await connection.execute(statement)).scalars()]


async def forget(
    connection: AsyncConnection, *, batch_ids: Sequence[str], ids: Sequence[str]
) -> None:
    """Remove the chunks of those batches, and those with those ids."""
    await connection.execute(chunks.delete().where(chunks.c.batch_id.in_(batch_ids)))
    await connection.execute(chunks.delete().where(chunks.c.id.in_(ids)))
