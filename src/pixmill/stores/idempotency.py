"""
Idempotency keys: who is answering the request behind each of them, or what was answered.

A row is a claim until it has an answer. One whose *ends_at* is over counts as absent, whether or
not a sweep has come to it: the holder of the claim is taken for dead, the answer is forgotten.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Column,
    ForeignKey,
    Integer,
    Table,
    Text,
    and_,
    bindparam,
    delete,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, taken, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to answer the request behind a key, until somebody else takes it."""

    account_id: str
    key: str
    token: str  #: tells this claim from others of the same key


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """What was answered to the request behind a key."""

    fingerprint: str  #: of the request's contents
    status: int
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What there is behind a key."""

    ends_at: datetime
    answer: Remembered | None  #: None: somebody is working on it


idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("token", Text, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
    Column("fingerprint", Text),
    Column("status", Integer),
    Column("body", Text),
)

_ROW = idempotency_keys.c
_HERE = and_(_ROW.account_id == bindparam("account"), _ROW.key == bindparam("name"))
#: The claim is still its holder's. That its time is over does not matter while nobody took it.
_HELD = and_(_HERE, _ROW.token == bindparam("held"), _ROW.status.is_(None))

_CLAIM = upserts(
    idempotency_keys,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["account_id", "key"],
        set_={
            "token": insert.excluded.token,
            "ends_at": insert.excluded.ends_at,
            "fingerprint": None,
            "status": None,
            "body": None,
        },
        where=_ROW.ends_at <= bindparam("now", type_=UtcDateTime),
    ),
)
_FIND = select(_ROW.ends_at, _ROW.fingerprint, _ROW.status, _ROW.body).where(_HERE)
_EXTEND = update(idempotency_keys).where(_HELD).values(ends_at=bindparam("until"))
_COMPLETE = (
    update(idempotency_keys)
    .where(_HELD)
    .values(
        ends_at=bindparam("until"),
        fingerprint=bindparam("print"),
        status=bindparam("answered"),
        body=bindparam("text"),
    )
)
_RELEASE = delete(idempotency_keys).where(_HELD)


async def claim(
    connection: AsyncConnection, claim: Claim, *, now: datetime, until: datetime
) -> bool:
    """Make *claim* the key's, unless somebody else has it or it is answered already."""
    values = {
        "account_id": claim.account_id,
        "key": claim.key,
        "token": claim.token,
        "ends_at": until,
        "now": now,
    }
    return (await connection.execute(_CLAIM[connection.dialect.name], values)).rowcount == 1


async def find(connection: AsyncConnection, *, account_id: str, key: str) -> Entry | None:
    """Return what there is behind the account's key, which may be over."""
    row = (await connection.execute(_FIND, {"account": account_id, "name": key})).one_or_none()
    if row is None:
        return None
    answer = None
    if row.status is not None:
        answer = Remembered(fingerprint=row.fingerprint, status=row.status, body=row.body)
    return Entry(ends_at=row.ends_at, answer=answer)


async def extend(connection: AsyncConnection, claim: Claim, *, until: datetime) -> bool:
    """Let *claim* last until then. False: it is somebody else's by now."""
    values = _names(claim) | {"until": until}
    return (await connection.execute(_EXTEND, values)).rowcount == 1


async def complete(
    connection: AsyncConnection, claim: Claim, answer: Remembered, *, until: datetime
) -> bool:
    """Remember *answer* until then. False: the claim is somebody else's by now."""
    values = _names(claim) | {
        "until": until,
        "print": answer.fingerprint,
        "answered": answer.status,
        "text": answer.body,
    }
    return (await connection.execute(_COMPLETE, values)).rowcount == 1


async def release(connection: AsyncConnection, claim: Claim) -> None:
    """Let the key be as if nobody had used it, if *claim* still has it and it is not answered."""
    await connection.execute(_RELEASE, _names(claim))


async def forget(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Remove at most *limit* rows that ended before that moment; return how many there were."""
    over = select(_ROW.account_id, _ROW.key).where(_ROW.ends_at <= before).order_by(_ROW.ends_at)
    gone = await connection.execute(
        delete(idempotency_keys)
        .where(
            tuple_(_ROW.account_id, _ROW.key).in_(taken(over, limit=limit)), _ROW.ends_at <= before
        )
        .returning(_ROW.key)
    )
    return len(gone.all())


def _names(claim: Claim) -> dict[str, object]:
    return {"account": claim.account_id, "name": claim.key, "held": claim.token}
