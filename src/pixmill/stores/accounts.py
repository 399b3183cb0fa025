"""
Accounts: who is served, and on which plan.

What is kept of a password is no field of an account: nothing but signing in reads it, and an
account is printed and logged in many places.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Table,
    Text,
    and_,
    false,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who is served."""

    id: str
    email: str  #: lower case, unique
    plan: str  #: a plan's name
    created_at: datetime
    disabled_at: datetime | None = None  #: since when none of its keys works, and nobody signs in
    operator: bool = False  #: runs this server: sees and changes everybody's


accounts = Table(
    "accounts",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("plan", Text, ForeignKey("plans.name"), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("disabled_at", UtcDateTime),
    Column("operator", Boolean, nullable=False, server_default=false()),
    Column("password_hash", Text),  # of argon2id; without one nobody can sign in
)

#: What an `Account` is made of.
COLUMNS = tuple(column for column in accounts.c if column.name != "password_hash")

# Any number that nothing else in the same PostgreSQL database uses as an advisory lock.
_OPERATORS = 0x7069786F

_ADD = upserts(accounts, lambda insert: insert.on_conflict_do_nothing(index_elements=["email"]))


async def add(
    connection: AsyncConnection, account: Account, *, password_hash: str | None = None
) -> bool:
    """Add *account*; return False, and do nothing, when its e-mail address is taken."""
    row = asdict(account) | {"password_hash": password_hash}
    result = await connection.execute(_ADD[connection.dialect.name], row)
    return result.rowcount == 1


async def find(connection: AsyncConnection, *, name: str, lock: bool = False) -> Account | None:
    """
    Return the account whose id or e-mail address is *name*.

    With *lock*, nobody else changes it, or locks it, until the transaction ends.
    """
    statement = select(*COLUMNS).where(or_(accounts.c.id == name, accounts.c.email == name.lower()))
    if lock:  # SQLite knows no row locks and needs none: its writers come one at a time
        statement = statement.with_for_update()
    row = (await connection.execute(statement)).one_or_none()
    return record(Account, row) if row else None


async def listed(connection: AsyncConnection) -> list[Account]:
    """Return all accounts, oldest first."""
    rows = await connection.execute(select(*COLUMNS).order_by(accounts.c.created_at, accounts.c.id))
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


async def password_hash(connection: AsyncConnection, *, id_: str) -> str | None:
    """Return what is kept of the account's password; None when it has none."""
    found = await connection.execute(select(accounts.c.password_hash).where(accounts.c.id == id_))
    hashed: str | None = found.scalar_one_or_none()
    return hashed


async def set_password_hash(connection: AsyncConnection, *, id_: str, hashed: str) -> None:
    """Keep *hashed* in place of what was kept of the account's password."""
    await connection.execute(
        accounts.update().where(accounts.c.id == id_).values(password_hash=hashed)
    )


async def lock_operators(connection: AsyncConnection) -> None:
    """
    Let nobody else who calls this change who is an operator before the transaction ends.

    To be called before any account is locked, so that no two wait for each other.
    """
    if connection.dialect.name == "postgresql":  # SQLite's transactions are alone anyway
        lock = text("SELECT pg_advisory_xact_lock(:lock)")
        await connection.execute(lock, {"lock": _OPERATORS})


async def operators(connection: AsyncConnection, *, but: str = "", enabled: bool = False) -> int:
    """Return how many operators there are, apart from the account *but*; or how many *enabled*."""
    statement = select(func.count()).select_from(accounts)
    statement = statement.where(accounts.c.operator, accounts.c.id != but)
    if enabled:
        statement = statement.where(accounts.c.disabled_at.is_(None))
    return (await connection.execute(statement)).scalar_one()


async def peopled(connection: AsyncConnection, *, but: Sequence[str]) -> bool:
    """
    Say whether any account is an operator's, has a password, or is called unlike all of *but*.

    These are patterns of LIKE.
    """
    statement = select(accounts.c.id).where(
        or_(
            accounts.c.operator,
            accounts.c.password_hash.is_not(None),
            and_(*(accounts.c.email.not_like(pattern) for pattern in but)),
        )
    )
    return (await connection.execute(statement.limit(1))).first() is not None


async def set_operator(connection: AsyncConnection, *, id_: str, operator: bool) -> None:
    """Make the account an operator, or one of the others."""
    await connection.execute(
        accounts.update().where(accounts.c.id == id_).values(operator=operator)
    )
