"""Sources: uploads of which more is made later on, for as long as a result lives."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass, replace

from pixmill import errors
from pixmill.engine.preserve import Fact, preserve
from pixmill.engine.types import ImageInfo, Options
from pixmill.services.cache import cache_key, digest_of, engine_version
from pixmill.services.keys import Caller
from pixmill.services.links import Links
from pixmill.services.optimization import Finish, Optimization
from pixmill.services.outcome import Outcome
from pixmill.services.pool.blob import Blob
from pixmill.services.results import FOREVER, Results, Stored
from pixmill.services.uploads import Uploads
from pixmill.stores.results import SOURCE


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """An upload that was taken, and what it has become at once."""

    source: Stored
    optimized: Stored


class Sources:
    """
    Stored uploads.

    Each has a row among the results: it expires with them, and no other work has its cache key.
    Whoever has its name can have what it becomes, and never the upload, which may say where and by
    whom it was taken. So *links* are for a purpose of their own: none of them opens a result.
    """

    def __init__(
        self, *, results: Results, links: Links, uploads: Uploads, optimization: Optimization
    ) -> None:
        self._results = results
        self._links = links
        self._uploads = uploads
        self._optimization = optimization

    async def look(self, blob: Blob) -> ImageInfo:
        """Return what the header of *blob* says. Raises UnreadableImage or one of its kinds."""
        return await asyncio.to_thread(self._optimization.check, blob=blob, options=Options())

    async def take(self, *, caller: Caller, blob: Blob, info: ImageInfo, options: Options) -> Taken:
        """
        Keep *blob*, and optimize it for *caller*, who is charged for that.

        If that fails, nothing was kept.
        """
        account_id = caller.account.id
        width, height = info.upright_size
        upload = Outcome(
            data=blob.read(),
            format=info.format,
            mime=f"image/{info.format}",
            extension=info.format,
            width=width,
            height=height,
            frames=info.frames,
            how="original",
            score=None,
            original_size=blob.size,
        )
        digest = await asyncio.to_thread(digest_of, blob)
        source, _ = await self._results.keep(
            account_id=account_id, cache_key=f"{SOURCE}{digest}", outcome=upload
        )
        try:
            kept = await self._optimization.keep(
                caller=caller, blob=blob, options=options, filename=None
            )
        except BaseException:
            await self._results.delete(id_=source.id, account_id=account_id)
            raise
        return Taken(source=source, optimized=kept.stored)

    def name(self, source: Stored) -> str:
        """Return the name under which anybody can have what *source* becomes."""
        return f"{source.id}-{self._links.sign(source.id, expires_at=source.expires_at or FOREVER)}"

    async def find(self, name: str) -> Stored:
        """Return the living source with that *name*. Raises NotFound."""
        id_, token = name[:_ID_LENGTH], name[_ID_LENGTH + 1 :]
        if name != f"{id_}-{token}" or not self._links.verify(id_, token):
            raise errors.NotFound
        return await self._results.source(id_=id_)

    async def optimized(self, source: Stored, options: Options) -> Stored:
        """
        Return *source* as *options* say, which was paid for when it was taken.

        It is made anew where it was lost, or another version of the engine made it.
        """
        key = cache_key(digest=source.digest, options=options, engine=engine_version())
        found = await self._results.cached(account_id=source.account_id, cache_key=key)
        if found and not await self._results.missing([found]):
            return found
        with await self._open(source) as blob:
            made = await self._optimization.prepare(
                account_id=source.account_id, blob=blob, options=options, filename=None
            )
        if not await self._results.add(made.stored):
            await self._results.discard(made.stored)
            raise errors.Busy(detail="the result was given up before it was entered")
        return made.stored

    async def make(  # noqa: PLR0913 - each of them says one thing
        self,
        *,
        caller: Caller,
        source: Stored,
        options: Options,
        count: int,
        facts: Collection[Fact] = (),
        finish: Finish | None = None,
    ) -> Outcome:
        """
        Make something else of *source*, with *facts* of it, which counts as *count* requests.

        What *finish* does with it has to succeed before it counts.
        """
        with await self._open(source) as blob:

            async def complete(outcome: Outcome) -> Outcome:
                if facts:
                    data = await asyncio.to_thread(preserve, blob.read(), outcome.data, facts)
                    outcome = replace(outcome, data=data)
                return await finish(outcome) if finish else outcome

            if not count:
                stored = await self.optimized(source, options)
                return await complete(await self._results.recall(stored))
            return await self._optimization.run(
                caller=caller, blob=blob, options=options, count=count, finish=complete
            )

    async def _open(self, source: Stored) -> Blob:
        return await self._uploads.open(key=source.key, size=source.size)


#: Characters of a result's id.
_ID_LENGTH = 36
