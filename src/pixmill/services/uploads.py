"""Uploads: what jobs are made of lies among the stored bytes until nobody needs it any more."""

import secrets
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.pool.blob import Blob
from pixmill.stores import leases
from pixmill.stores.db import Database
from pixmill.stores.objects import Objects

#: How long an upload stays for which no job is accepted: longer than a request can take.
PATIENCE = timedelta(hours=2)


class Uploads:
    """Stored uploads, each for one job at a time."""

    def __init__(
        self, *, database: Database, objects: Objects, now: clock.Clock = clock.now
    ) -> None:
        self._database = database
        self._objects = objects
        self._now = now

    async def keep(self, blob: Blob) -> str:
        """
        Store *blob*, and return the key that `claim` is to be called with.

        Without it, a sweep deletes the upload after some hours. Raises StorageFull or Unavailable.
        """
        # Not shared with equal uploads: each is deleted when its own job is over.
        name = f"{secrets.token_hex(16)}-upload"
        async with self._database.transaction() as connection:
            key = await leases.hold(connection, digest=name, until=self._now() + PATIENCE)
        await self._objects.put(key, blob.read())
        return key

    async def claim(self, connection: AsyncConnection, *, key: str, until: datetime) -> None:
        """Make the upload stay, in the caller's transaction. Raises UploadIncomplete."""
        if not await leases.extend(connection, key=key, until=until):
            raise errors.UploadIncomplete(detail=f"{key} was given up before it was claimed")

    async def holds(self, connection: AsyncConnection, *, key: str) -> bool:
        """Say, in the caller's transaction, whether the upload is there and can be claimed."""
        return await leases.extend(connection, key=key, until=self._now())

    async def release(
        self, connection: AsyncConnection, *, key: str, after: timedelta = timedelta()
    ) -> None:
        """Say, in the caller's transaction, that nobody needs the upload *after* some time."""
        await leases.shorten(connection, key=key, until=self._now() + after)

    async def open(self, *, key: str, size: int) -> Blob:
        """Return what was stored; close it after use. Raises ResultGone or Busy."""
        blob = Blob()
        try:
            async for piece in await self._objects.open(key, size=size):
                blob.write(piece)
        except OSError as error:  # no memory for it
            blob.close()
            raise errors.Busy(detail=str(error)) from error
        except BaseException:
            blob.close()
            raise
        blob.seal()
        return blob
