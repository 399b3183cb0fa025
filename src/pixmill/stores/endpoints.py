"""Endpoints: URLs that an account's messages are not sent to any more."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A URL that said that it wants no more of an account's messages."""

    account_id: str
    digest: str  #: of the URL, which itself can be too long for an index
    url: str
    disabled_at: datetime


endpoints = Table(
    "endpoints",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("url", Text, nullable=False),
    Column("disabled_at", UtcDateTime, nullable=False),
)

_DISABLE = upserts(endpoints, lambda insert: insert.on_conflict_do_nothing())


async def disable(connection: AsyncConnection, *, account_id: str, url: str, now: datetime) -> None:
    """Have no more of the account's messages sent to *url*; the first time counts."""
    endpoint = Endpoint(account_id=account_id, digest=_digest(url), url=url, disabled_at=now)
    await connection.execute(_DISABLE[connection.dialect.name], asdict(endpoint))


async def enable(connection: AsyncConnection, *, account_id: str, url: str) -> bool:
    """Have messages sent there again. False: they are."""
    statement = endpoints.delete().where(
        endpoints.c.account_id == account_id, endpoints.c.digest == _digest(url)
    )
    return (await connection.execute(statement)).rowcount == 1


async def is_disabled(connection: AsyncConnection, *, account_id: str, url: str) -> bool:
    """Say whether the account's messages are not sent to *url*."""
    statement = select(endpoints.c.digest).where(
        endpoints.c.account_id == account_id, endpoints.c.digest == _digest(url)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def listed(connection: AsyncConnection, *, account_id: str | None = None) -> list[Endpoint]:
    """Return the disabled URLs of one account, or of all, the latest first."""
    statement = select(endpoints).order_by(endpoints.c.disabled_at.desc(), endpoints.c.digest)
    if account_id is not None:
        statement = statement.where(endpoints.c.account_id == account_id)
    return [record(Endpoint, row) for row in await connection.execute(statement)]


def _digest(url: str) -> str:
    return hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
