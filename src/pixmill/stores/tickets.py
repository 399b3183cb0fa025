"""Tickets: links that work once, for one address. Never what is in the link, only its digest."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Literal

from sqlalchemy import Column, ForeignKey, Table, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record

#: What a ticket is good for: to make an account, or to set the password of one.
Purpose = Literal["invitation", "reset"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """A link that works once."""

    digest: str = field(repr=False)  #: SHA-256 of what is in the link, in hexadecimal
    purpose: Purpose
    email: str  #: lower case
    account_id: str | None  #: whose password may be set
    plan: str | None  #: what an invited account gets; None means what all get
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None = None


tickets = Table(
    "tickets",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("purpose", Text, nullable=False),
    Column("email", Text, nullable=False),
    Column("account_id", Text, ForeignKey("accounts.id"), index=True),
    Column("plan", Text, ForeignKey("plans.name")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    Column("used_at", UtcDateTime),
)

_NOW = bindparam("now", type_=UtcDateTime)
_GOOD = (
    tickets.c.digest == bindparam("ticket"),
    tickets.c.purpose == bindparam("for"),
    tickets.c.used_at.is_(None),
    tickets.c.expires_at > _NOW,
)
_FIND = select(tickets).where(*_GOOD)
_USE = tickets.update().where(*_GOOD).values(used_at=_NOW).returning(*tickets.c)


async def add(connection: AsyncConnection, ticket: Ticket) -> None:
    """Add *ticket*."""
    await connection.execute(tickets.insert(), asdict(ticket))


async def find(
    connection: AsyncConnection, *, digest: str, purpose: Purpose, now: datetime
) -> Ticket | None:
    """Return the ticket with that *digest*; None when it is not, or no longer, good for that."""
    row = (await connection.execute(_FIND, _values(digest, purpose, now))).one_or_none()
    return record(Ticket, row) if row else None


async def use(
    connection: AsyncConnection, *, digest: str, purpose: Purpose, now: datetime
) -> Ticket | None:
    """Use the ticket up and return it; None when it was not, or no longer, good for that."""
    row = (await connection.execute(_USE, _values(digest, purpose, now))).one_or_none()
    return record(Ticket, row) if row else None


async def remove_all(connection: AsyncConnection, *, account_id: str) -> None:
    """Remove all tickets of the account, so that no link to it that was sent works any more."""
    await connection.execute(tickets.delete().where(tickets.c.account_id == account_id))


async def remove_over(connection: AsyncConnection, *, now: datetime) -> int:
    """Remove those whose time is over; say how many."""
    return (await connection.execute(tickets.delete().where(tickets.c.expires_at <= now))).rowcount


def _values(digest: str, purpose: Purpose, now: datetime) -> dict[str, object]:
    return {"ticket": digest, "for": purpose, "now": now}
