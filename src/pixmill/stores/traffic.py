"""
Traffic: what was answered on which day, for charts.

What is charged is in `pixmill.stores.usage`, to the last request. This here is written a little
later, and so a server that is killed takes its last second of it along.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, Column, Index, Table, Text, cast, delete, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import metadata, record, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one key did through one API on one day."""

    account_id: str
    key_id: str
    api: str  #: a dialect's name, or ``website``
    day: str  #: YYYY-MM-DD, in UTC
    requests: int = 0  #: images that there was a result for, charged or not
    cached: int = 0  #: those of them that had been made before
    errors: int = 0  #: images, and requests for them, that came to nothing
    bytes_in: int = 0
    bytes_out: int = 0


traffic = Table(
    "traffic",
    metadata,
    Column("account_id", Text, primary_key=True),
    Column("key_id", Text, primary_key=True),
    Column("api", Text, primary_key=True),
    Column("day", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("errors", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    Index("ix_traffic_account_id_day", "account_id", "day"),
    Index("ix_traffic_day", "day"),
)

_PLACE = ("account_id", "key_id", "api", "day")
_COUNTERS = ("requests", "cached", "errors", "bytes_in", "bytes_out")

_ADD = upserts(
    traffic,
    lambda insert: insert.on_conflict_do_update(
        index_elements=_PLACE,
        set_={name: traffic.c[name] + insert.excluded[name] for name in _COUNTERS},
    ),
)


async def add(connection: AsyncConnection, rows: Iterable[Tally]) -> None:
    """Add the numbers of each row to what is there."""
    # In one order everywhere: see `pixmill.stores.usage.add`.
    ordered = sorted(rows, key=lambda row: (row.account_id, row.key_id, row.api, row.day))
    await connection.execute(_ADD[connection.dialect.name], [asdict(row) for row in ordered])


async def find(  # noqa: PLR0913 - each of them says one thing
    connection: AsyncConnection,
    *,
    account_id: str | None,
    since: str,
    until: str,
    key_id: str | None = None,
    api: str | None = None,
) -> list[Tally]:
    """
    Return what was answered from *since* to *until*, both included, by day, key and API.

    Without *account_id*, everybody's: all keys together, as one without a name.
    """
    place = [
        traffic.c.account_id if account_id else literal("").label("account_id"),
        traffic.c.key_id if account_id else literal("").label("key_id"),
        traffic.c.api,
        traffic.c.day,
    ]
    wanted = {"account_id": account_id, "key_id": key_id, "api": api}
    grouped = place if account_id else place[2:]
    statement = (
        select(*place, *(cast(func.sum(traffic.c[name]), BigInteger) for name in _COUNTERS))
        .where(traffic.c.day.between(since, until))
        .where(*(traffic.c[name] == value for name, value in wanted.items() if value is not None))
        .group_by(*grouped)
        .order_by(traffic.c.day, *(grouped[:-1]))
    )
    return [record(Tally, row) for row in await connection.execute(statement)]


async def forget(connection: AsyncConnection, *, before: str) -> None:
    """Delete what is of an earlier day."""
    await connection.execute(delete(traffic).where(traffic.c.day < before))
