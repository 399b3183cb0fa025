"""Runs: what is done with the pictures of a session in one go, and the events that tell of it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Table,
    Text,
    bindparam,
    func,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record

Kind = Literal["analyze", "export"]
State = Literal["queued", "working", "completed", "failed"]

#: States of a task that is not over.
LIVING: tuple[State, ...] = ("queued", "working")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One analysis, or one export."""

    id: str
    session_id: str
    account_id: str
    key_id: str
    subject: str  #: whose quota it is taken from: the key's id or the account's
    period: str  #: the month that is charged
    kind: Kind
    settings: str  #: JSON: what was asked for
    deduction_id: str | None  #: what has paid for it; None where the plan counts no credits
    base_url: str  #: of links in what is told later
    webhook_url: str | None
    total: int
    finished: int = 0
    failed: int = 0
    turns: int = 0  #: how often somebody has begun to work on it
    created_at: datetime
    expires_at: datetime  #: then what is not done by then is given up
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One picture of a run."""

    run_id: str
    number: int  #: from 0
    session_id: str
    picture_id: str
    words: str | None  #: JSON: said instead of what is known of the picture
    name: str | None  #: of the exported file, without its extension
    held: int  #: requests of a quota that are reserved for it
    state: State = "queued"
    turns: int = 0
    outcome: str | None = None  #: JSON: what is told of it
    code: str | None = None  #: `errors.Error.code`
    message: str | None = None

    @property
    def id(self) -> str:
        """Return what it is called where it is paid for."""
        return f"{self.run_id}.{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened in a session."""

    session_id: str
    number: int  #: from 1, in their order
    run_id: str
    name: str
    data: str  #: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One file of an export that can be had."""

    session_id: str
    name: str  #: unique in its session
    picture_id: str
    number: int  #: of the picture, then of the variant, so that they have an order
    variant: str
    result_id: str


runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("account_id", Text, ForeignKey("accounts.id"), nullable=False),
    Column("key_id", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("settings", Text, nullable=False),
    Column("deduction_id", Text),
    Column("base_url", Text, nullable=False),
    Column("webhook_url", Text),
    Column("total", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Index("ix_runs_finished_at_expires_at", "finished_at", "expires_at"),
)

tasks = Table(
    "tasks",
    metadata,
    Column("run_id", Text, ForeignKey("runs.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("picture_id", Text, nullable=False),
    Column("words", Text),
    Column("name", Text),
    Column("held", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("turns", BigInteger, nullable=False),
    Column("outcome", Text),
    Column("code", Text),
    Column("message", Text),
    ForeignKeyConstraint(["session_id", "picture_id"], ["pictures.session_id", "pictures.id"]),
    Index("ix_tasks_session_id", "session_id", "picture_id"),
)

events = Table(
    "session_events",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id"), primary_key=True),
    Column("number", BigInteger, primary_key=True),
    Column("run_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("data", Text, nullable=False),
)

exports = Table(
    "exports",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id"), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("picture_id", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("variant", Text, nullable=False),
    Column("result_id", Text, nullable=False),
)

_LIVING = tasks.c.state.in_(LIVING)
_FINISH = (
    runs.update()
    .where(runs.c.id == bindparam("which"))
    .values(finished=runs.c.finished + 1, failed=runs.c.failed + bindparam("in_vain"))
    .returning(*runs.c)
)


async def add(connection: AsyncConnection, run: Run, rows: Sequence[Task]) -> None:
    """Add *run* and its tasks."""
    await connection.execute(runs.insert(), asdict(run))
    await connection.execute(tasks.insert(), [asdict(row) for row in rows])


async def find(connection: AsyncConnection, *, id_: str) -> Run | None:
    """Return the run with that id, whoever's it is."""
    row = (await connection.execute(select(runs).where(runs.c.id == id_))).one_or_none()
    return record(Run, row) if row else None


async def begin(connection: AsyncConnection, *, id_: str) -> Run | None:
    """Count one more turn, and return the run unless it is over."""
    statement = (
        runs.update()
        .where(runs.c.id == id_, runs.c.finished_at.is_(None))
        .values(turns=runs.c.turns + 1)
        .returning(*runs.c)
    )
    row = (await connection.execute(statement)).one_or_none()
    return record(Run, row) if row else None


async def finish_one(connection: AsyncConnection, *, id_: str, failed: bool) -> Run:
    """Count a task that is over."""
    row = (await connection.execute(_FINISH, {"which": id_, "in_vain": int(failed)})).one()
    return record(Run, row)


async def finish(connection: AsyncConnection, *, id_: str, now: datetime) -> None:
    """Say that all tasks are over."""
    await connection.execute(runs.update().where(runs.c.id == id_).values(finished_at=now))


async def living(connection: AsyncConnection, *, session_id: str) -> list[str]:
    """Return ids of runs of the session that are not over."""
    statement = select(runs.c.id).where(
        runs.c.session_id == session_id, runs.c.finished_at.is_(None)
    )
    return [str(id_) for id_ in (await connection.execute(statement)).scalars()]


async def running(connection: AsyncConnection, *, session_id: str, account_id: str) -> list[Run]:
    """Return runs of the account's session that are not over, the oldest first."""
    statement = (
        select(runs)
        .where(
            runs.c.session_id == session_id,
            runs.c.account_id == account_id,
            runs.c.finished_at.is_(None),
        )
        .order_by(runs.c.created_at, runs.c.id)
    )
    return [record(Run, row) for row in await connection.execute(statement)]


async def working(connection: AsyncConnection, *, session_id: str, kind: Kind) -> bool:
    """Say whether a run of that kind in the session is not over."""
    statement = select(runs.c.id).where(
        runs.c.session_id == session_id, runs.c.kind == kind, runs.c.finished_at.is_(None)
    )
    return (await connection.execute(statement.limit(1))).first() is not None


async def late(connection: AsyncConnection, *, now: datetime, limit: int) -> list[Run]:
    """Return runs that should have been over by now and are not."""
    statement = (
        select(runs)
        .where(runs.c.finished_at.is_(None), runs.c.expires_at <= now)
        .order_by(runs.c.expires_at)
        .limit(limit)
    )
    return [record(Run, row) for row in await connection.execute(statement)]


async def unfinished(connection: AsyncConnection) -> int:
    """Return how many runs are not over."""
    statement = select(func.count()).select_from(runs).where(runs.c.finished_at.is_(None))
    return (await connection.execute(statement)).scalar_one()


async def tasks_of(
    connection: AsyncConnection, *, run_id: str, living_only: bool = False
) -> list[Task]:
    """Return the tasks of a run in their order."""
    statement = select(tasks).where(tasks.c.run_id == run_id).order_by(tasks.c.number)
    if living_only:
        statement = statement.where(_LIVING)
    return [record(Task, row) for row in await connection.execute(statement)]


async def take(connection: AsyncConnection, task: Task) -> tuple[int, bool] | None:
    """
    Say that somebody works on *task*; return how often that was, and whether it is the first time.

    None: it is over.
    """
    statement = (
        tasks.update()
        .where(tasks.c.run_id == task.run_id, tasks.c.number == task.number, _LIVING)
        .values(state="working", turns=tasks.c.turns + 1)
        .returning(tasks.c.turns)
    )
    turns: int | None = (await connection.execute(statement)).scalar_one_or_none()
    return None if turns is None else (turns, turns == 1)


async def give_turn_back(connection: AsyncConnection, task: Task) -> None:
    """Say that the last turn of *task* came to nothing, which was nobody's fault."""
    # Not to zero, or it would be told a second time that it began.
    await connection.execute(
        tasks.update()
        .where(tasks.c.run_id == task.run_id, tasks.c.number == task.number, tasks.c.turns > 1)
        .values(turns=tasks.c.turns - 1)
    )


async def end(  # noqa: PLR0913 - all that an end says
    connection: AsyncConnection,
    task: Task,
    *,
    state: State,
    outcome: str | None = None,
    code: str | None = None,
    message: str | None = None,
) -> bool:
    """Say how *task* ended. False: it has ended before, and nothing else is to be done."""
    statement = (
        tasks.update()
        .where(tasks.c.run_id == task.run_id, tasks.c.number == task.number, _LIVING)
        .values(state=state, outcome=outcome, code=code, message=message)
    )
    return (await connection.execute(statement)).rowcount == 1


async def tell(connection: AsyncConnection, rows: Sequence[Event]) -> None:
    """Add *rows* to the log of their session."""
    await connection.execute(events.insert(), [asdict(row) for row in rows])


async def heard(
    connection: AsyncConnection,
    *,
    session_id: str,
    after: int,
    limit: int,
    run_id: str | None = None,
) -> list[Event]:
    """Return events of a session, or of one of its runs, after that number."""
    statement = (
        select(events)
        .where(events.c.session_id == session_id, events.c.number > after)
        .order_by(events.c.number)
        .limit(limit)
    )
    if run_id is not None:
        statement = statement.where(events.c.run_id == run_id)
    return [record(Event, row) for row in await connection.execute(statement)]


async def names(connection: AsyncConnection, *, session_id: str) -> dict[str, str]:
    """Return the names of exported files, each with its picture."""
    statement = select(exports.c.name, exports.c.picture_id).where(
        exports.c.session_id == session_id
    )
    return {str(name): str(picture) for name, picture in await connection.execute(statement)}


async def replace_exports(
    connection: AsyncConnection, *, session_id: str, picture_id: str, rows: Sequence[Export]
) -> list[str]:
    """Let *rows* be what there is of one picture; return the ids of results that were before."""
    gone = await connection.execute(
        exports.delete()
        .where(exports.c.session_id == session_id, exports.c.picture_id == picture_id)
        .returning(exports.c.result_id)
    )
    before = [str(id_) for id_ in gone.scalars()]
    await connection.execute(exports.insert(), [asdict(row) for row in rows])
    return before


async def exported(
    connection: AsyncConnection, *, session_id: str, name: str | None = None
) -> list[Export]:
    """Return the files of a session, or the one of that name, in their order."""
    statement = (
        select(exports)
        .where(exports.c.session_id == session_id)
        .order_by(exports.c.number, exports.c.name)
    )
    if name is not None:
        statement = statement.where(exports.c.name == name)
    return [record(Export, row) for row in await connection.execute(statement)]


async def forget(connection: AsyncConnection, *, session_id: str) -> None:
    """Remove all runs of a session, their events and the names of what they made."""
    own = select(runs.c.id).where(runs.c.session_id == session_id)
    await connection.execute(tasks.delete().where(tasks.c.run_id.in_(own)))
    for table in (runs, events, exports):
        await connection.execute(table.delete().where(table.c.session_id == session_id))


async def task_count(connection: AsyncConnection, *, run_id: str) -> int:
    """Return how many tasks of the run are not over."""
    statement = select(func.count()).select_from(tasks).where(tasks.c.run_id == run_id, _LIVING)
    return (await connection.execute(statement)).scalar_one()
