"""Sessions: pictures that are worked on for a while, and forgotten when nobody does any more."""

import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services.results import FOREVER
from pixmill.services.sessions.endings import Endings
from pixmill.services.sessions.types import (
    LIFE,
    MEMORY,
    MOST_PICTURES,
    PERSON,
    Content,
    Export,
    Picture,
    Session,
    Texts,
    Upload,
    View,
    dump_texts,
)
from pixmill.services.sessions.using import find, use
from pixmill.services.uploads import Uploads
from pixmill.stores import runs, sessions
from pixmill.stores.db import Database

#: Sessions of one step of a sweep.
STEP = 50


class Sessions:
    """The sessions of all accounts. Whoever calls for one uses it, and so makes it live on."""

    def __init__(  # noqa: PLR0913 - the last three are only ever said in tests
        self,
        *,
        database: Database,
        uploads: Uploads,
        endings: Endings,
        now: clock.Clock = clock.now,
        life: timedelta = LIFE,
        memory: timedelta = MEMORY,
    ) -> None:
        self._database = database
        self._uploads = uploads
        self._endings = endings
        self._now = now
        self.life = life
        self._memory = memory

    async def create(self, *, account_id: str, uploads: Sequence[Upload]) -> Content:
        """Begin a session with *uploads*. Raises UploadIncomplete."""
        now = self._now()
        session = Session(
            id=f"sess_{secrets.token_hex(12)}",
            account_id=account_id,
            pictures=len(uploads),
            created_at=now,
            used_at=now,
        )
        async with self._database.transaction() as connection:
            await sessions.add(connection, session)
            pictures = await self._add(connection, session, uploads)
        return Content(session=session, pictures=pictures)

    async def add(self, *, id_: str, account_id: str, uploads: Sequence[Upload]) -> Content:
        """Add *uploads*, and return the session with these alone. Raises TooManyFiles."""
        async with self._database.transaction() as connection:
            session = await self._use(connection, id_, account_id, more=len(uploads))
            if session.pictures > MOST_PICTURES:
                raise errors.TooManyFiles(f"A session has at most {MOST_PICTURES} images.")
            pictures = await self._add(connection, session, uploads)
        return Content(session=session, pictures=pictures)

    async def all(self, *, account_id: str, limit: int, start: int = 0) -> list[Session]:
        """Return the account's living sessions, the newest first; that does not use them."""
        since = self._now() - self.life
        async with self._database.reading() as connection:
            return await sessions.of_account(
                connection, account_id=account_id, since=since, limit=limit, start=start
            )

    async def find(self, *, id_: str, account_id: str) -> Content:
        """Return the session and all that is in it. Raises SessionNotFound or SessionExpired."""
        async with self._database.transaction() as connection:
            session = await self._use(connection, id_, account_id)
        async with self._database.reading() as connection:
            return Content(
                session=session,
                pictures=await sessions.pictures_of(connection, session_id=id_),
                files=await runs.exported(connection, session_id=id_),
                running=await runs.living(connection, session_id=id_),
            )

    async def use(self, *, id_: str, account_id: str) -> None:
        """Say that the account uses its session. Raises as `find`."""
        async with self._database.transaction() as connection:
            await self._use(connection, id_, account_id)

    async def look(self, *, id_: str, account_id: str, limit: int, start: int = 0) -> View:
        """Return a part of what `find` does, which does not use the session. Raises as `find`."""
        async with self._database.reading() as connection:
            return View(
                session=await find(
                    connection, id_=id_, account_id=account_id, now=self._now(), life=self.life
                ),
                tally=await sessions.tally(connection, session_id=id_),
                pictures=await sessions.pictures_of(
                    connection, session_id=id_, limit=limit, start=start
                ),
                files=await runs.exported(connection, session_id=id_),
            )

    async def file(self, *, id_: str, account_id: str, name: str) -> Export:
        """Return the exported file of that name. Raises NotFound, and what `find` raises."""
        async with self._database.transaction() as connection:
            await self._use(connection, id_, account_id)
            found = await runs.exported(connection, session_id=id_, name=name)
        if not found:
            raise errors.NotFound
        return found[0]

    async def edit(
        self,
        *,
        id_: str,
        account_id: str,
        picture_id: str,
        texts: Texts,
        approved: bool = False,
    ) -> Picture:
        """Let *texts* be what is said of a picture. Raises ImageNotFound, and as `find`."""
        async with self._database.transaction() as connection:
            await self._use(connection, id_, account_id)
            picture = await sessions.picture(connection, session_id=id_, id_=picture_id)
            if picture is None:
                raise errors.ImageNotFound
            words = dump_texts(texts)
            await sessions.describe(
                connection,
                session_id=id_,
                id_=picture_id,
                status="edited",
                engine=PERSON,
                words=words,
                approved=approved,
            )
        return replace(
            picture, status="edited", engine=PERSON, words=words, error=None, approved=approved
        )

    async def approve(
        self, *, id_: str, account_id: str, picture_ids: Sequence[str] | None = None
    ) -> int:
        """
        Say that somebody has looked at what is said of pictures, or of all; return of how many.

        That holds until they are described anew, or edited. Raises as `find`.
        """
        async with self._database.transaction() as connection:
            await self._use(connection, id_, account_id)
            return await sessions.approve(connection, session_id=id_, ids=picture_ids)

    async def picture(self, *, id_: str, account_id: str, picture_id: str) -> Picture:
        """Return a picture of the account's session, which that does not use. Raises NotFound."""
        async with self._database.reading() as connection:
            session = await sessions.find(connection, id_=id_, account_id=account_id)
            found = None
            if session and session.ended_at is None:
                found = await sessions.picture(connection, session_id=id_, id_=picture_id)
        if found is None:
            raise errors.NotFound("The session has no image with this id.")
        return found

    async def delete(self, *, id_: str, account_id: str) -> None:
        """Remove the session and all its files; what still runs is over. Raises as `find`."""
        async with self._database.transaction() as connection:
            await self._use(connection, id_, account_id)
            gone = await self._clear(connection, id_)
            await sessions.delete(connection, id_=id_)
        await self._endings.remove(gone, account_id=account_id)

    async def sweep(self) -> None:
        """End sessions that nobody uses, and forget those that ended long ago."""
        while await self._end_some() == STEP:
            pass
        async with self._database.transaction() as connection:
            before = self._now() - self._memory
            for id_ in await sessions.ended(connection, before=before, limit=STEP):
                await sessions.delete(connection, id_=id_)

    async def _end_some(self) -> int:
        now = self._now()
        gone: list[tuple[str, list[str]]] = []
        async with self._database.transaction() as connection:
            idle = await sessions.unused(connection, since=now - self.life, limit=STEP)
            for session in idle:
                gone.append((session.account_id, await self._clear(connection, session.id)))
                await sessions.end(connection, id_=session.id, now=now)
        for account_id, results in gone:
            await self._endings.remove(results, account_id=account_id)
        return len(idle)

    async def _use(
        self, connection: AsyncConnection, id_: str, account_id: str, *, more: int = 0
    ) -> Session:
        return await use(
            connection,
            id_=id_,
            account_id=account_id,
            now=self._now(),
            life=self.life,
            more=more,
        )

    async def _add(
        self, connection: AsyncConnection, session: Session, uploads: Sequence[Upload]
    ) -> list[Picture]:
        first = session.pictures - len(uploads) + 1
        pictures = [
            Picture(
                session_id=session.id,
                id=f"img_{number:03}",
                number=number,
                key=upload.key,
                filename=upload.filename,
                size=upload.size,
                format=upload.format,
                width=upload.width,
                height=upload.height,
            )
            for number, upload in enumerate(uploads, first)
        ]
        for upload in uploads:
            await self._uploads.claim(connection, key=upload.key, until=FOREVER)
        await sessions.add_pictures(connection, pictures)
        return pictures

    async def _clear(self, connection: AsyncConnection, id_: str) -> list[str]:
        """Remove what is in a session, and return the ids of results that nobody needs."""
        for run_id in await runs.living(connection, session_id=id_):
            await self._endings.cancel(connection, run_id=run_id)
        files = await runs.exported(connection, session_id=id_)
        await runs.forget(connection, session_id=id_)
        for key in await sessions.delete_pictures(connection, session_id=id_):
            await self._uploads.release(connection, key=key)
        return [file.result_id for file in files]
