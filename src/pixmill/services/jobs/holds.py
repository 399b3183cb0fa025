"""Holds: requests of a quota that jobs take when they are accepted, and what becomes of them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.keys import Caller
from pixmill.stores import quotas, usage
from pixmill.stores.chunks import Chunk
from pixmill.stores.jobs import Job
from pixmill.stores.usage import Usage

#: A hold outlives its job, which gives it back itself.
MARGIN = timedelta(hours=1)


def names(job: Job) -> list[str]:
    """Return the ids of the reservations that are held for *job*."""
    return [f"{job.id}.{number}" for number in range(job.held)]


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
    connection: AsyncConnection, *, subject: str, period: str, jobs: Sequence[Job]
) -> None:
    """Hold what was granted for *jobs*, until somewhat after they are given up."""
    rows = [
        quotas.Reservation(
            id=name, subject=subject, period=period, expires_at=job.expires_at + MARGIN
        )
        for job in jobs
        for name in names(job)
    ]
    if rows:
        await quotas.hold(connection, rows)


async def settle(  # noqa: PLR0913 - what a job has cost
    connection: AsyncConnection,
    *,
    chunk: Chunk,
    job: Job,
    charged: int,
    cached: int,
    bytes_in: int,
    bytes_out: int,
) -> None:
    """Charge for what was made for *job*, and give back what was held for more."""
    held = await quotas.end_all(connection, ids=names(job)) if job.held else 0
    if charged or cached:
        await usage.add(
            connection,
            [
                Usage(
                    subject=subject,
                    period=chunk.period,
                    requests=charged,
                    # What is held is taken already; what lapsed is taken anew.
                    taken=max(0, charged - held) if subject == chunk.subject else charged,
                    cached=cached,
                    bytes_in=bytes_in,
                    bytes_out=bytes_out,
                )
                for subject in (chunk.account_id, chunk.key_id)
            ],
        )
    if held > charged:
        await usage.give_back(
            connection, subject=chunk.subject, period=chunk.period, count=held - charged
        )


def exceeded(caller: Caller, *, now: datetime) -> errors.QuotaExceeded:
    """Return what is said of a job that the quota has no room for."""
    limit = caller.plan.hard_limit or 0
    return errors.QuotaExceeded(limit=limit, used=limit, reset_at=clock.next_period(now))
