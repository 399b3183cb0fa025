"""A studio: all that sessions touch, over a mill, with a real server that has a model."""

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image

from pixmill.engine.colors import Color
from pixmill.engine.metadata.shot import Shot
from pixmill.engine.survey import Survey
from pixmill.engine.types import Options
from pixmill.engine.words.types import Words
from pixmill.services.credits import Credits
from pixmill.services.keys import Caller
from pixmill.services.pool.blob import Blob
from pixmill.services.sessions.describing import Describing
from pixmill.services.sessions.endings import Endings
from pixmill.services.sessions.exporting import Exporting
from pixmill.services.sessions.runs import Runs, Terms
from pixmill.services.sessions.sessions import Sessions
from pixmill.services.sessions.types import News, Pick, Recipe, Run, Texts, Upload, Wanted
from pixmill.services.sessions.work import Work
from pixmill.services.vision.types import Style, Vision
from services.jobs.mill import BASE, Mill, picture
from services.vision.server import Answer, Asked, Handler, saying, streaming

#: What is in the name of a picture that the model does not describe.
UGLY = "ugly"

TERMS = Terms(base_url=BASE)
RECIPE = Recipe(wanted=(Wanted(name="full", suffix="", options=Options(format="webp")),))


def _preview() -> bytes:
    file = BytesIO()
    Image.new("RGB", (8, 8), "teal").save(file, "JPEG")
    return file.getvalue()


_SURVEY = Survey(
    format="png",
    width=8,
    height=8,
    file_size=100,
    frames=1,
    alpha=False,
    colors=(Color(hex="#008080", share=1.0),),
    sharpness=0.0,
    shot=Shot(),
    gps=False,
    words=Words(),
    c2pa=False,
    data=_preview(),
)


async def press(data: bytes, options: Options) -> bytes:
    """Make a picture that words can be put into."""
    file = BytesIO()
    Image.open(BytesIO(data)).save(file, options.format or "png", lossless=True)
    return file.getvalue()


async def survey(_blob: Blob, *, memory_size: int, patient: bool = False) -> Survey:
    """Stand where a codec process measures."""
    assert memory_size > 0
    assert patient
    return _SURVEY


def describe_or_refuse(handler: Handler, asked: Asked) -> None:
    """Answer as a model does that cannot look at what is ugly."""
    answer: Answer = saying(400, {"error": {"message": "no"}})
    if UGLY not in json.dumps(asked.body):
        answer = streaming()
    answer(handler, asked)


@dataclass
class Studio:
    """Sessions on one node."""

    mill: Mill
    vision: Vision | None
    places: int = 3
    credits: Credits = field(init=False)
    sessions: Sessions = field(init=False)
    runs: Runs = field(init=False)

    def __post_init__(self) -> None:
        mill = self.mill
        mill.press.mood = press
        mill.press.survey = survey  # type: ignore[attr-defined] # a pool can do both
        self.credits = Credits(database=mill.database, now=mill.clock)
        self.endings = Endings(
            results=mill.results, credits=self.credits, webhooks=mill.webhooks, now=mill.clock
        )
        self.sessions = Sessions(
            database=mill.database, uploads=mill.uploads, endings=self.endings, now=mill.clock
        )
        self.runs = Runs(
            database=mill.database,
            queue=mill.queue,
            credits=self.credits,
            endings=self.endings,
            describes=self.vision is not None,
            now=mill.clock,
        )

    def work(self, *, stopping: bool = False) -> Work:
        mill = self.mill
        return Work(
            database=mill.database,
            queue=mill.queue,
            endings=self.endings,
            traffic=mill.traffic,
            crafts={
                "analyze": Describing(
                    database=mill.database,
                    uploads=mill.uploads,
                    optimization=mill.optimization,
                    vision=self.vision,
                    endings=self.endings,
                ),
                "export": Exporting(
                    database=mill.database,
                    uploads=mill.uploads,
                    results=mill.results,
                    optimization=mill.optimization,
                    endings=self.endings,
                ),
            },
            places={"analyze": self.places, "export": self.places},
            stopping=lambda: stopping,
        )

    async def work_off(self) -> None:
        """Do all that waits in the queue."""
        work = self.work()
        while waiting := await self.mill.waiting("runs"):
            for id_, run_id in waiting:
                await self.mill.take(id_)
                await work.run(run_id)

    async def upload(self, number: int, filename: str) -> Upload:
        data = picture(number)
        return Upload(
            key=await self.mill.keep(data),
            filename=filename,
            size=len(data),
            format="png",
            width=8,
            height=8,
        )

    async def session(self, caller: Caller, *filenames: str) -> str:
        """Begin a session with pictures of those names, and return its id."""
        uploads = [await self.upload(number, name) for number, name in enumerate(filenames)]
        content = await self.sessions.create(account_id=caller.account.id, uploads=uploads)
        return content.session.id

    async def analyze(self, caller: Caller, session_id: str, *ids: str, **terms: Any) -> Run:
        return await self.runs.analyze(
            caller=caller,
            session_id=session_id,
            picks=[Pick(picture_id=id_) for id_ in ids],
            style=Style(),
            terms=Terms(base_url=BASE, **terms),
        )

    async def export(
        self,
        caller: Caller,
        session_id: str,
        *ids: str,
        texts: Texts | None = None,
        terms: Terms = TERMS,
    ) -> Run:
        return await self.runs.export(
            caller=caller,
            session_id=session_id,
            picks=[Pick(picture_id=id_, texts=texts) for id_ in ids],
            recipe=RECIPE,
            terms=terms,
        )

    async def heard(self, run: Run, *, after: int = 0) -> list[News]:
        return [
            news
            async for news in self.runs.follow(
                session_id=run.session_id, run_id=run.id, after=after
            )
        ]

    async def so_far(self, run: Run) -> list[News]:
        """Return what has happened, without waiting for more."""
        found: list[News] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                async for news in self.runs.follow(session_id=run.session_id, run_id=run.id):
                    found.append(news)  # noqa: PERF401 - what has come by then is kept
        return found

    async def balance(self, caller: Caller) -> int:
        balance = (await self.credits.balance(account=caller.account.id)).balance
        assert balance is not None
        return balance


def names(news: Sequence[News]) -> list[str]:
    """Return what happened, without how a description grew."""
    return [each.name for each in news if each.name != "partial"]
