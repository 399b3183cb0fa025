"""Sessions: pictures that somebody works on for a while, and what is said of them."""

from collections.abc import Sequence
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
    false,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record

#: What is known of the words of a picture. ``described``: by a model, or without one by what is in
#: the file. ``edited``: by a person.
Status = Literal["uploaded", "described", "edited", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Pictures of one account that are worked on together."""

    id: str
    account_id: str
    pictures: int = 0  #: how many there have been
    events: int = 0  #: how many there have been
    created_at: datetime
    used_at: datetime
    ended_at: datetime | None = None  #: nobody has used it for too long


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of a session."""

    session_id: str
    id: str  #: unique in its session (PO-24)
    number: int
    key: str  #: where the upload is stored
    filename: str
    size: int  #: bytes
    format: str
    width: int
    height: int
    status: Status = "uploaded"
    words: str | None = None  #: JSON of `pixmill.services.sessions.types.Words`
    facts: str | None = None  #: JSON: what was measured
    engine: str | None = None  #: who found the words: a model's name, ``local`` or ``person``
    error: str | None = None  #: why there are none
    approved: bool = False  #: somebody has looked at the words, and nobody has changed them since


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many pictures a session has."""

    every: int
    worded: int  #: something is said of them
    approved: int
    approvable: int  #: have words that nobody has approved


sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("pictures", BigInteger, nullable=False),
    Column("events", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("used_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_sessions_account_id_created_at", "account_id", "created_at"),
    Index("ix_sessions_ended_at_used_at", "ended_at", "used_at"),
)

pictures = Table(
    "pictures",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("number", BigInteger, nullable=False),
    Column("key", Text, nullable=False),
    Column("filename", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("format", Text, nullable=False),
    Column("width", BigInteger, nullable=False),
    Column("height", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("words", Text),
    Column("facts", Text),
    Column("engine", Text),
    Column("error", Text),
    Column("approved", Boolean, nullable=False, server_default=false()),
)

_COUNT_EVENTS = (
    sessions.update()
    .where(sessions.c.id == bindparam("which"))
    .values(
        events=sessions.c.events + bindparam("more"),
        used_at=bindparam("now", type_=UtcDateTime),
    )
    .returning(sessions.c.events)
)


async def add(connection: AsyncConnection, session: Session) -> None:
    """Add *session*."""
    await connection.execute(sessions.insert(), asdict(session))


async def find(connection: AsyncConnection, *, id_: str, account_id: str) -> Session | None:
    """Return the account's session with that id, also one that has ended."""
    statement = select(sessions).where(sessions.c.id == id_, sessions.c.account_id == account_id)
    row = (await connection.execute(statement)).one_or_none()
    return record(Session, row) if row else None


async def of_account(
    connection: AsyncConnection,
    *,
    account_id: str,
    since: datetime,
    limit: int,
    start: int = 0,
) -> list[Session]:
    """Return living sessions of the account that were used after then, the newest first."""
    statement = (
        select(sessions)
        .where(
            sessions.c.account_id == account_id,
            sessions.c.ended_at.is_(None),
            sessions.c.used_at > since,
        )
        .order_by(sessions.c.created_at.desc(), sessions.c.id)
        .limit(limit)
        .offset(start)
    )
    return [record(Session, row) for row in await connection.execute(statement)]


async def use(
    connection: AsyncConnection, *, id_: str, account_id: str, now: datetime, more: int = 0
) -> Session | None:
    """
    Say that the account uses its session, and count *more* pictures; None: it has none such.

    The row stays locked until the transaction ends.
    """
    statement = (
        sessions.update()
        .where(
            sessions.c.id == id_,
            sessions.c.account_id == account_id,
            sessions.c.ended_at.is_(None),
        )
        .values(used_at=now, pictures=sessions.c.pictures + more)
        .returning(*sessions.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Session, row) if row else None


async def lock(connection: AsyncConnection, *, id_: str) -> None:
    """Let nobody else change the session before this transaction is over."""
    await connection.execute(select(sessions.c.id).where(sessions.c.id == id_).with_for_update())


async def count_events(
    connection: AsyncConnection, *, id_: str, now: datetime, more: int = 1
) -> int | None:
    """
    Count events, and return how many there have been; None: the session is gone.

    The row stays locked until the transaction ends, so that events are seen in their order.
    """
    row = await connection.execute(_COUNT_EVENTS, {"which": id_, "now": now, "more": more})
    count: int | None = row.scalar_one_or_none()
    return count


async def unused(connection: AsyncConnection, *, since: datetime, limit: int) -> list[Session]:
    """Return living sessions that nobody has used since then, locked."""
    statement = (
        select(sessions)
        .where(sessions.c.ended_at.is_(None), sessions.c.used_at <= since)
        .order_by(sessions.c.used_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [record(Session, row) for row in await connection.execute(statement)]


async def end(connection: AsyncConnection, *, id_: str, now: datetime) -> None:
    """Say that nobody has used the session for too long."""
    await connection.execute(sessions.update().where(sessions.c.id == id_).values(ended_at=now))


async def ended(connection: AsyncConnection, *, before: datetime, limit: int) -> list[str]:
    """Return ids of sessions that ended before then."""
    statement = (
        select(sessions.c.id)
        .where(sessions.c.ended_at <= before)
        .order_by(sessions.c.ended_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [str(id_) for id_ in (await connection.execute(statement)).scalars()]


async def delete(connection: AsyncConnection, *, id_: str) -> None:
    """Remove a session, of which nothing else is left."""
    await connection.execute(sessions.delete().where(sessions.c.id == id_))


async def add_pictures(connection: AsyncConnection, rows: Sequence[Picture]) -> None:
    """Add all of *rows*."""
    if rows:
        await connection.execute(pictures.insert(), [asdict(row) for row in rows])


async def pictures_of(
    connection: AsyncConnection, *, session_id: str, limit: int | None = None, start: int = 0
) -> list[Picture]:
    """Return the pictures of a session in their order."""
    statement = (
        select(pictures)
        .where(pictures.c.session_id == session_id)
        .order_by(pictures.c.number)
        .limit(limit)
        .offset(start)
    )
    return [record(Picture, row) for row in await connection.execute(statement)]


async def tally(connection: AsyncConnection, *, session_id: str) -> Tally:
    """Count the pictures of a session."""
    statement = select(
        func.count(),
        func.count(pictures.c.words),
        func.count().filter(pictures.c.approved),
        func.count(pictures.c.words).filter(pictures.c.approved.is_(False)),
    ).where(pictures.c.session_id == session_id)
    every, worded, approved, approvable = (await connection.execute(statement)).one()
    return Tally(every=every, worded=worded, approved=approved, approvable=approvable)


async def picture(connection: AsyncConnection, *, session_id: str, id_: str) -> Picture | None:
    """Return one picture of a session."""
    statement = select(pictures).where(pictures.c.session_id == session_id, pictures.c.id == id_)
    row = (await connection.execute(statement)).one_or_none()
    return record(Picture, row) if row else None


async def describe(  # noqa: PLR0913 - all that is said of a picture
    connection: AsyncConnection,
    *,
    session_id: str,
    id_: str,
    status: Status,
    engine: str | None,
    words: str | None = None,
    facts: str | None = None,
    error: str | None = None,
    approved: bool = False,
) -> None:
    """Say what a picture shows, or why nobody can; facts that were there stay."""
    values: dict[str, object] = {"status": status, "engine": engine, "error": error}
    if words is not None:
        values |= {"words": words, "approved": approved}
    if facts is not None:
        values["facts"] = facts
    await connection.execute(
        pictures.update()
        .where(pictures.c.session_id == session_id, pictures.c.id == id_)
        .values(values)
    )


async def fail(connection: AsyncConnection, *, session_id: str, id_: str, error: str) -> None:
    """Say why nobody can describe a picture; what was known of it stays."""
    await connection.execute(
        pictures.update()
        .where(pictures.c.session_id == session_id, pictures.c.id == id_)
        .values(
            status=case((pictures.c.words.is_(None), "failed"), else_=pictures.c.status),
            error=error,
        )
    )


async def approve(
    connection: AsyncConnection, *, session_id: str, ids: Sequence[str] | None = None
) -> int:
    """Say that somebody has looked at the words of pictures, or of all; return of how many."""
    statement = (
        pictures.update()
        .where(
            pictures.c.session_id == session_id,
            pictures.c.words.is_not(None),
            pictures.c.approved.is_(False),
        )
        .values(approved=True)
    )
    if ids is not None:
        statement = statement.where(pictures.c.id.in_(ids))
    return (await connection.execute(statement)).rowcount


async def words_of(connection: AsyncConnection, *, session_id: str) -> dict[str, str]:
    """Return the words of the pictures of a session that have any, each by its id."""
    statement = select(pictures.c.id, pictures.c.words).where(
        pictures.c.session_id == session_id, pictures.c.words.is_not(None)
    )
    return {str(id_): str(words) for id_, words in await connection.execute(statement)}


async def delete_pictures(connection: AsyncConnection, *, session_id: str) -> list[str]:
    """Remove all pictures of a session, and return where their uploads are stored."""
    statement = (
        pictures.delete().where(pictures.c.session_id == session_id).returning(pictures.c.key)
    )
    return [str(key) for key in (await connection.execute(statement)).scalars()]
