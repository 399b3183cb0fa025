"""Accounts: who is served, and on which plan."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Table, Text, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who is served."""

    id: str
    email: str  #: lower case, unique
    plan: str  #: a plan's name
    created_at: datetime
    disabled_at: datetime | None = None  #: since when none of its keys works


accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("plan", Text, ForeignKey("plans.name"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
)

_ADD = upserts(accounts, lambda insert: insert.on_conflict_do_nothing(index_elements=["email"]))


async def add(connection: AsyncConnection, account: Account) -> bool:
    """Add *account*; return False, and do nothing, when its e-mail address is taken."""
    result = await connection.execute(_ADD[connection.dialect.name], asdict(account))
    return result.rowcount == 1


async def find(connection: AsyncConnection, *, name: str, lock: bool = False) -> Account | None:
    """
    Return the account whose id or e-mail address is *name*.

    With *lock*, nobody else changes it, or locks it, until the transaction ends.
    """
    statement = select(accounts).where(or_(accounts.c.id == name, accounts.c.email == name.lower()))
    if lock:  # SQLite knows no row locks and needs none: its writers come one at a time
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return record(Account, row) if row else None


async def listed(connection: AsyncConnection) -> list[Account]:
    """Return all accounts, oldest first."""
    rows = await connection.execute(select(accounts).order_by(accounts.c.created_at, accounts.c.id))
    return [record(Account, row) for row in rows]


async def set_plan(connection: AsyncConnection, *, id_: str, plan: str) -> None:
    """Put the account on *plan*."""
    await connection.execute(accounts.update().where(accounts.c.id == id_).values(plan=plan))


async def set_disabled(
    connection: AsyncConnection, *, id_: str, disabled_at: datetime | None
) -> None:
    """Disable the account since *disabled_at*, or enable it again with None."""
    await connection.execute(
        accounts.update().where(accounts.c.id == id_).values(disabled_at=disabled_at)
    )
