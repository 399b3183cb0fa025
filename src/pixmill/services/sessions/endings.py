"""The end of a task: one transaction in which everything about it happens, exactly once."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import holds
from pixmill.services.credits import Credits
from pixmill.services.jobs.endings import GivenUp
from pixmill.services.results import Results, Stored
from pixmill.services.sessions.types import OVER, Event, EventName, Export, Run, Task
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.stores import runs, sessions

#: The dialect that tells of sessions.
DIALECT = "picture_optimizer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a task has cost."""

    charged: bool = True  #: it counts as a request, and its credit stays spent
    bytes_in: int = 0
    bytes_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """
    Ends tasks, and tells of them, in the caller's transactions.

    Everybody who changes a session locks its row first, and so nobody waits for somebody who waits.
    """

    results: Results
    credits: Credits
    webhooks: Webhooks
    now: clock.Clock = clock.now

    async def tell(
        self, connection: AsyncConnection, *, run: Run, name: EventName, data: Mapping[str, Any]
    ) -> None:
        """Add an event to the session's log, if there still is one."""
        number = await sessions.count_events(connection, id_=run.session_id, now=self.now())
        if number is not None:
            event = Event(
                session_id=run.session_id,
                number=number,
                run_id=run.id,
                name=name,
                data=json.dumps({"kind": run.kind, **data}),
            )
            await runs.tell(connection, [event])

    async def begin(self, connection: AsyncConnection, *, run: Run, task: Task) -> int | None:
        """Say that *task* is worked on; return how often that was, None if it is over."""
        await sessions.lock(connection, id_=run.session_id)
        taken = await runs.take(connection, task)
        if taken is None:
            return None
        turns, first = taken
        if first:
            data = {"picture": task.picture_id, "current": task.number + 1, "total": run.total}
            await self.tell(connection, run=run, name="begun", data=data)
        return turns

    async def complete(  # noqa: PLR0913 - how a task ended
        self,
        connection: AsyncConnection,
        *,
        run: Run,
        task: Task,
        data: Mapping[str, Any],
        spent: Spent,
        stored: Sequence[Stored] = (),
    ) -> bool:
        """
        End *task* with *data* to tell and results to enter, and charge for it.

        False: it has ended before. Raises GivenUp, and then nothing may be committed.
        """
        await sessions.lock(connection, id_=run.session_id)
        outcome = {"picture": task.picture_id, **data}
        if not await runs.end(connection, task, state="completed", outcome=json.dumps(outcome)):
            return False
        place = {"current": task.number + 1, "total": run.total}
        await self.tell(connection, run=run, name="done", data={**outcome, **place})
        # In one order everywhere: see `pixmill.stores.usage.add`.
        for each in sorted(stored, key=lambda result: result.key):
            if not await self.results.enter(connection, each):
                raise GivenUp(each)
        await self._pay(connection, run, task, spent)
        await self._count(connection, run, failed=False)
        return True

    async def fail(
        self, connection: AsyncConnection, *, run: Run, task: Task, error: errors.Error
    ) -> bool:
        """End *task* without a result; what it would have cost comes back (PO-93)."""
        await sessions.lock(connection, id_=run.session_id)
        if not await runs.end(
            connection, task, state="failed", code=error.code, message=str(error)
        ):
            return False
        back = await self._pay(connection, run, task, Spent(charged=False))
        data = {
            "picture": task.picture_id,
            "code": error.code,
            "message": str(error),
            "refunded": back > 0,
        }
        await self.tell(connection, run=run, name="failed", data=data)
        await self._count(connection, run, failed=True)
        return True

    async def cancel(self, connection: AsyncConnection, *, run_id: str) -> None:
        """End what is left of a run whose session is given up."""
        await self._end_all(connection, run_id, errors.SessionNotFound())

    async def expire(self, connection: AsyncConnection, *, run_id: str) -> None:
        """End what is left of a run that nobody has finished in time."""
        error = errors.TooCostly("The server did not come to it in time.")
        await self._end_all(connection, run_id, error)

    async def export(
        self, connection: AsyncConnection, *, task: Task, files: Sequence[Export]
    ) -> list[str]:
        """Let *files* be what there is of a picture; return ids of results that were before."""
        return await runs.replace_exports(
            connection, session_id=task.session_id, picture_id=task.picture_id, rows=files
        )

    async def remove(self, results: Sequence[str], *, account_id: str) -> None:
        """Delete results that nobody needs; those that stay, expire."""
        for id_ in results:
            with suppress(errors.NotFound):
                await self.results.delete(id_=id_, account_id=account_id)

    async def _end_all(self, connection: AsyncConnection, run_id: str, error: errors.Error) -> None:
        run = await runs.find(connection, id_=run_id)
        if run is None:
            return
        for task in await runs.tasks_of(connection, run_id=run_id, living_only=True):
            await self.fail(connection, run=run, task=task, error=error)

    async def _pay(self, connection: AsyncConnection, run: Run, task: Task, spent: Spent) -> int:
        """Settle what *task* has cost, and return how many credits came back."""
        back = 0
        if not spent.charged:
            back = await self.credits.give_back_in(
                connection,
                account=run.account_id,
                deduction_id=run.deduction_id,
                subject=task.id,
            )
        await holds.settle(
            connection,
            payer=holds.Payer(
                account_id=run.account_id,
                key_id=run.key_id,
                subject=run.subject,
                period=run.period,
            ),
            names=holds.names(task.id, task.held),
            charged=int(spent.charged),
            cached=0,
            bytes_in=spent.bytes_in,
            bytes_out=spent.bytes_out,
        )
        return back

    async def _count(self, connection: AsyncConnection, run: Run, *, failed: bool) -> None:
        """Count the end of a task; after the last one, tell that all is over."""
        now = await runs.finish_one(connection, id_=run.id, failed=failed)
        if now.finished < now.total:
            return
        await runs.finish(connection, id_=run.id, now=self.now())
        data = {"processed": now.finished - now.failed, "failed": now.failed, "total": now.total}
        await self.tell(connection, run=run, name=OVER, data=data)
        if run.webhook_url is not None:
            await self.webhooks.announce(
                connection,
                account_id=run.account_id,
                url=run.webhook_url,
                dialect=DIALECT,
                event=f"{run.kind}.completed",
                subject=run.id,
                base_url=run.base_url,
            )
