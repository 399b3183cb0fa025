"""An analysis: what a picture is, what is written in it, and what a model says that it shows."""

import json
import time
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.engine.survey import Survey
from pixmill.services.optimization import Optimization
from pixmill.services.sessions.endings import Endings, Spent
from pixmill.services.sessions.types import Done, Run, Task, Texts, dump_texts, load_texts
from pixmill.services.uploads import Uploads
from pixmill.services.vision.filenames import local_name, unique
from pixmill.services.vision.text import cut
from pixmill.services.vision.types import LOCAL, Described, Lengths, Partial, Style, Vision
from pixmill.stores import sessions
from pixmill.stores.db import Database
from pixmill.stores.sessions import Picture

#: Seconds between two words of how far a description is.
PARTIAL_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Describing:
    """Describes pictures."""

    database: Database
    uploads: Uploads
    optimization: Optimization
    vision: Vision | None
    endings: Endings

    async def do(self, run: Run, task: Task) -> Done | None:
        """Describe one picture; without a model, tell what is known of it anyway (PO-56)."""
        picture = await self._picture(task)
        if picture is None:
            return None
        try:
            return await self._describe(run, task, picture)
        except errors.Busy as error:
            if isinstance(error, errors.VisionUnavailable):
                await self._remember_failure(task, error)
            raise
        except errors.Error as error:
            await self._remember_failure(task, error)
            raise

    async def _describe(self, run: Run, task: Task, picture: Picture) -> Done | None:
        with await self.uploads.open(key=picture.key, size=picture.size) as blob:
            survey = await self.optimization.survey(blob)
        if self.vision:
            described = await self._see(self.vision, run, task, picture, survey)
            texts, engine = _said(described, picture), self.vision.model
        else:
            texts, engine = _known(picture, survey), LOCAL
        facts = survey.facts()
        async with self.database.transaction() as connection:
            await sessions.lock(connection, id_=run.session_id)
            texts = await _named_once(connection, picture, texts)
            ended = await self.endings.complete(
                connection,
                run=run,
                task=task,
                data={"texts": json.loads(dump_texts(texts)), "engine": engine, "facts": facts},
                spent=Spent(charged=self.vision is not None, bytes_in=picture.size),
            )
            if ended:
                await sessions.describe(
                    connection,
                    session_id=picture.session_id,
                    id_=picture.id,
                    status="described",
                    engine=engine,
                    words=dump_texts(texts),
                    facts=json.dumps(facts),
                )
        return Done() if ended else None

    async def _see(
        self, vision: Vision, run: Run, task: Task, picture: Picture, survey: Survey
    ) -> Described:
        """Return what the model says, and tell of it while it does."""
        asked: dict[str, Any] = json.loads(run.settings)
        style = Style(language=asked["language"], house_style=asked["house_style"])
        told_at = time.monotonic()
        answers = vision.describe(survey.data, style=style, hints=[picture.filename])
        async with aclosing(answers):
            async for answer in answers:
                if isinstance(answer, Described):
                    return answer
                if time.monotonic() >= told_at + PARTIAL_SECONDS:
                    told_at = time.monotonic()
                    await self._tell_partial(run, task, answer)
        raise errors.VisionFailed(detail="no end")

    async def _tell_partial(self, run: Run, task: Task, partial: Partial) -> None:
        data = {"picture": task.picture_id, "field": partial.field, "text": partial.text}
        async with self.database.transaction() as connection:
            await self.endings.tell(connection, run=run, name="partial", data=data)

    async def _picture(self, task: Task) -> Picture | None:
        async with self.database.reading() as connection:
            return await sessions.picture(
                connection, session_id=task.session_id, id_=task.picture_id
            )

    async def _remember_failure(self, task: Task, error: errors.Error) -> None:
        async with self.database.transaction() as connection:
            await sessions.fail(
                connection, session_id=task.session_id, id_=task.picture_id, error=str(error)
            )


def _said(described: Described, picture: Picture) -> Texts:
    return Texts(
        title=described.title,
        alt=described.alt,
        caption=described.caption,
        description=described.description,
        filename=described.filename or local_name(described.title, picture.filename),
        keywords=described.keywords,
    )


def _known(picture: Picture, survey: Survey) -> Texts:
    """Return the words that are in the file; nothing is made up (PO-56)."""
    words = survey.words
    return Texts(
        title=words.title,
        alt=words.alt and cut(words.alt, Lengths().alt),
        caption=words.caption,
        description=words.description,
        filename=local_name(words.title, picture.filename),
        keywords=words.keywords,
    )


async def _named_once(connection: AsyncConnection, picture: Picture, texts: Texts) -> Texts:
    """Give *texts* a file name that no other picture of the session has."""
    if texts.filename is None:
        return texts
    others = await sessions.words_of(connection, session_id=picture.session_id)
    others.pop(picture.id, None)
    taken = [found.filename for found in map(load_texts, others.values()) if found]
    [filename] = unique([texts.filename], taken=[name for name in taken if name])
    return replace(texts, filename=filename)
