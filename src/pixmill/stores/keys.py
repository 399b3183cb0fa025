"""API keys: never the key itself, only its digest."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import (
    Column,
    ForeignKey,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.accounts import Account, accounts
from pixmill.stores.plans import Plan, plans
from pixmill.stores.tables import UtcDateTime, metadata, record
from pixmill.stores.usage import Usage, usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What is kept of an API key."""

    id: str
    account_id: str
    plan: str | None  #: the plan it was made with; None means the account's
    name: str
    digest: str = field(repr=False)  #: SHA-256 of the whole key, in hexadecimal
    display_prefix: str  #: how its owner recognizes it
    created_at: datetime
    last_used_at: datetime | None = None  #: for a request that was charged; to the minute
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    disabled_at: datetime | None = None  #: switched off, until it is switched on again


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A key with everything that decides what it may do."""

    key: Key
    account: Account
    plan: Plan
    used: int  #: requests of the period that count against the plan


keys = Table(
    "keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("plan", Text, ForeignKey("plans.name")),
    Column("name", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("display_prefix", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Column("disabled_at", UtcDateTime),
)

_BY_DIGEST = (
    select(*keys.c, *accounts.c, *plans.c, func.coalesce(usage.c.requests, 0))
    .select_from(keys)
    .join(accounts, accounts.c.id == keys.c.account_id)
    .join(plans, plans.c.name == func.coalesce(keys.c.plan, accounts.c.plan))
    .outerjoin(
        usage,
        and_(
            usage.c.subject == case((plans.c.quota_per == "key", keys.c.id), else_=accounts.c.id),
            usage.c.period == bindparam("period"),
        ),
    )
    .where(keys.c.digest == bindparam("digest"))
)
#: Where the columns of the second and of the third table begin.
_SECOND = len(keys.c)
_THIRD = len(keys.c) + len(accounts.c)


async def match(connection: AsyncConnection, *, digest: str, period: str) -> Match | None:
    """Return the key with that digest, its account and plan, and what *period* has used."""
    result = await connection.execute(_BY_DIGEST, {"digest": digest, "period": period})
    row = result.one_or_none()
    if row is None:
        return None
    return Match(
        key=record(Key, row[:_SECOND]),
        account=record(Account, row[_SECOND:_THIRD]),
        plan=record(Plan, row[_THIRD:-1]),
        used=row[-1],
    )


async def add(connection: AsyncConnection, key: Key) -> None:
    """Add *key*."""
    values = {column.name: getattr(key, column.name) for column in keys.c}
    await connection.execute(keys.insert().values(values))


async def listed(connection: AsyncConnection, *, account_id: str | None = None) -> list[Key]:
    """Return the keys of one account, or all, oldest first; the revoked ones too."""
    statement = select(keys).order_by(keys.c.created_at, keys.c.id)
    if account_id is not None:
        statement = statement.where(keys.c.account_id == account_id)
    return [record(Key, row) for row in await connection.execute(statement)]


async def used(
    connection: AsyncConnection, *, period: str, account_id: str | None = None
) -> list[tuple[Account, Key, Usage]]:
    """Return the keys that were used in *period*, of one account or of all, oldest first."""
    statement = (
        select(*keys.c, *accounts.c, *usage.c)
        .select_from(keys)
        .join(accounts, accounts.c.id == keys.c.account_id)
        .join(usage, usage.c.subject == keys.c.id)
        .where(usage.c.period == period)
        .order_by(accounts.c.created_at, accounts.c.id, keys.c.created_at, keys.c.id)
    )
    if account_id is not None:
        statement = statement.where(keys.c.account_id == account_id)
    return [
        (
            record(Account, row[_SECOND:_THIRD]),
            record(Key, row[:_SECOND]),
            record(Usage, row[_THIRD:]),
        )
        for row in await connection.execute(statement)
    ]


async def active(connection: AsyncConnection, *, account_id: str, now: datetime) -> int:
    """Return how many keys of the account work: neither revoked nor expired."""
    statement = (
        select(func.count())
        .select_from(keys)
        .where(keys.c.account_id == account_id, keys.c.revoked_at.is_(None))
        .where(or_(keys.c.expires_at.is_(None), keys.c.expires_at > now))
    )
    return (await connection.execute(statement)).scalar_one()


async def revoke(connection: AsyncConnection, *, id_: str, now: datetime) -> Key | None:
    """Revoke the key; one that is revoked already keeps its moment. None means there is none."""
    statement = (
        keys.update()
        .where(keys.c.id == id_)
        .values(revoked_at=func.coalesce(keys.c.revoked_at, bindparam("now", now, UtcDateTime)))
        .returning(*keys.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Key, row) if row else None


async def switch(
    connection: AsyncConnection, *, id_: str, disabled_at: datetime | None
) -> Key | None:
    """Switch the key off at that moment, or on again for None. None means there is no such key."""
    statement = (
        keys.update().where(keys.c.id == id_).values(disabled_at=disabled_at).returning(*keys.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Key, row) if row else None


async def touch(connection: AsyncConnection, *, id_: str, now: datetime) -> None:
    """Note that a request of the key was charged."""
    await connection.execute(keys.update().where(keys.c.id == id_).values(last_used_at=now))
