"""Deliveries: messages that somebody's server is to get, and every attempt to bring one there."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    and_,
    bindparam,
    case,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, taken

State = Literal["pending", "delivered", "failed", "disabled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """
    One message.

    What is sent is made at the first attempt and kept, so that all attempts send the same.
    """

    id: str  #: ``msg_…``: the ``webhook-id`` of all attempts, by which receivers tell doubles
    account_id: str
    url: str
    dialect: str  #: whose words the message has
    event: str  #: ``job.completed`` and so on
    subject: str  #: id of the job or batch that it is about
    base_url: str  #: of the links in it
    state: State = "pending"
    attempts: int = 0  #: number of the last one that was ordered
    failures: int = 0  #: attempts that failed since the message was made, or was to be replayed
    queued: bool = False  #: the attempt of that number is ordered, and has not ended
    body: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] | None = None
    created_at: datetime
    #: When the next attempt is to be ordered; of a queued one, when it is given up as lost.
    next_attempt_at: datetime | None
    finished_at: datetime | None = None

    @property
    def due_at(self) -> datetime | None:
        """Return when the next attempt is due; None: it is on its way, or there is none."""
        return None if self.queued else self.next_attempt_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of one attempt; a number that is missing was lost with the process that had it."""

    delivery_id: str
    number: int
    at: datetime
    status: int | None = None
    error: str | None = None  #: one of few words; None: it was delivered
    milliseconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """A URL, and what is remembered of the messages that went there."""

    url: str
    messages: int
    delivered: int
    pending: int
    last_at: datetime


deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("url", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("base_url", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", BigInteger, nullable=False),
    Column("failures", BigInteger, nullable=False),
    Column("queued", Boolean, nullable=False),
    Column("body", LargeBinary),
    Column("content_type", Text),
    Column("headers", JSON(none_as_null=True)),
    Column("created_at", UtcDateTime, nullable=False, index=True),
    Column("next_attempt_at", UtcDateTime, index=True),
    Column("finished_at", UtcDateTime, index=True),
    Index("ix_deliveries_account_id", "account_id", "created_at"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("delivery_id", Text, ForeignKey("deliveries.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", UtcDateTime, nullable=False),
    Column("status", BigInteger),
    Column("error", Text),
    Column("milliseconds", BigInteger, nullable=False),
)

_BY_ID = select(deliveries).where(deliveries.c.id == bindparam("wanted"))
#: The attempt that somebody makes right now, unless it was given up or has ended.
_CURRENT = deliveries.update().where(
    deliveries.c.id == bindparam("wanted"),
    deliveries.c.attempts == bindparam("number"),
    deliveries.c.queued,
)
_CLAIM = _CURRENT.values(
    body=func.coalesce(deliveries.c.body, bindparam("made", type_=LargeBinary)),
    content_type=func.coalesce(deliveries.c.content_type, bindparam("kind")),
    # Not coalesce: PostgreSQL has no type for a JSON parameter that may be NULL.
    headers=case(
        (deliveries.c.body.is_(None), bindparam("heads", type_=JSON())),
        else_=deliveries.c.headers,
    ),
    next_attempt_at=bindparam("until", type_=UtcDateTime),
).returning(*deliveries.c)
_WAIT = _CURRENT.values(
    queued=False,
    failures=deliveries.c.failures + 1,
    next_attempt_at=bindparam("at", type_=UtcDateTime),
)
_END = _CURRENT.values(
    queued=False,
    state=bindparam("how"),
    next_attempt_at=None,
    finished_at=bindparam("now", type_=UtcDateTime),
)


async def add(connection: AsyncConnection, delivery: Delivery) -> None:
    """Add *delivery*."""
    await connection.execute(deliveries.insert(), asdict(delivery))


async def find(connection: AsyncConnection, *, id_: str) -> Delivery | None:
    """Return the delivery with that id."""
    row = (await connection.execute(_BY_ID, {"wanted": id_})).one_or_none()
    return record(Delivery, row) if row else None


async def listed(  # noqa: PLR0913 - which ones, and how many
    connection: AsyncConnection,
    *,
    account_id: str | None = None,
    state: State | None = None,
    url: str | None = None,
    start: int = 0,
    limit: int | None = None,
) -> list[Delivery]:
    """Return deliveries of one account or of all, in any state, to any URL; the newest first."""
    statement = select(deliveries).order_by(deliveries.c.created_at.desc(), deliveries.c.id)
    if account_id is not None:
        statement = statement.where(deliveries.c.account_id == account_id)
    if state is not None:
        statement = statement.where(deliveries.c.state == state)
    if url is not None:
        statement = statement.where(deliveries.c.url == url)
    page = statement.offset(start or None).limit(limit)
    return [record(Delivery, row) for row in await connection.execute(page)]


async def last_attempts(connection: AsyncConnection, *, ids: Sequence[str]) -> dict[str, Attempt]:
    """Return the last attempt that has ended of each of those deliveries that had one."""
    last = (
        select(attempts.c.delivery_id, func.max(attempts.c.number).label("number"))
        .where(attempts.c.delivery_id.in_(ids))
        .group_by(attempts.c.delivery_id)
        .subquery()
    )
    statement = select(attempts).join(
        last,
        and_(attempts.c.delivery_id == last.c.delivery_id, attempts.c.number == last.c.number),
    )
    found = [record(Attempt, row) for row in await connection.execute(statement)]
    return {attempt.delivery_id: attempt for attempt in found}


async def receivers(connection: AsyncConnection, *, account_id: str, limit: int) -> list[Receiver]:
    """Return the URLs that the account's messages went to, the last one used first."""
    last = func.max(deliveries.c.created_at)
    statement = (
        select(
            deliveries.c.url,
            func.count().label("messages"),
            func.sum(case((deliveries.c.state == "delivered", 1), else_=0)).label("delivered"),
            func.sum(case((deliveries.c.state == "pending", 1), else_=0)).label("pending"),
            last.label("last_at"),
        )
        .where(deliveries.c.account_id == account_id)
        .group_by(deliveries.c.url)
        .order_by(last.desc(), deliveries.c.url)
        .limit(limit)
    )
    return [record(Receiver, row) for row in await connection.execute(statement)]


async def made(connection: AsyncConnection, *, id_: str) -> list[Attempt]:
    """Return the attempts of a delivery that have ended, in their order."""
    statement = select(attempts).where(attempts.c.delivery_id == id_).order_by(attempts.c.number)
    return [record(Attempt, row) for row in await connection.execute(statement)]


async def claim(
    connection: AsyncConnection, delivery: Delivery, *, until: datetime
) -> Delivery | None:
    """
    Say that the current attempt of *delivery* is being made, and is not lost before *until*.

    What *delivery* says is sent is kept if it is the first to say so; what is returned has what was
    kept. None: the attempt is not the current one any more.
    """
    values = _of(delivery) | {
        "made": delivery.body,
        "kind": delivery.content_type,
        "heads": delivery.headers,
        "until": until,
    }
    row = (await connection.execute(_CLAIM, values)).one_or_none()
    return record(Delivery, row) if row else None


async def wait(connection: AsyncConnection, delivery: Delivery, *, until: datetime) -> bool:
    """End the current attempt, which failed, and have another one *until* then. False: too late."""
    return (await connection.execute(_WAIT, _of(delivery) | {"at": until})).rowcount == 1


async def end(
    connection: AsyncConnection, delivery: Delivery, *, state: State, now: datetime
) -> bool:
    """End the current attempt and the delivery with it. False: too late, another has."""
    values = _of(delivery) | {"how": state, "now": now}
    return (await connection.execute(_END, values)).rowcount == 1


async def note(connection: AsyncConnection, attempt: Attempt) -> None:
    """Keep what came of an attempt: for whoever has ended it in the same transaction."""
    await connection.execute(attempts.insert(), asdict(attempt))


async def is_due(connection: AsyncConnection, *, now: datetime) -> bool:
    """Say whether `order` would have anything to do."""
    statement = select(deliveries.c.id).where(deliveries.c.next_attempt_at <= now).limit(1)
    return (await connection.execute(statement)).one_or_none() is not None


async def order(
    connection: AsyncConnection, *, now: datetime, until: datetime, limit: int
) -> list[tuple[str, int]]:
    """
    Order attempts that are due, at most *limit*; return the deliveries' ids and the numbers.

    Each is given up as lost unless it has been made *until* then. One that was lost already counts
    as failed, so that there is an end.
    """
    due = (
        select(deliveries.c.id)
        .where(deliveries.c.next_attempt_at <= now)
        .order_by(deliveries.c.next_attempt_at)
    )
    ordered = await connection.execute(
        deliveries.update()
        .where(deliveries.c.id.in_(taken(due, limit=limit)))
        .values(
            attempts=deliveries.c.attempts + 1,
            failures=deliveries.c.failures + case((deliveries.c.queued, 1), else_=0),
            queued=True,
            next_attempt_at=until,
        )
        .returning(deliveries.c.id, deliveries.c.attempts)
    )
    return [(row.id, row.attempts) for row in ordered]


async def replay(connection: AsyncConnection, *, id_: str, now: datetime) -> Delivery | None:
    """
    Have the delivery begin again, with an attempt that is due *now*; its attempts count on.

    None: there is no such delivery, or an attempt of it is on its way.
    """
    statement = (
        deliveries.update()
        .where(deliveries.c.id == id_, ~deliveries.c.queued)
        .values(state="pending", failures=0, next_attempt_at=now, finished_at=None)
        .returning(*deliveries.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Delivery, row) if row else None


async def forget(connection: AsyncConnection, *, before: datetime, limit: int) -> int:
    """Remove at most *limit* deliveries that ended before that moment; return how many."""
    statement = (
        select(deliveries.c.id)
        .where(deliveries.c.finished_at <= before)
        .order_by(deliveries.c.finished_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ids = (await connection.execute(statement)).scalars().all()
    await connection.execute(attempts.delete().where(attempts.c.delivery_id.in_(ids)))
    await connection.execute(deliveries.delete().where(deliveries.c.id.in_(ids)))
    return len(ids)


def _of(delivery: Delivery) -> dict[str, Any]:
    return {"wanted": delivery.id, "number": delivery.attempts}
