"""Holds: requests of a quota that work takes when it is accepted, and what becomes of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.keys import Caller
from pixmill.stores import quotas, usage
from pixmill.stores.usage import Usage

#: A hold outlives its work, which gives it back itself.
MARGIN = timedelta(hours=1)


def names(id_: str, count: int) -> list[str]:
    """Return the ids of the *count* reservations that are held for the work with that id."""
    return [f"{id_}.{number}" for number in range(count)]


async def granted(
    connection: AsyncConnection,
    *,
    caller: Caller,
    needs: Sequence[int],
    period: str,
    now: datetime,
) -> list[bool]:
    """
    Take what each of *needs* asks for of the caller's month, in their order, as far as it goes.

    To be followed by `hold` in the same transaction.
    """
    limit = caller.plan.hard_limit
    if limit is None:
        return [True] * len(needs)
    subject = caller.subject
    taken = await usage.taken(connection, subject=subject, period=period)
    if taken + sum(needs) > limit:
        await quotas.give_back_lapsed(connection, now=now, subject=subject)
        taken = await usage.taken(connection, subject=subject, period=period)
    answers, room = [], limit - taken
    for need in needs:
        answers.append(need <= room)
        room -= need if answers[-1] else 0
    count = limit - taken - room
    await usage.take_more(connection, subject=subject, period=period, count=count)
    return answers


async def hold(
    connection: AsyncConnection,
    *,
    subject: str,
    period: str,
    names: Sequence[str],
    until: datetime,
) -> None:
    """Hold what was granted, under *names*, until somewhat after the work is given up."""
    rows = [
        quotas.Reservation(id=name, subject=subject, period=period, expires_at=until + MARGIN)
        for name in names
    ]
    if rows:
        await quotas.hold(connection, rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """Who pays for work, and out of which month."""

    account_id: str
    key_id: str
    subject: str  #: whose quota it is taken from: the key's id or the account's
    period: str


async def settle(  # noqa: PLR0913 - what work has cost
    connection: AsyncConnection,
    *,
    payer: Payer,
    names: Sequence[str],
    charged: int,
    cached: int,
    bytes_in: int,
    bytes_out: int,
) -> None:
    """Charge for what was made, and give back what was held under *names* for more."""
    held = await quotas.end_all(connection, ids=names) if names else 0
    if charged or cached:
        await usage.add(
            connection,
            [
                Usage(
                    subject=subject,
                    period=payer.period,
                    requests=charged,
                    # What is held is taken already; what lapsed is taken anew.
                    taken=max(0, charged - held) if subject == payer.subject else charged,
                    cached=cached,
                    bytes_in=bytes_in,
                    bytes_out=bytes_out,
                )
                for subject in (payer.account_id, payer.key_id)
            ],
        )
    if held > charged:
        await usage.give_back(
            connection, subject=payer.subject, period=payer.period, count=held - charged
        )


def exceeded(caller: Caller, *, now: datetime) -> errors.QuotaExceeded:
    """Return what is said of work that the quota has no room for."""
    limit = caller.plan.hard_limit or 0
    return errors.QuotaExceeded(limit=limit, used=limit, reset_at=clock.next_period(now))
