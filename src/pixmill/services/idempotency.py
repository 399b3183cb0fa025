"""
Idempotency keys: a request that is repeated with the same key is done once (OG-46 to OG-60).

The order of things: `begin`; read the body; for what is remembered, `replay`; otherwise do the work
and, in the transaction that accepts it, `complete`. At the end, whatever happened, `release`: it
does nothing to a key that is answered.
"""

import asyncio
import math
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.stores import idempotency
from pixmill.stores.db import Database
from pixmill.stores.idempotency import Claim, Remembered

__all__ = ["Claim", "Idempotency", "Remembered"]

T = TypeVar("T")

#: Most seconds that a caller is told to wait for somebody else's request.
RETRY_AFTER = 5

#: Rows of one step of a sweep.
BATCH = 500

_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class Idempotency:
    """What was answered to requests that carry a key."""

    def __init__(
        self,
        *,
        database: Database,
        lease: timedelta,
        memory: timedelta = timedelta(hours=24),
        now: clock.Clock = clock.now,
    ) -> None:
        self._database = database
        #: How long a claim is a server's that says nothing more.
        self._lease = lease
        self._memory = memory
        self._now = now
        self._tasks: set[asyncio.Task[None]] = set()

    async def begin(self, *, account_id: str, key: str | None) -> Claim | Remembered:
        """
        Claim the account's *key*, or return what was answered to the request that had it.

        Raises MissingIdempotencyKey or BadIdempotencyKey, and IdempotencyInProgress while another
        request has it.
        """
        claim = Claim(account_id=account_id, key=_checked(key), token=secrets.token_hex(16))
        while True:
            now = self._now()
            async with self._database.transaction() as connection:
                if await idempotency.claim(connection, claim, now=now, until=now + self._lease):
                    return claim
                entry = await idempotency.find(connection, account_id=account_id, key=claim.key)
            if entry and entry.answer:
                return entry.answer
            if entry:
                left = math.ceil((entry.ends_at - now).total_seconds())
                raise errors.IdempotencyInProgress(retry_after=max(1, min(left, RETRY_AFTER)))
            # It was released between the two statements.

    async def extend(self, claim: Claim) -> None:
        """Hold *claim* for longer. Raises IdempotencyInProgress when somebody else took it."""
        async with self._database.transaction() as connection:
            if not await idempotency.extend(connection, claim, until=self._now() + self._lease):
                raise errors.IdempotencyInProgress

    async def complete(
        self,
        connection: AsyncConnection,
        claim: Claim,
        *,
        fingerprint: str,
        status: int,
        body: str,
    ) -> None:
        """
        Remember the answer, in the caller's transaction, which has to end without effect otherwise.

        Raises IdempotencyInProgress when somebody else took the claim meanwhile.
        """
        answer = Remembered(fingerprint=fingerprint, status=status, body=body)
        until = self._now() + self._memory
        if not await idempotency.complete(connection, claim, answer, until=until):
            raise errors.IdempotencyInProgress

    def receipt(
        self, claim: Claim | None, *, fingerprint: str, status: int, write: Callable[[T], str]
    ) -> Callable[[AsyncConnection, T], Awaitable[None]]:
        """
        Return what calls *write*, and `complete` with what it wrote, in a caller's transaction.

        Without a *claim*, there is nothing to be remembered.
        """

        async def write_down(connection: AsyncConnection, accepted: T) -> None:
            body = write(accepted)
            if claim:
                await self.complete(
                    connection, claim, fingerprint=fingerprint, status=status, body=body
                )

        return write_down

    async def release(self, claim: Claim) -> None:
        """
        Let the key be used again, unless it is answered: nothing was accepted.

        That is done even if the caller is canceled meanwhile: whoever hung up will come back.
        """
        task = asyncio.create_task(self._release(claim))
        self._tasks.add(task)  # the event loop itself only holds weak references
        task.add_done_callback(self._tasks.discard)
        await asyncio.shield(task)

    async def drain(self) -> None:
        """Wait for what callers that went away left to be done; to be called at shutdown."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def replay(self, remembered: Remembered, *, fingerprint: str) -> Remembered:
        """Return *remembered*. Raises IdempotencyConflict when that was for other contents."""
        if remembered.fingerprint != fingerprint:
            raise errors.IdempotencyConflict
        return remembered

    async def sweep(self) -> int:
        """
        Forget what is over; return how much that was.

        A claim stays for as long again as it lasted, because a holder who is merely slow may still
        complete it.
        """
        count = 0
        while gone := await self._forget():
            count += gone
        return count

    async def _release(self, claim: Claim) -> None:
        async with self._database.transaction() as connection:
            await idempotency.release(connection, claim)

    async def _forget(self) -> int:
        async with self._database.transaction() as connection:
            return await idempotency.forget(
                connection, before=self._now() - self._lease, limit=BATCH
            )


def _checked(key: str | None) -> str:
    if not key:
        raise errors.MissingIdempotencyKey
    if not _KEY.fullmatch(key):
        raise errors.BadIdempotencyKey
    return key
