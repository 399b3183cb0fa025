"""Runs: what is ordered for the pictures of a session is accepted in one transaction."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import holds
from pixmill.services.credits import Credits
from pixmill.services.keys import Caller
from pixmill.services.queue.queue import Queue
from pixmill.services.sessions.endings import Endings
from pixmill.services.sessions.names import Chosen, bases
from pixmill.services.sessions.types import (
    LIFE,
    MOST_AT_ONCE,
    OVER,
    RUNS,
    Kind,
    News,
    Pick,
    Recipe,
    Run,
    Task,
    dump_texts,
)
from pixmill.services.sessions.using import use
from pixmill.services.vision.types import Style
from pixmill.stores import keys, runs, sessions
from pixmill.stores.db import Database

#: Seconds between two looks at a session that somebody follows.
LOOK_SECONDS = 0.25
#: Events of one look.
STEP = 200
#: Runs of one step of a sweep.
SWEEP_STEP = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a run is paid for, and who is told of it."""

    base_url: str  #: of links in what is told later
    webhook_url: str | None = None
    deduction_id: str | None = None  #: it was paid for before (PO-99)
    alone: bool = False  #: refused while another of its kind works on the session


class Runs:
    """What is done with the pictures of sessions."""

    def __init__(  # noqa: PLR0913 - what a run touches
        self,
        *,
        database: Database,
        queue: Queue,
        credits: Credits,  # noqa: A002 - the name that only a console has
        endings: Endings,
        describes: bool,
        now: clock.Clock = clock.now,
        life: timedelta = LIFE,
    ) -> None:
        self._database = database
        self._queue = queue
        self._credits = credits
        self.endings = endings
        self.describes = describes  #: a model is configured; without, an analysis costs nothing
        self._now = now
        self._life = life

    async def analyze(
        self,
        *,
        caller: Caller,
        session_id: str,
        picks: Sequence[Pick],
        style: Style,
        terms: Terms,
    ) -> Run:
        """
        Have pictures described; without *picks*, all of the session.

        Raises SessionNotFound, SessionExpired, ImageNotFound, MissingInput, TooManyFiles,
        InsufficientCredits, what `Credits.redeem_in` raises, and Conflict where *terms* say so;
        then nothing was taken.
        """
        settings = json.dumps({"language": style.language, "house_style": style.house_style})
        return await self._accept(
            caller, session_id, picks, kind="analyze", settings=settings, terms=terms
        )

    async def export(
        self,
        *,
        caller: Caller,
        session_id: str,
        picks: Sequence[Pick],
        recipe: Recipe,
        terms: Terms,
    ) -> Run:
        """Have files made of pictures; without *picks*, of all. Raises what `analyze` raises."""
        return await self._accept(
            caller, session_id, picks, kind="export", settings=recipe.dump(), terms=terms
        )

    async def find(self, *, id_: str, account_id: str) -> tuple[Run, list[Task]]:
        """Return the account's run and its tasks. Raises NotFound."""
        async with self._database.reading() as connection:
            run = await runs.find(connection, id_=id_)
            if run is None or run.account_id != account_id:
                raise errors.NotFound
            return run, await runs.tasks_of(connection, run_id=id_)

    async def running(self, *, session_id: str, account_id: str) -> list[Run]:
        """Return the runs of the account's session that are not over, the oldest first."""
        async with self._database.reading() as connection:
            return await runs.running(connection, session_id=session_id, account_id=account_id)

    async def follow(
        self, *, session_id: str, after: int = 0, run_id: str | None = None
    ) -> AsyncIterator[News]:
        """
        Give what happens in a session, or in one of its runs, after the *after*-th event.

        Ends with the run, or when no run of the session is left, and when the session is gone.
        """
        while True:
            # In this order: what happens between the two is heard in the next round.
            living = await self._living(session_id, run_id)
            async with self._database.reading() as connection:
                heard = await runs.heard(
                    connection, session_id=session_id, after=after, limit=STEP, run_id=run_id
                )
            for event in heard:
                after = event.number
                yield News(
                    number=event.number,
                    run_id=event.run_id,
                    name=event.name,  # type: ignore[arg-type] # as it was written
                    data=json.loads(event.data),
                )
                if run_id and event.name == OVER:
                    return
            if not heard:
                if not living:
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def wait(self, *, run: Run, closing: asyncio.Event) -> list[Task]:
        """Return the tasks of *run* once all are over. Raises Busy when *closing* is set."""
        while True:
            _, tasks = await self.find(id_=run.id, account_id=run.account_id)
            if all(task.state in {"completed", "failed"} for task in tasks):
                return tasks
            if closing.is_set():
                raise errors.Busy("The server stops; the work goes on, ask for it later.")
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await closing.wait()

    async def sweep(self) -> None:
        """Give up runs that nobody has finished in time."""
        now = self._now()
        async with self._database.reading() as connection:
            late = await runs.late(connection, now=now, limit=SWEEP_STEP)
        for run in late:
            async with self._database.transaction() as connection:
                await self.endings.expire(connection, run_id=run.id)

    async def _living(self, session_id: str, run_id: str | None) -> bool:
        async with self._database.reading() as connection:
            living = await runs.living(connection, session_id=session_id)
        return run_id in living if run_id else bool(living)

    async def _accept(  # noqa: PLR0913 - what a run is
        self,
        caller: Caller,
        session_id: str,
        picks: Sequence[Pick],
        *,
        kind: Kind,
        settings: str,
        terms: Terms,
    ) -> Run:
        now = self._now()
        async with self._database.transaction() as connection:
            chosen = await self._chosen(connection, caller, session_id, picks)
            # The session is locked by now: of two that are ordered at once, one sees the other.
            if terms.alone and await runs.working(connection, session_id=session_id, kind=kind):
                raise errors.Conflict("That is being done already; wait until it is over.")
            run_id = f"run_{secrets.token_hex(12)}"
            free = kind == "analyze" and not self.describes
            held, deduction_id = 0, None
            if not free:
                held, deduction_id = await self._take(
                    connection,
                    caller,
                    kind=kind,
                    count=len(chosen),
                    run_id=run_id,
                    terms=terms,
                )
            run = Run(
                id=run_id,
                session_id=session_id,
                account_id=caller.account.id,
                key_id=caller.key.id,
                subject=caller.subject,
                period=clock.period(now),
                kind=kind,
                settings=settings,
                deduction_id=deduction_id,
                base_url=terms.base_url,
                webhook_url=terms.webhook_url,
                total=len(chosen),
                created_at=now,
                expires_at=now + self._life,
            )
            names: Sequence[str | None] = [None] * len(chosen)
            if kind == "export":
                names = bases(chosen, await runs.names(connection, session_id=session_id))
            tasks = [
                Task(
                    run_id=run_id,
                    number=number,
                    session_id=session_id,
                    picture_id=each.picture.id,
                    words=dump_texts(each.texts) if each.texts else None,
                    name=name,
                    held=held,
                )
                for number, (each, name) in enumerate(zip(chosen, names, strict=True))
            ]
            await runs.add(connection, run, tasks)
            await holds.hold(
                connection,
                subject=run.subject,
                period=run.period,
                names=[name for task in tasks for name in holds.names(task.id, task.held)],
                until=run.expires_at,
            )
            await keys.touch(connection, id_=caller.key.id, now=now)
            await self._queue.put(connection, lane=RUNS, id_=run.id, argument=run.id)
        return run

    async def _chosen(
        self,
        connection: AsyncConnection,
        caller: Caller,
        session_id: str,
        picks: Sequence[Pick],
    ) -> list[Chosen]:
        await use(connection, id_=session_id, account_id=caller.account.id, now=self._now())
        there = {
            picture.id: picture
            for picture in await sessions.pictures_of(connection, session_id=session_id)
        }
        if not there:
            raise errors.MissingInput("The session has no images.")
        chosen = [Chosen(picture=picture) for picture in there.values()]
        if picks:
            if not {pick.picture_id for pick in picks} <= there.keys():
                raise errors.ImageNotFound
            unique = {pick.picture_id: pick for pick in picks}
            chosen = [Chosen(picture=there[id_], texts=pick.texts) for id_, pick in unique.items()]
        if len(chosen) > MOST_AT_ONCE:
            raise errors.TooManyFiles(f"Too many images (max {MOST_AT_ONCE} per request)")
        return chosen

    async def _take(  # noqa: PLR0913 - what is paid, by whom, and for what
        self,
        connection: AsyncConnection,
        caller: Caller,
        *,
        kind: Kind,
        count: int,
        run_id: str,
        terms: Terms,
    ) -> tuple[int, str | None]:
        """
        Take what a run costs: credits, or requests of the month where the plan counts no credits.

        Returns how many requests are held for each picture, and what has paid otherwise.
        """
        what: dict[str, Any] = {
            "account": caller.account.id,
            "action": kind,
            "image_count": count,
            "subject": run_id,
            "actor": caller.key.id,
        }
        if terms.deduction_id is not None:
            charge = await self._credits.redeem_in(
                connection, deduction_id=terms.deduction_id, **what
            )
        else:
            charge = await self._credits.deduct_in(connection, **what)
        if charge.balance is not None:
            return 0, charge.id
        if caller.plan.hard_limit is None:
            return 0, None
        now = self._now()
        granted = await holds.granted(
            connection, caller=caller, needs=[1] * count, period=clock.period(now), now=now
        )
        if not all(granted):
            raise errors.InsufficientCredits(balance=sum(granted), needed=count)
        return 1, None
