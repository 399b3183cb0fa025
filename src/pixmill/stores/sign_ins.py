"""Sign-ins: who is signed in, in which browser. Never the browser's token, only its digest."""

from dataclasses import asdict, dataclass, field
from datetime import datetime

from sqlalchemy import Column, ForeignKey, Table, Text, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.accounts import COLUMNS, Account, accounts
from pixmill.stores.tables import UtcDateTime, metadata, record


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Somebody signed in, in one browser."""

    digest: str = field(repr=False)  #: SHA-256 of the token, in hexadecimal
    account_id: str
    created_at: datetime
    seen_at: datetime  #: last used; to the minute
    expires_at: datetime


sign_ins = Table(
    "sign_ins",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False, index=True),
)

_NOW = bindparam("now", type_=UtcDateTime)
_IDLE_SINCE = bindparam("idle_since", type_=UtcDateTime)
_LIVE = (sign_ins.c.expires_at > _NOW, sign_ins.c.seen_at > _IDLE_SINCE)

_WHO = (
    select(*sign_ins.c, *COLUMNS)
    .join(accounts, accounts.c.id == sign_ins.c.account_id)
    .where(sign_ins.c.digest == bindparam("digest"), accounts.c.disabled_at.is_(None), *_LIVE)
)
_TOUCH = (
    sign_ins.update()
    .where(sign_ins.c.digest == bindparam("sign_in"), sign_ins.c.seen_at < _NOW)
    .values(seen_at=_NOW)
)
_LISTED = (
    select(sign_ins)
    .where(sign_ins.c.account_id == bindparam("account_id"), *_LIVE)
    .order_by(sign_ins.c.seen_at.desc(), sign_ins.c.digest)
)


async def add(connection: AsyncConnection, sign_in: SignIn) -> None:
    """Add *sign_in*."""
    await connection.execute(sign_ins.insert(), asdict(sign_in))


async def who(
    connection: AsyncConnection, *, digest: str, now: datetime, idle_since: datetime
) -> tuple[SignIn, Account] | None:
    """Return the sign-in with that *digest* and whose it is; None when it is over."""
    values = {"digest": digest, "now": now, "idle_since": idle_since}
    row = (await connection.execute(_WHO, values)).one_or_none()
    if row is None:
        return None
    ends = len(sign_ins.c)
    return record(SignIn, row[:ends]), record(Account, row[ends:])


async def touch(connection: AsyncConnection, *, digest: str, now: datetime) -> None:
    """Note that the sign-in was used."""
    await connection.execute(_TOUCH, {"sign_in": digest, "now": now})


async def listed(
    connection: AsyncConnection, *, account_id: str, now: datetime, idle_since: datetime
) -> list[SignIn]:
    """Return the account's sign-ins that are not over, the last used one first."""
    values = {"account_id": account_id, "now": now, "idle_since": idle_since}
    return [record(SignIn, row) for row in await connection.execute(_LISTED, values)]


async def remove(connection: AsyncConnection, *, digest: str) -> None:
    """Remove the sign-in, if it is there."""
    await connection.execute(sign_ins.delete().where(sign_ins.c.digest == digest))


async def remove_of(connection: AsyncConnection, *, digest: str, account_id: str) -> bool:
    """Remove the sign-in if it is the account's; say whether there was one."""
    gone = await connection.execute(
        sign_ins.delete().where(sign_ins.c.digest == digest, sign_ins.c.account_id == account_id)
    )
    return gone.rowcount == 1


async def remove_all(connection: AsyncConnection, *, account_id: str, but: str = "") -> int:
    """Remove all sign-ins of the account apart from the one with the digest *but*; say how many."""
    gone = await connection.execute(
        sign_ins.delete().where(sign_ins.c.account_id == account_id, sign_ins.c.digest != but)
    )
    return gone.rowcount


async def remove_over(connection: AsyncConnection, *, now: datetime, idle_since: datetime) -> int:
    """Remove those that are over; say how many."""
    over = or_(sign_ins.c.expires_at <= now, sign_ins.c.seen_at <= idle_since)
    return (await connection.execute(sign_ins.delete().where(over))).rowcount
