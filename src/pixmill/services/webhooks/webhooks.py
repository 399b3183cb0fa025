"""Webhooks: announced in somebody's transaction, attempted until they are delivered or given up."""

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import Posted
from pixmill.services.queue.queue import Queue
from pixmill.services.secret import Secret
from pixmill.services.webhooks import signing
from pixmill.services.webhooks.silence import Silence
from pixmill.services.webhooks.types import (
    ATTEMPT_TIMEOUT,
    DELIVERIES,
    SCHEDULE,
    Attempt,
    Delivery,
    Render,
    State,
)
from pixmill.stores import deliveries, endpoints
from pixmill.stores.db import Database

log = logging.getLogger(__name__)

#: An attempt that was ordered so long ago and has not ended is lost: a bug was in its way.
LOST_AFTER = timedelta(hours=1)

#: Attempts that are ordered, and deliveries that are forgotten, in one transaction.
BATCH = 100

#: How long an ended delivery is remembered.
MEMORY = timedelta(days=7)

#: Status of a URL that wants no more messages (Standard Webhooks, "Delivery").
GONE = 410


class Webhooks:
    """Tells people's servers what has happened."""

    def __init__(  # noqa: PLR0913 - what a webhook touches
        self,
        *,
        database: Database,
        queue: Queue,
        fetcher: Fetcher,
        secret: Secret,
        now: clock.Clock = clock.now,
        schedule: Sequence[timedelta] = SCHEDULE,
        attempt_timeout: float = ATTEMPT_TIMEOUT,
    ) -> None:
        self._database = database
        self._queue = queue
        self._fetcher = fetcher
        self._secret = secret
        self._now = now
        self._schedule = schedule
        self._attempt_timeout = attempt_timeout
        self._silence = Silence()
        #: For each dialect what makes its messages. To be filled before the first delivery: what
        #: makes them may need services that need this one.
        self.renders: dict[str, Render] = {}

    def check(self, url: str) -> None:
        """Raise BadUrl for what cannot be the URL of a receiver, as far as one sees by looking."""
        try:
            self._fetcher.check(url)
        except errors.BadUrl as error:
            raise errors.BadUrl(
                "The URL of a webhook must be a public http or https URL.", detail=error.detail
            ) from error

    def secret_of(self, account_id: str) -> str:
        """Return what the account's messages are signed with, as ``whsec_…``."""
        return signing.secret_of(account_id, secret=self._secret)

    async def announce(  # noqa: PLR0913 - what a delivery is
        self,
        connection: AsyncConnection,
        *,
        account_id: str,
        url: str,
        dialect: str,
        event: str,
        subject: str,
        base_url: str,
    ) -> str:
        """Have *event* told to *url*, if the caller's transaction succeeds; return the id."""
        now = self._now()
        delivery = Delivery(
            id=f"msg_{secrets.token_hex(12)}",
            account_id=account_id,
            url=url,
            dialect=dialect,
            event=event,
            subject=subject,
            base_url=base_url,
            created_at=now,
            next_attempt_at=None,
        )
        if await endpoints.is_disabled(connection, account_id=account_id, url=url):
            delivery = replace(delivery, state="disabled", finished_at=now)
            await deliveries.add(connection, delivery)
        else:
            delivery = replace(delivery, attempts=1, queued=True, next_attempt_at=now + LOST_AFTER)
            await deliveries.add(connection, delivery)
            await self._order(connection, delivery.id, delivery.attempts)
        return delivery.id

    async def due(self) -> int:
        """
        Have the attempts made whose time has come; return how many.

        To be called about once a second on every node that runs work. Each is ordered by one of
        them.
        """
        now = self._now()
        async with self._database.reading() as connection:
            if not await deliveries.is_due(connection, now=now):
                return 0
        async with self._database.transaction() as connection:
            ordered = await deliveries.order(
                connection, now=now, until=now + LOST_AFTER, limit=BATCH
            )
            for id_, number in ordered:
                await self._order(connection, id_, number)
        return len(ordered)

    async def deliver(self, ticket: str) -> None:
        """
        Make the attempt that *ticket* was ordered for, unless it was made, and see to the next one.

        Raises Busy when the books cannot be kept: then it has to be done again.
        """
        id_, _, number = ticket.rpartition(".")
        async with self._database.reading() as connection:
            delivery = await deliveries.find(connection, id_=id_)
            if delivery is None or not delivery.queued or delivery.attempts != int(number):
                return
            disabled = await endpoints.is_disabled(
                connection, account_id=delivery.account_id, url=delivery.url
            )
        if disabled:
            await self._end(delivery, state="disabled")
        elif delivery.failures > len(self._schedule):
            await self._end(delivery, state="failed")
        else:
            await self._attempt(delivery)

    async def stop(self) -> None:
        """Give up what is under way; to be called at shutdown."""
        await self._fetcher.stop()

    async def sweep(self) -> int:
        """Forget deliveries that ended long ago; return how many."""
        before = self._now() - MEMORY
        forgotten = 0
        while batch := await self._forget(before):
            forgotten += batch
        return forgotten

    async def _forget(self, before: datetime) -> int:
        async with self._database.transaction() as connection:
            return await deliveries.forget(connection, before=before, limit=BATCH)

    async def _attempt(self, delivery: Delivery) -> None:
        now = self._now()
        if self._silence.rests(delivery.url, now=now):
            await self._settle(delivery, _unasked(delivery, error="resting", now=now))
            return
        try:
            delivery = await self._rendered(delivery)
        except errors.NotFound:
            await self._end(delivery, _unasked(delivery, error="gone", now=now), state="failed")
            return
        async with self._database.transaction() as connection:
            claimed = await deliveries.claim(connection, delivery, until=now + LOST_AFTER)
        if claimed is None:
            return
        started = time.monotonic()
        posted = await self._post(claimed)
        milliseconds = round(1000 * (time.monotonic() - started))
        attempt = Attempt(
            delivery_id=delivery.id,
            number=delivery.attempts,
            at=now,
            status=posted.status,
            error=_word(posted),
            milliseconds=milliseconds,
        )
        failed = attempt.error is not None
        self._silence.note(delivery.url, failed=failed, milliseconds=milliseconds, now=self._now())
        await self._settle(claimed, attempt)

    async def _rendered(self, delivery: Delivery) -> Delivery:
        """Return *delivery* with what is sent, which is made the first time."""
        if delivery.body is not None:
            return delivery
        render = self.renders[delivery.dialect]
        message = await render(delivery, self.secret_of(delivery.account_id))
        return replace(
            delivery,
            body=message.body,
            content_type=message.content_type,
            headers=dict(message.headers),
        )

    async def _post(self, delivery: Delivery) -> Posted:
        assert delivery.body is not None
        assert delivery.content_type is not None
        secret = self.secret_of(delivery.account_id)
        headers = {
            "Content-Type": delivery.content_type,
            **(delivery.headers or {}),
            **signing.signature(secret, id_=delivery.id, now=self._now(), body=delivery.body),
        }
        try:
            return await self._fetcher.post(
                delivery.url, body=delivery.body, headers=headers, within=self._attempt_timeout
            )
        except errors.BadUrl:  # it was not, for the version that accepted it
            return Posted(trouble="refused_address")

    async def _settle(self, delivery: Delivery, attempt: Attempt) -> None:
        """Keep what came of *attempt*, and see to what comes of the delivery."""
        if attempt.error is None:
            await self._end(delivery, attempt, state="delivered")
        elif attempt.status == GONE:
            await self._end(delivery, attempt, state="disabled")
        elif delivery.failures >= len(self._schedule):
            await self._end(delivery, attempt, state="failed")
        else:
            until = self._now() + self._schedule[delivery.failures]
            async with self._database.transaction() as connection:
                if await deliveries.wait(connection, delivery, until=until):
                    await deliveries.note(connection, attempt)

    async def _end(
        self, delivery: Delivery, attempt: Attempt | None = None, *, state: State
    ) -> None:
        now = self._now()
        async with self._database.transaction() as connection:
            if not await deliveries.end(connection, delivery, state=state, now=now):
                return
            if attempt:
                await deliveries.note(connection, attempt)
                if attempt.status == GONE:
                    await endpoints.disable(
                        connection, account_id=delivery.account_id, url=delivery.url, now=now
                    )
        if state != "delivered":
            log.warning(
                "a webhook was not delivered",
                extra={
                    "delivery": delivery.id,
                    "state": state,
                    "reason": attempt.error if attempt else None,
                },
            )

    async def _order(self, connection: AsyncConnection, id_: str, number: int) -> None:
        # A queue forgets nothing, so each attempt has a name of its own.
        ticket = f"{id_}.{number}"
        await self._queue.put(connection, lane=DELIVERIES, id_=ticket, argument=ticket)


def _unasked(delivery: Delivery, *, error: str, now: datetime) -> Attempt:
    """Return what is kept of an attempt for which nobody was asked."""
    return Attempt(delivery_id=delivery.id, number=delivery.attempts, at=now, error=error)


def _word(posted: Posted) -> str | None:
    """Return why a message was not delivered, in one of few words; None: it was."""
    if posted.status is None:
        return posted.trouble
    if 200 <= posted.status < 300:
        return None
    return "redirect" if 300 <= posted.status < 400 else f"status {posted.status}"
