"""What is said of an installation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pixmill.services.limits import LimitsStatus
from pixmill.services.pool.types import PoolStatus

#: ``ok``: there and on. ``off``: not there, and the server works without it. ``away``: as ``off``,
#: but it should be there. ``missing``: not there, and the server does not work.
State = Literal["ok", "off", "away", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: State
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """The file system that the data folder is on, in bytes."""

    size: int
    free: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A process that takes jobs."""

    name: str
    alive: bool
    seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Work that was accepted and is not over."""

    queued: int  #: jobs that nobody works on yet
    processing: int  #: jobs that somebody works on
    runs: int  #: analyses and exports of sessions
    nodes: Sequence[Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a server does at this moment."""

    libraries: Sequence[Finding]
    formats: Sequence[Finding]
    layers: Sequence[Finding]
    outside: Sequence[Finding]  #: what it reaches: the database, storage, and so on
    pool: PoolStatus
    limits: LimitsStatus
    backlog: Backlog | None  #: None: nobody can say
    disk: Disk | None
    settings: Sequence[str]  #: the variables that are set, by name

    @property
    def troubles(self) -> list[Finding]:
        """Return what is not there and should be."""
        every = (*self.libraries, *self.formats, *self.layers, *self.outside)
        return [finding for finding in every if finding.state in {"away", "missing"}]
