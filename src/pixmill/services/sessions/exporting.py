"""An export: files made of a picture, with the words in them (PO-58 to PO-70)."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pixmill import errors
from pixmill.engine import words as embedding
from pixmill.engine.types import Options
from pixmill.engine.words.types import Words
from pixmill.services.jobs.endings import GivenUp
from pixmill.services.optimization import Optimization, Prepared
from pixmill.services.pool.blob import Blob
from pixmill.services.results import Results
from pixmill.services.sessions.endings import Endings, Spent
from pixmill.services.sessions.types import Done, Export, Recipe, Run, Task, Wanted, load_texts
from pixmill.services.uploads import Uploads
from pixmill.stores import sessions
from pixmill.stores.db import Database
from pixmill.stores.sessions import Picture

#: What becomes of formats that are read and not written, when their own is asked for (PO-76).
_INSTEAD = {"heic": "jpeg", "tiff": "jpeg", "bmp": "png"}

#: Told of a picture whose C2PA manifest is not in the files that are made of it: it is signed for
#: the picture as it was.
C2PA_DROPPED = "c2pa_dropped"
#: Told of files in a format that has no place for words.
WORDS_NOT_SUPPORTED = "words_not_supported"

_MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One file that is ready."""

    wanted: Wanted
    prepared: Prepared


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """Makes files of pictures."""

    database: Database
    uploads: Uploads
    results: Results
    optimization: Optimization
    endings: Endings

    async def do(self, run: Run, task: Task) -> Done | None:
        """Make all files of one picture, and put them where they can be downloaded."""
        async with self.database.reading() as connection:
            picture = await sessions.picture(
                connection, session_id=task.session_id, id_=task.picture_id
            )
        if picture is None:
            return None
        recipe = Recipe.load(run.settings)
        texts = load_texts(task.words) or load_texts(picture.words)
        words = texts.words() if texts and recipe.embed else Words()
        with await self.uploads.open(key=picture.key, size=picture.size) as blob:
            notes = await asyncio.to_thread(_notes, blob)
            while True:
                made = await self.make(picture, blob, recipe, words, account_id=run.account_id)
                try:
                    ended = await self._finish(run, task, picture, made, notes=notes, words=words)
                except GivenUp as given_up:
                    await self.results.discard(given_up.stored)
                else:
                    return _done(picture, made) if ended else None

    async def make(
        self, picture: Picture, blob: Blob, recipe: Recipe, words: Words, *, account_id: str
    ) -> list[Made]:
        """Make what *recipe* wants of a picture, but no file that would have to be enlarged."""
        made = []
        for number, wanted in enumerate(recipe.wanted):
            options = fitted(wanted.options, picture, recipe)
            if number and not _smaller(options, picture):
                continue
            prepared = await self.optimization.prepare(
                account_id=account_id,
                blob=blob,
                options=options,
                filename=picture.filename,
                words=words,
            )
            made.append(Made(wanted=wanted, prepared=prepared))
        return made

    async def _finish(  # noqa: PLR0913 - what there is at the end
        self,
        run: Run,
        task: Task,
        picture: Picture,
        made: list[Made],
        *,
        notes: list[str],
        words: Words,
    ) -> bool:
        base = task.name or picture.id
        files = [
            replace(
                each.prepared.stored,
                filename=f"{base}{each.wanted.suffix}.{_extension(each.prepared)}",
            )
            for each in made
        ]
        if words != Words() and any(stored.format not in embedding.WRITABLE for stored in files):
            notes = [*notes, WORDS_NOT_SUPPORTED]
        data: dict[str, Any] = {
            "filename": picture.filename,
            "size": picture.size,
            "notes": notes,
            "files": [
                {
                    "variant": each.wanted.name,
                    "name": stored.filename,
                    "result": stored.id,
                    "size": stored.size,
                    "width": stored.width,
                    "height": stored.height,
                    "format": stored.format,
                    "expires_at": stored.expires_at.isoformat() if stored.expires_at else None,
                }
                for each, stored in zip(made, files, strict=True)
            ],
        }
        rows = [
            Export(
                session_id=picture.session_id,
                name=stored.filename or stored.id,
                picture_id=picture.id,
                number=picture.number * _MOST_NAMES + number,
                variant=each.wanted.name,
                result_id=stored.id,
            )
            for number, (each, stored) in enumerate(zip(made, files, strict=True))
        ]
        async with self.database.transaction() as connection:
            ended = await self.endings.complete(
                connection,
                run=run,
                task=task,
                data=data,
                spent=Spent(bytes_in=picture.size, bytes_out=sum(stored.size for stored in files)),
                stored=files,
            )
            if not ended:
                return False
            before = await self.endings.export(connection, task=task, files=rows)
        await self.endings.remove(before, account_id=run.account_id)
        return True


def _done(picture: Picture, made: Sequence[Made]) -> Done:
    return Done(
        cached=all(each.prepared.cached for each in made),
        bytes_in=picture.size * len(made),
        bytes_out=sum(each.prepared.stored.size for each in made),
    )


def fitted(options: Options, picture: Picture, recipe: Recipe) -> Options:
    """Return *options* as they are for *picture*, whose own format may be asked for (PO-76)."""
    if options.format is None and picture.format in _INSTEAD:
        options = replace(options, format=_INSTEAD[picture.format])
    if (options.format or picture.format) in recipe.lossless:
        options = replace(options, lossless=True)
    return options


def _smaller(options: Options, picture: Picture) -> bool:
    """Say whether a result is smaller than the picture (PO-77)."""
    return (options.width is not None and options.width < picture.width) or (
        options.height is not None and options.height < picture.height
    )


def _extension(prepared: Prepared) -> str:
    return prepared.stored.extension.removeprefix(".")


def _notes(blob: Blob) -> list[str]:
    """Return what the owner of the picture should know before it is changed."""
    try:
        with blob.view() as data:
            return [C2PA_DROPPED] if embedding.c2pa(bytes(data)) else []
    except errors.UnreadableImage:  # whoever decodes it says so
        return []
