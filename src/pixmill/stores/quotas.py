"""Reservations: requests that are taken but not settled, each with the moment it lapses."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, Index, Table, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores import usage
from pixmill.stores.tables import UtcDateTime, metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One request of a subject's allowance, held while the work on it is done."""

    id: str
    subject: str  #: id of a key or an account
    period: str
    expires_at: datetime  #: when the one who held it is taken for dead


reservations = Table(
    "reservations",
    metadata,
    Column("id", Text, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
    # A batch holds many of one subject, and whoever is refused looks for those that have lapsed.
    Index("ix_reservations_subject_expires_at", "subject", "expires_at"),
)

_HOLD = reservations.insert()
_END = reservations.delete().where(reservations.c.id == bindparam("held"))
_END_ALL = reservations.delete().where(reservations.c.id.in_(bindparam("held", expanding=True)))


async def reserve(connection: AsyncConnection, rows: Sequence[Reservation], *, limit: int) -> bool:
    """Hold requests of one subject unless that takes more than *limit*; the caller hears which."""
    subject, period = rows[0].subject, rows[0].period
    for taken in range(len(rows)):
        if not await usage.take(connection, subject=subject, period=period, limit=limit):
            if taken:
                await usage.give_back(connection, subject=subject, period=period, count=taken)
            return False
    await hold(connection, rows)
    return True


async def hold(connection: AsyncConnection, rows: Sequence[Reservation]) -> None:
    """Hold requests that are taken already."""
    await connection.execute(_HOLD, [asdict(row) for row in rows])


async def end_all(connection: AsyncConnection, *, ids: Sequence[str]) -> int:
    """Remove reservations, whose requests stay taken; return how many there still were."""
    return (await connection.execute(_END_ALL, {"held": list(ids)})).rowcount


async def end(connection: AsyncConnection, *, id_: str) -> bool:
    """Remove a reservation, whose request stays taken. False: it lapsed and was given back."""
    return (await connection.execute(_END, {"held": id_})).rowcount == 1


async def rehearse(connection: AsyncConnection, reservation: Reservation) -> None:
    """Write a reservation that takes nothing, and remove it: what this needs, all writes need."""
    await connection.execute(_HOLD, asdict(reservation))
    await end(connection, id_=reservation.id)


async def give_back_lapsed(
    connection: AsyncConnection, *, now: datetime, subject: str | None = None
) -> int:
    """Give back the requests whose holders are taken for dead; return how many there were."""
    lapsed = select(reservations.c.id).where(reservations.c.expires_at <= now)
    if subject is not None:
        lapsed = lapsed.where(reservations.c.subject == subject)
    # Rows that another transaction ends right now are not ours, and waiting for them while we hold
    # others is how two sweeps would wait for each other. (SQLite has no row locks and ignores it.)
    lapsed = lapsed.with_for_update(skip_locked=True)
    gone = await connection.execute(
        reservations.delete()
        .where(reservations.c.id.in_(lapsed))
        .returning(reservations.c.subject, reservations.c.period)
    )
    counts = Counter((row.subject, row.period) for row in gone)
    for (holder, period), count in sorted(counts.items()):
        await usage.give_back(connection, subject=holder, period=period, count=count)
    return counts.total()
