"""The work on each picture: measure it, find or ask for its words, and keep them."""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pixmill import errors
from pixmill.cli import files
from pixmill.cli.analyze import sidecars
from pixmill.cli.analyze.files import Found
from pixmill.cli.analyze.keeping import embedded, with_sidecar
from pixmill.cli.analyze.sidecars import Place
from pixmill.cli.analyze.types import Image, Order, Source, merged
from pixmill.cli.files import Read
from pixmill.engine.types import Limits
from pixmill.engine.words.types import Words
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool
from pixmill.services.production import measure
from pixmill.services.vision.filenames import local_name, unique
from pixmill.services.vision.providers import describe
from pixmill.services.vision.types import LOCAL, TEXT_FIELDS, Described, Style, Vision

#: A note: there is a sidecar, but it is not this picture's.
STALE = "sidecar_of_another_picture"


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What all pictures of one call share."""

    pool: Pool
    limits: Limits
    vision: Vision | None
    style: Style
    order: Order
    places: int  #: pictures at one time

    async def run(self, found: Sequence[Found], done: Callable[[], object]) -> list[Image]:
        """Return what became of each of *found*; call *done* after each."""
        turns = asyncio.Semaphore(self.places)

        async def one(each: Found) -> Image:
            async with turns:
                image = await self._analyze(each)
            done()
            return image if self.order.previews else replace(image, preview=b"")

        images = await asyncio.gather(*map(one, found))
        names = iter(unique([image.filename for image in images if image.filename]))
        return [
            replace(image, filename=next(names)) if image.filename else image for image in images
        ]

    async def _analyze(self, found: Found) -> Image:
        image = Image(file=found.name, error=found.error)
        if found.error:
            return image
        try:
            read = await asyncio.to_thread(files.read, found.path)
            image = await self._measured(image, found, read)
            place = await asyncio.to_thread(sidecars.look, found.path)
            image = await self._described(image, found, place)
            if self.order.embed:
                image = await asyncio.to_thread(embedded, image, found.path, read)
            # One that was used is kept in step with its picture, so that it can be used again.
            if self.order.sidecar or (image.embedded and "sidecar" in image.sources.values()):
                overwrite = self.order.overwrite or STALE not in image.notes
                image = await asyncio.to_thread(with_sidecar, image, place, overwrite=overwrite)
        except errors.Error as error:
            return replace(image, error=str(error))
        except OSError as error:
            return replace(image, error=error.strerror or "It could not be read or written.")
        return image

    async def _measured(self, image: Image, found: Found, read: Read) -> Image:
        with await asyncio.to_thread(Blob.of, read.data) as blob:
            survey = await measure(pool=self.pool, limits=self.limits, blob=blob)
        words, sources = merged(("file", survey.words))
        return replace(
            image,
            sha256=hashlib.sha256(read.data).hexdigest(),
            engine=LOCAL,
            words=words,
            sources=sources,
            filename=local_name(words.title, found.path.name),
            facts=survey.facts(),
            preview=survey.data,
        )

    async def _described(self, image: Image, found: Found, place: Place) -> Image:
        """Add what a sidecar says of the picture, and what a model says if that is wanted."""
        said: list[tuple[Source, Words]] = [("file", image.words)]
        decided = False  # somebody could read in a sidecar what the alternative text will be
        if sidecar := place.sidecar:
            if sidecar.sha256 == image.sha256:
                said.insert(0, ("sidecar", sidecar.words))
                decided = sidecar.words.alt is not None
                image = replace(image, engine=sidecar.engine)
            else:
                image = replace(image, notes=(*image.notes, STALE))
        words, sources = merged(*said)
        described: Described | None = None
        if self.vision and not decided and self._wants_more(words):
            described = await describe(
                self.vision, image.preview, style=self.style, hints=[found.path.name]
            )
            # Words in the file may be a person's.
            at = said.index(("file", image.words)) + (not self.order.overwrite)
            said.insert(at, ("model", _words(described)))
            words, sources = merged(*said)
            image = replace(image, engine=self.vision.model)
        name = described.filename if described else None
        return replace(
            image,
            words=words,
            sources=sources,
            filename=name or local_name(words.title, found.path.name),
        )

    def _wants_more(self, words: Words) -> bool:
        said = [getattr(words, name) for name in (*TEXT_FIELDS, "keywords")]
        return self.order.overwrite or not all(said)


def _words(described: Described) -> Words:
    return Words(
        title=described.title,
        alt=described.alt,
        caption=described.caption,
        description=described.description,
        keywords=described.keywords,
    )
