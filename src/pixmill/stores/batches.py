"""Batches: the work of many requests under one name, and how much of it is over."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    ForeignKey,
    Index,
    Table,
    Text,
    UniqueConstraint,
    bindparam,
    func,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, taken, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch. Its jobs are numbered from 0 to before *accepted*."""

    id: str
    account_id: str
    key_id: str  #: of the request that began it
    dialect: str
    name: str | None  #: what the caller calls it; the account's own
    base_url: str  #: of links to it, where the request that began it was sent to
    webhook_url: str | None
    accepted: int = 0  #: jobs
    rejected: int = 0  #: files that did not become jobs
    finished: int = 0  #: jobs that are over, however they ended
    failed: int = 0  #: of those, the ones without a result
    bytes_in: int = 0  #: of the images that have a result
    bytes_out: int = 0  #: of the first result of each
    committed: bool = False  #: some of its results stay until they are deleted
    created_at: datetime
    touched_at: datetime  #: when the last work was added
    closed_at: datetime | None = None  #: no more is added from then on
    completed_at: datetime | None = None  #: when all was done and no more was to be expected


batches = Table(
    "batches",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("dialect", Text, nullable=False),
    Column("name", Text),
    Column("base_url", Text, nullable=False),
    Column("webhook_url", Text),
    Column("accepted", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("bytes_in", BigInteger, nullable=False, server_default="0"),
    Column("bytes_out", BigInteger, nullable=False, server_default="0"),
    Column("committed", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("touched_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("completed_at", UtcDateTime),
    UniqueConstraint("account_id", "name", name="uq_batches_account_id_name"),
    Index("ix_batches_account_id_created_at", "account_id", "created_at"),
    Index("ix_batches_completed_at", "completed_at", "touched_at"),
)

# An update that changes nothing: it locks the row, and returns it.
_BEGIN = {
    dialect: insert.returning(*batches.c)
    for dialect, insert in upserts(
        batches,
        lambda insert: insert.on_conflict_do_update(
            index_elements=["account_id", "name"], set_={"touched_at": batches.c.touched_at}
        ),
    ).items()
}
_FINISH = (
    batches.update()
    .where(batches.c.id == bindparam("which"))
    .values(
        finished=batches.c.finished + bindparam("over"),
        failed=batches.c.failed + bindparam("in_vain"),
        bytes_in=batches.c.bytes_in + bindparam("taken"),
        bytes_out=batches.c.bytes_out + bindparam("given"),
    )
    .returning(*batches.c)
)
_DONE = batches.c.finished == batches.c.accepted


async def begin(connection: AsyncConnection, batch: Batch) -> Batch:
    """
    Add *batch*, or return the one of the same name that the account has already.

    Either way nobody else changes it before this transaction is over.
    """
    result = await connection.execute(_BEGIN[connection.dialect.name], asdict(batch))
    return record(Batch, result.one())


async def grow(  # noqa: PLR0913 - a batch grows by several numbers at once
    connection: AsyncConnection,
    *,
    id_: str,
    accepted: int,
    rejected: int,
    now: datetime,
    committed: bool = False,
    close: bool = False,
    webhook_url: str | None = None,
) -> Batch:
    """Count work that was added, and perhaps that it was the last."""
    values: dict[str, object] = {
        "accepted": batches.c.accepted + accepted,
        "rejected": batches.c.rejected + rejected,
        "touched_at": now,
    }
    if accepted:
        values["completed_at"] = None
    if committed:
        values["committed"] = True
    if close:
        values["closed_at"] = _first_closing(now)
    if webhook_url:
        values["webhook_url"] = webhook_url
    statement = batches.update().where(batches.c.id == id_).values(values).returning(*batches.c)
    return record(Batch, (await connection.execute(statement)).one())


async def close(connection: AsyncConnection, *, id_: str, now: datetime) -> Batch:
    """Say that no more is added; the first time counts."""
    statement = (
        batches.update()
        .where(batches.c.id == id_)
        .values(closed_at=_first_closing(now))
        .returning(*batches.c)
    )
    return record(Batch, (await connection.execute(statement)).one())


def _first_closing(now: datetime) -> ColumnElement[datetime]:
    return func.coalesce(batches.c.closed_at, bindparam("now", now, UtcDateTime))


async def finish(  # noqa: PLR0913 - all that is counted
    connection: AsyncConnection,
    *,
    id_: str,
    finished: int,
    failed: int,
    bytes_in: int = 0,
    bytes_out: int = 0,
) -> Batch:
    """
    Count jobs that are over.

    The row stays locked until the transaction ends, so the numbers that jobs get of *finished* are
    seen in their order by whoever reads what is committed.
    """
    values = {
        "which": id_,
        "over": finished,
        "in_vain": failed,
        "taken": bytes_in,
        "given": bytes_out,
    }
    return record(Batch, (await connection.execute(_FINISH, values)).one())


async def complete(
    connection: AsyncConnection, *, id_: str, now: datetime, idle_since: datetime
) -> Batch | None:
    """
    Say that all is done, unless it was said before, is not so, or more is to be expected.

    More is to be expected of a batch that was not closed and was added to after *idle_since*.
    """
    statement = (
        batches.update()
        .where(batches.c.id == id_, batches.c.completed_at.is_(None), _DONE)
        .where(or_(batches.c.closed_at.is_not(None), batches.c.touched_at <= idle_since))
        .values(completed_at=now)
        .returning(*batches.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Batch, row) if row else None


async def idle(connection: AsyncConnection, *, since: datetime, limit: int) -> list[str]:
    """Return ids of batches that are done and were not added to after *since*."""
    statement = (
        select(batches.c.id)
        .where(batches.c.completed_at.is_(None), batches.c.touched_at <= since, _DONE)
        .order_by(batches.c.touched_at)
        .limit(limit)
    )
    return [str(id_) for id_ in (await connection.execute(statement)).scalars()]


async def find(connection: AsyncConnection, *, account_id: str, name: str) -> Batch | None:
    """Return the account's batch with that id, or that it calls so."""
    statement = select(batches).where(
        batches.c.account_id == account_id, or_(batches.c.id == name, batches.c.name == name)
    )
    rows = [record(Batch, row) for row in await connection.execute(statement)]
    # Somebody may call a batch by the id of another one.
    return min(rows, key=lambda batch: batch.id != name, default=None)


async def of_account(
    connection: AsyncConnection, *, account_id: str, start: int, limit: int
) -> list[Batch]:
    """Return batches of the account, the newest first."""
    statement = (
        select(batches)
        .where(batches.c.account_id == account_id)
        .order_by(batches.c.created_at.desc(), batches.c.id)
        .offset(start)
        .limit(limit)
    )
    return [record(Batch, row) for row in await connection.execute(statement)]


async def by_id(connection: AsyncConnection, *, id_: str) -> Batch | None:
    """Return the batch with that id, whoever's it is."""
    row = (await connection.execute(select(batches).where(batches.c.id == id_))).one_or_none()
    return record(Batch, row) if row else None


async def retire(connection: AsyncConnection, *, before: datetime, limit: int) -> list[str]:
    """
    Take their names from at most *limit* batches that were completed before that moment.

    Returns their ids. Nobody can add to them any more, so they can be forgotten piece by piece.
    """
    old = (
        select(batches.c.id)
        .where(batches.c.completed_at <= before)
        .order_by(batches.c.completed_at)
    )
    statement = (
        batches.update()
        .where(batches.c.id.in_(taken(old, limit=limit)))
        .values(name=None)
        .returning(batches.c.id)
    )
    return [str(id_) for id_ in (await connection.execute(statement)).scalars()]


async def delete(connection: AsyncConnection, *, ids: list[str]) -> None:
    """Remove the rows of batches, whose jobs are removed already."""
    await connection.execute(batches.delete().where(batches.c.id.in_(ids)))
