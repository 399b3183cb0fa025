"""The roster: accounts with what the tables around them say of their use."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.accounts import COLUMNS, Account, accounts
from pixmill.stores.keys import keys
from pixmill.stores.sign_ins import sign_ins
from pixmill.stores.tables import record
from pixmill.stores.usage import usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An account, and whether anybody uses it."""

    account: Account
    requests: int  #: of the month that was asked for
    used_at: datetime | None  #: when a key of it was used last
    seen_at: datetime | None  #: when it was last used in a browser that is still signed in


async def listed(
    connection: AsyncConnection, *, text: str, period: str, offset: int, limit: int
) -> list[Member]:
    """Return accounts whose address, id or plan has *text* in it, newest first."""
    used_at = (
        select(func.max(keys.c.last_used_at))
        .where(keys.c.account_id == accounts.c.id)
        .scalar_subquery()
    )
    seen_at = (
        select(func.max(sign_ins.c.seen_at))
        .where(sign_ins.c.account_id == accounts.c.id)
        .scalar_subquery()
    )
    statement = (
        select(*COLUMNS, func.coalesce(usage.c.requests, 0), used_at, seen_at)
        .outerjoin(usage, and_(usage.c.subject == accounts.c.id, usage.c.period == period))
        .order_by(accounts.c.created_at.desc(), accounts.c.id.desc())
        .offset(offset)
        .limit(limit)
    )
    if text:
        statement = statement.where(
            or_(
                accounts.c.email.contains(text.lower(), autoescape=True),
                accounts.c.id == text,
                accounts.c.plan == text,
            )
        )
    ends = len(COLUMNS)
    return [
        Member(
            account=record(Account, row[:ends]),
            requests=row[ends],
            used_at=row[ends + 1],
            seen_at=row[ends + 2],
        )
        for row in await connection.execute(statement)
    ]
