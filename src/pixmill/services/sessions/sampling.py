"""Samples: what an export would make of a picture, without making anything of it (PO-84)."""

from dataclasses import dataclass, replace

from pixmill.engine.types import Options
from pixmill.engine.words.types import Words
from pixmill.services.optimization import Optimization
from pixmill.services.results import Results, Stored
from pixmill.services.sessions.exporting import fitted
from pixmill.services.sessions.types import Picture, Recipe, load_texts
from pixmill.services.uploads import Uploads
from pixmill.stores.db import Database

#: Pictures of one request.
MOST_SAMPLES = 5

#: Pixels of the longer side of a thumbnail, twice what it is shown with, and how it looks.
THUMBNAIL_SIDE = 320
THUMBNAIL_QUALITY = 75

#: Pixels of the longer side of a preview, which is free and so not to replace an export.
PREVIEW_SIDE = 480


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What an export would make of one picture."""

    picture: Picture
    full: Stored  #: its numbers; nobody can have it
    preview: Stored  #: a small one with the same look, for a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """Shows how pictures would look; nothing is charged for it."""

    database: Database
    uploads: Uploads
    results: Results
    optimization: Optimization

    async def sample(self, *, account_id: str, picture: Picture, recipe: Recipe) -> Sample:
        """Try the first file of *recipe* on a picture. Raises what an export fails with."""
        options = fitted(recipe.wanted[0].options, picture, recipe)
        texts = load_texts(picture.words)
        words = texts.words() if texts and recipe.embed else Words()
        with await self.uploads.open(key=picture.key, size=picture.size) as blob:
            full = await self.optimization.prepare(
                account_id=account_id,
                blob=blob,
                options=options,
                filename=picture.filename,
                words=words,
            )
            while True:
                small = await self.optimization.prepare(
                    account_id=account_id,
                    blob=blob,
                    options=_small(options),
                    filename=picture.filename,
                )
                async with self.database.transaction() as connection:
                    if await self.results.enter(connection, small.stored):
                        break
                await self.results.discard(small.stored)
        return Sample(picture=picture, full=full.stored, preview=small.stored)

    async def thumbnail(self, *, account_id: str, picture: Picture) -> Stored:
        """Return a small WebP of *picture*, kept for a while. Raises what `sample` raises."""
        with await self.uploads.open(key=picture.key, size=picture.size) as blob:
            while True:
                small = await self.optimization.prepare(
                    account_id=account_id,
                    blob=blob,
                    options=Options(
                        format="webp",
                        quality=THUMBNAIL_QUALITY,
                        metadata="strip",
                        width=THUMBNAIL_SIDE,
                        height=THUMBNAIL_SIDE,
                        fit="inside",
                    ),
                    filename=picture.filename,
                )
                if small.cached and (known := await self._known(small.stored)):
                    return known
                async with self.database.transaction() as connection:
                    if await self.results.enter(connection, small.stored):
                        return small.stored
                await self.results.discard(small.stored)

    async def _known(self, stored: Stored) -> Stored | None:
        return await self.results.cached(account_id=stored.account_id, cache_key=stored.cache_key)


def _small(options: Options) -> Options:
    return replace(
        options,
        width=min(options.width or PREVIEW_SIDE, PREVIEW_SIDE),
        height=min(options.height or PREVIEW_SIDE, PREVIEW_SIDE),
        fit="inside",
    )
