"""API keys: never the key itself, only its digest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKey,
    Select,
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

from pixmill.stores.accounts import COLUMNS, Account, accounts
from pixmill.stores.plans import Plan, plans
from pixmill.stores.tables import UtcDateTime, metadata, record, upserts
from pixmill.stores.usage import Usage, usage

#: What the ids of the keys begin with that nobody has made.
WEBSITE_PREFIX = "web_"


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
    #: ``website``: the account's own, for what it does in a browser. Nobody knows its secret.
    kind: Literal["api", "website"] = "api"
    deleted_at: datetime | None = None  #: not shown any more, except in what it was used for

    @property
    def label(self) -> str:
        """Return what people call it."""
        return self.name or f"{self.display_prefix}…"


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
    Column("kind", Text, nullable=False, server_default="api"),
    Column("deleted_at", UtcDateTime),
)


def _matching(where: ColumnElement[bool]) -> Select[Any]:
    """Return the question for a key with everything that decides what it may do."""
    subject = case((plans.c.quota_per == "key", keys.c.id), else_=accounts.c.id)
    return (
        select(*keys.c, *COLUMNS, *plans.c, func.coalesce(usage.c.requests, 0))
        .select_from(keys)
        .join(accounts, accounts.c.id == keys.c.account_id)
        .join(plans, plans.c.name == func.coalesce(keys.c.plan, accounts.c.plan))
        .outerjoin(usage, and_(usage.c.subject == subject, usage.c.period == bindparam("period")))
        .where(where)
    )


_BY_DIGEST = _matching(keys.c.digest == bindparam("digest"))
_BY_ID = _matching(keys.c.id == bindparam("id"))

#: Keys that somebody has made, and has not deleted: the others are neither shown nor changed.
_OWN = and_(keys.c.kind == "api", keys.c.deleted_at.is_(None))

_ADD_WEBSITE = upserts(keys, lambda insert: insert.on_conflict_do_nothing(index_elements=["id"]))

#: Where the columns of the second and of the third table begin.
_SECOND = len(keys.c)
_THIRD = len(keys.c) + len(COLUMNS)


async def match(connection: AsyncConnection, *, digest: str, period: str) -> Match | None:
    """Return the key with that digest, its account and plan, and what *period* has used."""
    return await _match(connection, _BY_DIGEST, {"digest": digest, "period": period})


async def match_id(connection: AsyncConnection, *, id_: str, period: str) -> Match | None:
    """Return the key with that id as `match` does."""
    return await _match(connection, _BY_ID, {"id": id_, "period": period})


async def _match(
    connection: AsyncConnection, statement: Select[Any], values: dict[str, str]
) -> Match | None:
    row = (await connection.execute(statement, values)).one_or_none()
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
    await connection.execute(keys.insert().values(_values(key)))


async def add_website(connection: AsyncConnection, key: Key) -> None:
    """Add *key* unless there is one with its id: an account has one, whoever needs it first."""
    await connection.execute(_ADD_WEBSITE[connection.dialect.name], _values(key))


def _values(key: Key) -> dict[str, Any]:
    return {column.name: getattr(key, column.name) for column in keys.c}


async def listed(
    connection: AsyncConnection, *, account_id: str | None = None, every: bool = False
) -> list[Key]:
    """
    Return the keys of one account, or all, oldest first; the revoked ones too.

    With *every* also those that were deleted, and those that nobody has made.
    """
    statement = select(keys).order_by(keys.c.created_at, keys.c.id)
    if not every:
        statement = statement.where(_OWN)
    if account_id is not None:
        statement = statement.where(keys.c.account_id == account_id)
    return [record(Key, row) for row in await connection.execute(statement)]


async def used(
    connection: AsyncConnection, *, period: str, account_id: str | None = None
) -> list[tuple[Account, Key, Usage]]:
    """Return the keys that were used in *period*, of one account or of all, oldest first."""
    statement = (
        select(*keys.c, *COLUMNS, *usage.c)
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
    """Return how many keys of the account work: not switched off, revoked or expired."""
    statement = (
        select(func.count())
        .select_from(keys)
        .where(_OWN, keys.c.account_id == account_id)
        .where(keys.c.revoked_at.is_(None), keys.c.disabled_at.is_(None))
        .where(or_(keys.c.expires_at.is_(None), keys.c.expires_at > now))
    )
    return (await connection.execute(statement)).scalar_one()


async def change(
    connection: AsyncConnection,
    *,
    id_: str,
    account_id: str | None,
    values: Mapping[str, object],
) -> Key | None:
    """
    Give the key other *values*. None means that there is none, or not of that account.

    A moment for *revoked_at* leaves a key that is revoked already as it is.
    """
    if now := values.get("revoked_at"):
        first = func.coalesce(keys.c.revoked_at, bindparam("revoked_now", now, UtcDateTime))
        values = {**values, "revoked_at": first}
    statement = keys.update().where(_OWN, keys.c.id == id_).values(values).returning(*keys.c)
    if account_id is not None:
        statement = statement.where(keys.c.account_id == account_id)
    row = (await connection.execute(statement)).one_or_none()
    return record(Key, row) if row else None


async def touch(connection: AsyncConnection, *, id_: str, now: datetime) -> None:
    """Note that a request of the key was charged."""
    await connection.execute(keys.update().where(keys.c.id == id_).values(last_used_at=now))
