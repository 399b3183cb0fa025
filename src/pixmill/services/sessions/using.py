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
    known = await sessions.find(connection, id_=id_, account_id=account_id)
    if known is None:
        raise errors.SessionNotFound
    if known.ended_at is not None or known.used_at + life <= now:
        raise errors.SessionExpired
    session = await sessions.use(connection, id_=id_, account_id=account_id, now=now, more=more)
    if session is None:  # it has just ended
        raise errors.SessionExpired
    return session
