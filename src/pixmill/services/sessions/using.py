"""Using a session: whose it is, whether it lives, and that it lives on."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.services.sessions.types import LIFE, Session
from pixmill.stores import sessions


async def use(  # noqa: PLR0913 - whose session it is, and what is done with it
    connection: AsyncConnection,
    *,
    id_: str,
    account_id: str,
    now: datetime,
    life: timedelta = LIFE,
    more: int = 0,
) -> Session:
    """
    Say that the account uses its session, and count *more* pictures.

    Its row stays locked until the transaction ends. Raises SessionNotFound or SessionExpired.
    """
    await find(connection, id_=id_, account_id=account_id, now=now, life=life)
    session = await sessions.use(connection, id_=id_, account_id=account_id, now=now, more=more)
    if session is None:  # it has just ended
        raise errors.SessionExpired
    return session


async def find(
    connection: AsyncConnection,
    *,
    id_: str,
    account_id: str,
    now: datetime,
    life: timedelta = LIFE,
) -> Session:
    """Return the account's session without using it. Raises SessionNotFound or SessionExpired."""
    found = await sessions.find(connection, id_=id_, account_id=account_id)
    if found is None:
        raise errors.SessionNotFound
    if found.ended_at is not None or found.used_at + life <= now:
        raise errors.SessionExpired
    return found
