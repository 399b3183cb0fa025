"""Guests: whoever uses the public page without an account."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from pydantic import ByteSize

from pixmill import clock, errors
from pixmill.services import accounts
from pixmill.services.keys import Caller, Keys
from pixmill.services.limits import RateLimits
from pixmill.stores import accounts as account_rows
from pixmill.stores.db import Database

#: The account that all guests share.
EMAIL = accounts.GUEST
#: What it is on.
PLAN = "guest"
#: How long what they had made is kept at most, whatever the settings say of others.
LIFETIME = timedelta(hours=24)


class Guests:
    """
    What guests may do.

    *images* is how many a day one address may have optimized; with 0 there are no guests.
    """

    def __init__(  # noqa: PLR0913 - what guests are about
        self,
        *,
        database: Database,
        keys: Keys,
        limits: RateLimits,
        images: int,
        max_file_size: int,
        now: clock.Clock = clock.now,
    ) -> None:
        self.images = images
        self._database = database
        self._keys = keys
        self._limits = limits
        self._max_file_size = max_file_size
        self._now = now
        self._account_id: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def caller(self) -> Caller:
        """Return who guests are to everybody else; the account is made the first time."""
        if self._account_id is None:
            self._account_id = await self._account()
        caller = await self._keys.website(account_id=self._account_id)
        size = ByteSize(min(caller.plan.max_file_size, self._max_file_size))
        return replace(caller, plan=replace(caller.plan, max_file_size=size))

    @asynccontextmanager
    async def admit(self, *, address: str) -> AsyncIterator[Caller]:
        """
        Take one image of what *address* has a day, and give it back when the block fails.

        Raises GuestLimitReached, RateLimited for too many in a minute, of which nothing is given
        back, and Unavailable as `RateLimits.spend` does.
        """
        if not self.images:
            raise self._reached()
        try:
            await self._limits.spend_guest(address=address, limit=self.images)
        except errors.RateLimited as error:
            if error.window == "minute":
                raise
            raise self._reached() from error
        try:
            yield await self.caller()
        except BaseException:
            # Also for one who hung up, whose task is canceled.
            giving = asyncio.create_task(
                self._limits.return_guest(address=address, limit=self.images)
            )
            self._tasks.add(giving)
            giving.add_done_callback(self._tasks.discard)
            await asyncio.shield(giving)
            raise

    async def left(self, *, address: str) -> int | None:
        """Return how many images *address* may have optimized today; None: nobody can say."""
        if not self.images:
            return 0
        return await self._limits.guest_left(address=address, limit=self.images)

    async def _account(self) -> str:
        with suppress(errors.NotFound):
            return await self._found()
        try:
            async with self._database.transaction() as connection:
                made = await accounts.create(connection, email=EMAIL, plan=PLAN, now=self._now)
        except errors.Conflict:  # somebody else was quicker
            return await self._found()
        return made.id

    async def _found(self) -> str:
        """Return the id of the guests' account. Raises NotFound, and Internal if it is no such."""
        async with self._database.reading() as connection:
            account = await accounts.find(connection, name=EMAIL)
            hashed = await account_rows.password_hash(connection, id_=account.id)
        if hashed or account.plan != PLAN:
            raise errors.Internal(
                detail=f"{EMAIL} is somebody's account: it has a password, or a plan that is not "
                f"{PLAN!r}. There are no guests while it is so."
            )
        return account.id

    def _reached(self) -> errors.GuestLimitReached:
        tomorrow = self._now().astimezone(UTC).date() + timedelta(days=1)
        return errors.GuestLimitReached(
            limit=self.images, reset_at=datetime.combine(tomorrow, time(), tzinfo=UTC)
        )
