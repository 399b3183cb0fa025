"""
What was used in which month, once per key and once per account.

A row's *subject* is the id of a key or of an account. Both are counted always, so that a plan may
count either, and an account may change plans in the middle of a month.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from sqlalchemy import BigInteger, CheckConstraint, Column, Table, Text, bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import metadata, record, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one key or one account used in one month."""

    subject: str
    period: str  #: YYYY-MM, in UTC
    requests: int = 0  #: settled: each was answered with an image
    taken: int = 0  #: *requests* and those reserved for work that is being done
    cached: int = 0  #: answered with what was made before, and not charged
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def bytes_saved(self) -> int:
        """Return by how much the results were smaller than the uploads."""
        return self.bytes_in - self.bytes_out


usage = Table(
    "usage",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("period", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("taken", BigInteger, nullable=False),
    Column("cached", BigInteger, nullable=False, server_default="0"),
    Column("bytes_in", BigInteger, nullable=False),
    Column("bytes_out", BigInteger, nullable=False),
    CheckConstraint("taken >= 0", name="taken"),
)


_COUNTERS = ("requests", "taken", "cached", "bytes_in", "bytes_out")
_CONFLICT = ("subject", "period")

_ADD = upserts(
    usage,
    lambda insert: insert.on_conflict_do_update(
        index_elements=_CONFLICT,
        set_={name: usage.c[name] + insert.excluded[name] for name in _COUNTERS},
    ),
)
_TAKE = upserts(
    usage,
    lambda insert: insert.on_conflict_do_update(
        index_elements=_CONFLICT,
        set_={"taken": usage.c.taken + 1},
        where=usage.c.taken < bindparam("limit"),
    ),
)
_BEGIN = upserts(usage, lambda insert: insert.on_conflict_do_nothing())
_TAKE_MORE = (
    usage.update()
    .where(usage.c.subject == bindparam("holder"), usage.c.period == bindparam("month"))
    .values(taken=usage.c.taken + bindparam("count"))
)
_GIVE_BACK = (
    usage.update()
    .where(usage.c.subject == bindparam("holder"), usage.c.period == bindparam("month"))
    .values(taken=usage.c.taken - bindparam("count"))
)


async def add(connection: AsyncConnection, rows: Iterable[Usage]) -> None:
    """Add the numbers of each row to what is there."""
    # Always in the same order: two transactions that lock the same rows in opposite orders wait
    # for each other.
    ordered = sorted(rows, key=lambda row: (row.subject, row.period))
    await connection.execute(_ADD[connection.dialect.name], [asdict(row) for row in ordered])


async def find(connection: AsyncConnection, *, subject: str, period: str) -> Usage:
    """Return what *subject* used; zeros when it used nothing."""
    statement = select(usage).where(usage.c.subject == subject, usage.c.period == period)
    row = (await connection.execute(statement)).one_or_none()
    return record(Usage, row) if row else Usage(subject=subject, period=period)


async def take(connection: AsyncConnection, *, subject: str, period: str, limit: int) -> bool:
    """
    Take one request of *subject*'s allowance, unless *limit* are taken.

    One statement, so that any number of callers on any number of machines get exactly *limit*.
    """
    if limit < 1:  # the row that is inserted first would not be compared with anything
        return False
    first = Usage(subject=subject, period=period, taken=1)
    result = await connection.execute(
        _TAKE[connection.dialect.name], {**asdict(first), "limit": limit}
    )
    return result.rowcount == 1


async def taken(connection: AsyncConnection, *, subject: str, period: str) -> int:
    """Return how much is taken; nobody else takes anything before this transaction is over."""
    first = Usage(subject=subject, period=period)
    await connection.execute(_BEGIN[connection.dialect.name], asdict(first))
    statement = (
        select(usage.c.taken)
        .where(usage.c.subject == subject, usage.c.period == period)
        .with_for_update()
    )
    return int((await connection.execute(statement)).scalar_one())


async def take_more(connection: AsyncConnection, *, subject: str, period: str, count: int) -> None:
    """Take *count* requests. Only for a caller who has asked `taken` in the same transaction."""
    await connection.execute(_TAKE_MORE, {"holder": subject, "month": period, "count": count})


async def give_back(connection: AsyncConnection, *, subject: str, period: str, count: int) -> None:
    """Return *count* requests, taken before, to *subject*'s allowance."""
    await connection.execute(_GIVE_BACK, {"holder": subject, "month": period, "count": count})
