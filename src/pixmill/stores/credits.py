"""
Credits: one row per account with its balance, and an entry for every change of it.

Entries are only ever added. An account's row is locked before anything is entered (`lock`), so its
entries have numbers without gaps, and each says what the balance was after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Table,
    Text,
    bindparam,
    exists,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, upserts

Kind = Literal["signup", "monthly", "grant", "deduct", "unused", "failed", "refund", "expired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """What an account has."""

    account_id: str
    balance: int = 0
    monthly: int = 0  #: of *balance*: those that end with *period*
    period: str  #: the month, as YYYY-MM in UTC, up to which the entries go
    granted: int = 0  #: monthly credits that were entered in *period*
    signed_up: bool = False  #: whether the credits of the sign-up were entered
    entries: int = 0  #: the number of the last entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of a balance."""

    account_id: str
    number: int = 0  #: counts the account's entries from 1; given by `enter`
    kind: Kind
    amount: int
    monthly: int = 0  #: of *amount*: what changes the credits that end with the month
    balance: int = 0  #: after this entry; given by `enter`
    action: str | None = None  #: what a deduction was for
    subject: str | None = None  #: the run, the image, or the month that it is about
    deduction_id: str | None = None
    note: str = ""
    actor: str | None = None  #: who did it: a key's id, "operator"; None is Pixmill itself
    created_at: datetime


credit_balances = Table(
    "credit_balances",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("balance", BigInteger, nullable=False),
    Column("monthly", BigInteger, nullable=False),
    Column("period", Text, nullable=False),
    Column("granted", BigInteger, nullable=False),
    Column("signed_up", Boolean, nullable=False),
    Column("entries", BigInteger, nullable=False),
    CheckConstraint("monthly >= 0 AND monthly <= balance", name="balance"),
)

credit_entries = Table(
    "credit_entries",
    metadata,
    Column("account_id", Text, ForeignKey("accounts.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("monthly", BigInteger, nullable=False),
    Column("balance", BigInteger, nullable=False),
    Column("action", Text),
    Column("subject", Text),
    Column("deduction_id", Text, ForeignKey("credit_deductions.id"), index=True),
    Column("note", Text, nullable=False),
    Column("actor", Text),
    Column("created_at", UtcDateTime, nullable=False),
    # What must not be entered a second time has a name of its own here.
    Column("once", Text, unique=True),
)

_ENTRY = [credit_entries.c[field.name] for field in fields(Entry)]
_BALANCE = select(credit_balances).where(credit_balances.c.account_id == bindparam("holder"))
_LOCK = _BALANCE.with_for_update()
_BEGIN = upserts(credit_balances, lambda insert: insert.on_conflict_do_nothing())
_MOVE = (
    credit_balances.update()
    .where(
        credit_balances.c.account_id == bindparam("holder"),
        # Of the monthly ones only those that are there, and so of the others too.
        credit_balances.c.monthly + bindparam("of_month") >= 0,
        credit_balances.c.balance
        - credit_balances.c.monthly
        + bindparam("change")
        - bindparam("of_month")
        >= 0,
        ~exists().where(credit_entries.c.once == bindparam("only")),
    )
    .values(
        balance=credit_balances.c.balance + bindparam("change"),
        monthly=credit_balances.c.monthly + bindparam("of_month"),
        entries=credit_balances.c.entries + 1,
    )
    .returning(credit_balances.c.entries, credit_balances.c.balance)
)
_SET_TERMS = (
    credit_balances.update()
    .where(credit_balances.c.account_id == bindparam("holder"))
    .values(
        period=bindparam("month"), granted=bindparam("so_far"), signed_up=bindparam("had_signup")
    )
)


async def find(connection: AsyncConnection, *, account_id: str) -> Balance | None:
    """Return what the account has; None when nothing was ever entered."""
    row = (await connection.execute(_BALANCE, {"holder": account_id})).one_or_none()
    return record(Balance, row) if row else None


async def lock(connection: AsyncConnection, *, account_id: str, period: str) -> Balance:
    """
    Return what the account has; nobody else changes it before this transaction is over.

    Who has no row yet gets one, with nothing in it, that begins in *period*.
    """
    holder: Mapping[str, Any] = {"holder": account_id}
    row = (await connection.execute(_LOCK, holder)).one_or_none()
    if row is None:
        first = Balance(account_id=account_id, period=period)
        await connection.execute(_BEGIN[connection.dialect.name], asdict(first))
        row = (await connection.execute(_LOCK, holder)).one()
    return record(Balance, row)


async def enter(
    connection: AsyncConnection, entry: Entry, *, once: str | None = None
) -> Entry | None:
    """
    Add *entry* and change the balance by it; return it with its number.

    None: nothing was done, because there is not as much, or *once* was entered before. Only for a
    caller who has asked `lock` in the same transaction.
    """
    moved = await connection.execute(
        _MOVE,
        {
            "holder": entry.account_id,
            "change": entry.amount,
            "of_month": entry.monthly,
            "only": once,
        },
    )
    row = moved.one_or_none()
    if row is None:
        return None
    entered = replace(entry, number=row.entries, balance=row.balance)
    await connection.execute(credit_entries.insert(), {**asdict(entered), "once": once})
    return entered


async def entered(connection: AsyncConnection, *, once: str) -> bool:
    """Say whether something of that name was entered before."""
    found = select(credit_entries.c.number).where(credit_entries.c.once == once)
    return (await connection.execute(found)).first() is not None


async def set_terms(connection: AsyncConnection, balance: Balance) -> None:
    """Write which month *balance* is at, and what was given so far."""
    await connection.execute(
        _SET_TERMS,
        {
            "holder": balance.account_id,
            "month": balance.period,
            "so_far": balance.granted,
            "had_signup": balance.signed_up,
        },
    )


async def listed(
    connection: AsyncConnection, *, account_id: str, before: int | None, limit: int
) -> list[Entry]:
    """Return the account's newest entries, of those whose number is less than *before*."""
    statement = select(*_ENTRY).where(credit_entries.c.account_id == account_id)
    if before is not None:
        statement = statement.where(credit_entries.c.number < before)
    statement = statement.order_by(credit_entries.c.number.desc()).limit(limit)
    return [record(Entry, row) for row in await connection.execute(statement)]


async def story(connection: AsyncConnection, *, account_id: str, deduction_id: str) -> list[Entry]:
    """Return the account's entries about that deduction, oldest first."""
    statement = (
        select(*_ENTRY)
        .where(
            credit_entries.c.account_id == account_id,
            credit_entries.c.deduction_id == deduction_id,
        )
        .order_by(credit_entries.c.number)
    )
    return [record(Entry, row) for row in await connection.execute(statement)]


async def spent(connection: AsyncConnection, *, deduction_id: str) -> int:
    """Return what the deduction has cost, less what of it came back."""
    return (await spent_each(connection, deduction_ids=[deduction_id])).get(deduction_id, 0)


async def spent_each(
    connection: AsyncConnection, *, deduction_ids: Sequence[str]
) -> dict[str, int]:
    """Return for each of the deductions what `spent` does."""
    statement = (
        select(credit_entries.c.deduction_id, func.sum(credit_entries.c.amount))
        .where(credit_entries.c.deduction_id.in_(deduction_ids))
        .group_by(credit_entries.c.deduction_id)
    )
    return {id_: -int(total) for id_, total in await connection.execute(statement)}
