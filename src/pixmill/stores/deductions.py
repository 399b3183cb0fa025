"""Deductions: credits that were taken for images, and which of them can still come back."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Deduction:
    """Credits that were taken at one time for one action on some images."""

    id: str
    account_id: str
    action: str
    image_count: int
    used_for: str | None  #: the run; None as long as no run has redeemed it
    kept: int = 0  #: credits without an end that can still come back
    monthly: int = 0  #: credits of *period* that can still come back, until it is over
    period: str
    created_at: datetime


credit_deductions = Table(
    "credit_deductions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("action", Text, nullable=False),
    Column("image_count", BigInteger, nullable=False),
    Column("used_for", Text),
    Column("kept", BigInteger, nullable=False),
    Column("monthly", BigInteger, nullable=False),
    Column("period", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("kept >= 0 AND monthly >= 0", name="left"),
)

_CHANGING = ("image_count", "used_for", "kept", "monthly", "period")
_SAVE = upserts(
    credit_deductions,
    lambda insert: insert.on_conflict_do_update(
        index_elements=["id"], set_={name: insert.excluded[name] for name in _CHANGING}
    ),
)


async def save(connection: AsyncConnection, deduction: Deduction) -> None:
    """Write *deduction*. Only for a caller who has locked the account's balance."""
    await connection.execute(_SAVE[connection.dialect.name], asdict(deduction))


async def find(connection: AsyncConnection, *, id_: str, account_id: str) -> Deduction | None:
    """Return the deduction, when it is one of the account."""
    statement = select(credit_deductions).where(
        credit_deductions.c.id == id_, credit_deductions.c.account_id == account_id
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Deduction, row) if row else None
