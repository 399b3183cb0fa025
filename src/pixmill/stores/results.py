"""Results: what was made for whom, and where its bytes lie."""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Table,
    Text,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores import leases
from pixmill.stores.tables import UtcDateTime, metadata, record, taken

#: What the cache key of an upload begins with that is kept among the results, and no work's does.
SOURCE = "source "


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A result that is kept, or was: its numbers outlive its bytes (OS-67)."""

    id: str  #: UUID of 122 random bits
    account_id: str
    cache_key: str  #: equal for equal work (`pixmill.services.cache.cache_key`)
    key: str  #: where the bytes lie
    filename: str | None  #: of the upload, as the caller named it
    format: str
    mime: str
    extension: str
    width: int
    height: int
    frames: int
    how: Literal["encoded", "rescanned", "original"]
    score: float | None
    original_size: int
    size: int
    created_at: datetime
    expires_at: datetime | None  #: None: kept until it is deleted (OG-21)

    @property
    def digest(self) -> str:
        """Return the SHA-256 of the bytes, in hexadecimal."""
        return leases.digest_of(self.key)

    @property
    def committed(self) -> bool:
        """Say whether it is kept until somebody deletes it."""
        return self.expires_at is None

    @property
    def source(self) -> bool:
        """Say whether it is an upload of which results are made, and so for nobody's eyes."""
        return self.cache_key.startswith(SOURCE)

    def expired(self, now: datetime) -> bool:
        """Say whether its time is over, whether or not its bytes are deleted yet."""
        return self.expires_at is not None and self.expires_at <= now


results = Table(
    "results",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("cache_key", Text, nullable=False),
    # No foreign key: the row of an expired result stays when its lease is gone.
    Column("key", Text, nullable=False, index=True),
    Column("filename", Text),
    Column("format", Text, nullable=False),
    Column("mime", Text, nullable=False),
    Column("extension", Text, nullable=False),
    Column("width", BigInteger, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("frames", BigInteger, nullable=False),
    Column("how", Text, nullable=False),
    Column("score", Float),
    Column("original_size", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, index=True),
    Index("ix_results_account_id", "account_id", "cache_key"),
)

_ADD = results.insert()
_BY_ID = select(results).where(results.c.id == bindparam("wanted"))
_BY_CACHE_KEY = (
    select(results)
    .where(results.c.account_id == bindparam("owner"), results.c.cache_key == bindparam("work"))
    .where(
        or_(
            results.c.expires_at.is_(None),
            results.c.expires_at > bindparam("now", type_=UtcDateTime),
        )
    )
    .order_by(results.c.created_at.desc())
    .limit(1)
)
_REPEATED = _BY_CACHE_KEY.where(results.c.id != bindparam("itself"))


async def add(connection: AsyncConnection, stored: Stored) -> None:
    """Add *stored*."""
    await connection.execute(_ADD, asdict(stored))


async def find(connection: AsyncConnection, *, id_: str) -> Stored | None:
    """Return the result with that id, whoever's it is."""
    row = (await connection.execute(_BY_ID, {"wanted": id_})).one_or_none()
    return record(Stored, row) if row else None


async def by_ids(connection: AsyncConnection, *, ids: Collection[str]) -> dict[str, Stored]:
    """Return the results with those ids, each by its id."""
    rows = await connection.execute(select(results).where(results.c.id.in_(ids)))
    return {stored.id: stored for stored in (record(Stored, row) for row in rows)}


async def by_cache_key(
    connection: AsyncConnection, *, account_id: str, cache_key: str, now: datetime
) -> Stored | None:
    """Return the newest living result of that work for that account."""
    wanted = {"owner": account_id, "work": cache_key, "now": now}
    row = (await connection.execute(_BY_CACHE_KEY, wanted)).one_or_none()
    return record(Stored, row) if row else None


async def repeated(connection: AsyncConnection, stored: Stored, *, now: datetime) -> bool:
    """Say whether there is another living result of the same work for the same account."""
    wanted = {"owner": stored.account_id, "work": stored.cache_key, "now": now}
    row = (await connection.execute(_REPEATED, wanted | {"itself": stored.id})).first()
    return row is not None


async def delete(connection: AsyncConnection, *, id_: str, account_id: str) -> Stored | None:
    """Remove the result, if it is that account's, and return it."""
    statement = (
        results.delete()
        .where(results.c.id == id_, results.c.account_id == account_id)
        .returning(*results.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Stored, row) if row else None


async def needed_until(connection: AsyncConnection, *, key: str) -> tuple[datetime | None, bool]:
    """Return until when results with an end need the bytes at *key*, and whether one has none."""
    statement = select(
        func.max(results.c.expires_at), func.count() - func.count(results.c.expires_at)
    ).where(results.c.key == key)
    last, endless = (await connection.execute(statement)).one()
    return last, bool(endless)


async def forget(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Remove at most *limit* rows of results that expired before that moment; return how many."""
    old = select(results.c.id).where(results.c.expires_at <= before).order_by(results.c.expires_at)
    statement = (
        results.delete().where(results.c.id.in_(taken(old, limit=limit))).returning(results.c.id)
    )
    return len((await connection.execute(statement)).all())
