"""The words of jobs: what is ordered, what was accepted of it, and what is told of each."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.queue.types import Lane
from pixmill.services.results import Stored
from pixmill.stores.batches import Batch
from pixmill.stores.chunks import Chunk
from pixmill.stores.jobs import Job, State

__all__ = ["Batch", "Chunk", "Job", "State"]

#: Chunks of batches, and single jobs, which do not wait behind them.
CHUNKS = Lane(name="chunks", workflow="chunk", places=4)
SINGLES = Lane(name="jobs", workflow="job", places=16)

#: Jobs that a batch may have (OG-50).
MOST_JOBS = 50_000

#: A batch that nothing was added to for so long is taken for complete (OG-66).
IDLE = timedelta(minutes=15)

#: The upload of a job that failed stays for so long, so that it can be tried again.
PATIENCE = timedelta(days=1)

#: A job that nobody has finished after so long is given up.
LIFE = timedelta(days=3)

_OPTIONS = TypeAdapter(tuple[Options, ...])


def dump_options(wanted: Sequence[Options]) -> str:
    """Return *wanted* as they are kept in a database."""
    return _OPTIONS.dump_json(tuple(wanted), exclude_defaults=True).decode()


def load_options(kept: str) -> tuple[Options, ...]:
    """Return what `dump_options` was given, also when an older version did."""
    return _OPTIONS.validate_json(kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One image of an order: an upload that `Uploads.keep` has stored, or a URL."""

    wanted: tuple[Options, ...]  #: one for each result; the first one is what it is about
    key: str | None = None
    size: int | None = None  #: bytes of the upload
    url: str | None = None
    filename: str | None = None
    label: Mapping[str, Any] = field(default_factory=dict)  #: comes back with what is told of it
    committed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class InBatch:
    """Which batch an order is for."""

    name: str | None = None  #: the caller's own; the same name is the same batch
    rejected: int = 0  #: files that were refused before there was an order
    close: bool = False  #: there will be no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What one request asks to be done later."""

    dialect: str
    base_url: str  #: of links in what is told later
    items: Sequence[Item]
    batch: InBatch | None = None
    free_repeats: bool = False
    webhook_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What became of an order: for each item a job, or why there is none."""

    chunk_id: str | None  #: None when nothing was accepted
    batch: Batch | None
    items: tuple[Job | errors.Error, ...]

    @property
    def jobs(self) -> list[Job]:
        """Return the jobs alone."""
        return [item for item in self.items if isinstance(item, Job)]


#: Called in the transaction that accepts an order, which it can still undo by raising an error.
Receipt = Callable[[AsyncConnection, Accepted], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why there is no result."""

    code: str  #: `errors.Error.code`
    message: str

    @property
    def kind(self) -> type[errors.Error]:
        """Return the class of the error."""
        return errors.kind_of(self.code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of one of the results that were asked for."""

    result_id: str | None = None
    cached: bool = False
    failure: Failure | None = None


def dump_made(made: Sequence[Made]) -> str:
    """Return *made* as it is kept in a database."""
    return json.dumps([asdict(each) for each in made])


def load_made(kept: str | None) -> tuple[Made, ...]:
    """Return what `dump_made` was given; nothing for a job that is not over."""
    return tuple(
        Made(
            result_id=each["result_id"],
            cached=each["cached"],
            failure=each["failure"] and Failure(**each["failure"]),
        )
        for each in json.loads(kept or "[]")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of one of the results that were asked for."""

    stored: Stored | None  #: None: it failed, or even its row is forgotten
    cached: bool
    failure: Failure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is told of one job."""

    job: Job
    label: Mapping[str, Any]
    results: tuple[Told, ...]  #: one for each result that was asked for, once it is over
    failure: Failure | None  #: of the whole job
    base_url: str = ""  #: of links; of one job alone
    api: str = ""  #: that the job came through; of jobs in no batch alone

    def state(self, now: datetime) -> State:
        """Return how it stands; ``expired`` once its result is gone."""
        first = self.results[0].stored if self.results else None
        gone = self.job.state == "completed" and (first is None or first.expired(now))
        return "expired" if gone else self.job.state
