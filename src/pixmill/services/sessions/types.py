"""The words of sessions: what is known of pictures, what is asked for, and what is told of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any, Literal

from pixmill.engine.types import Options
from pixmill.engine.words.types import Words
from pixmill.services.jobs.types import dump_options, load_options
from pixmill.services.queue.types import Lane
from pixmill.stores.runs import Event, Export, Kind, Run, Task
from pixmill.stores.sessions import Picture, Session, Status, Tally

__all__ = ["Event", "Export", "Kind", "Picture", "Run", "Session", "Status", "Tally", "Task"]

RUNS = Lane(name="runs", workflow="run", places=8)

#: A session that nobody has used for so long is over (PO-27).
LIFE = timedelta(hours=24)
#: How long it is known that there was one, and that it is over.
MEMORY = timedelta(days=7)

#: Pictures of one request, and of one session (PO-16).
MOST_AT_ONCE = 100
MOST_PICTURES = 1_000

#: Who found the words of a picture, beside models and `LOCAL`.
PERSON = "person"

#: Names of events. All but `OVER` are about one picture.
EventName = Literal["begun", "partial", "done", "failed", "over"]
OVER: EventName = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts:
    """What is said of a picture (PO-44). What is None or empty is not said."""

    title: str | None = None
    alt: str | None = None
    caption: str | None = None
    description: str | None = None
    filename: str | None = None  #: without an extension
    keywords: tuple[str, ...] = ()

    def words(self) -> Words:
        """Return what of it goes into files."""
        return Words(
            title=self.title,
            alt=self.alt,
            caption=self.caption,
            description=self.description,
            keywords=self.keywords,
        )


def dump_texts(texts: Texts) -> str:
    """Return *texts* as they are kept in a database."""
    return json.dumps(asdict(texts))


def load_texts(kept: str | None) -> Texts | None:
    """Return what `dump_texts` was given."""
    if kept is None:
        return None
    values = json.loads(kept)
    return Texts(**{**values, "keywords": tuple(values["keywords"])})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """One picture that a run is for."""

    picture_id: str
    texts: Texts | None = None  #: said instead of what is known of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One file that is made of each picture, unless it would be no smaller than the picture."""

    name: str  #: ``full``, or what the caller calls it
    suffix: str  #: of the file's name
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an export makes of each picture; the first file is made in any case."""

    wanted: tuple[Wanted, ...]
    embed: bool = True  #: put the words into the files
    #: Formats in which no pixel may change, whatever the look that is asked for (PO-64).
    lossless: tuple[str, ...] = ()

    def dump(self) -> str:
        """Return this as it is kept in a database."""
        return json.dumps(
            {
                "wanted": [[each.name, each.suffix] for each in self.wanted],
                "options": json.loads(dump_options([each.options for each in self.wanted])),
                "embed": self.embed,
                "lossless": list(self.lossless),
            }
        )

    @classmethod
    def load(cls, kept: str) -> "Recipe":
        """Return what `dump` has made."""
        values = json.loads(kept)
        options = load_options(json.dumps(values["options"]))
        return cls(
            wanted=tuple(
                Wanted(name=name, suffix=suffix, options=each)
                for (name, suffix), each in zip(values["wanted"], options, strict=True)
            ),
            embed=values["embed"],
            lossless=tuple(values["lossless"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A picture that is to come into a session, and is stored already."""

    key: str
    filename: str
    size: int
    format: str
    width: int  #: upright
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of an export."""

    name: str
    variant: str
    result_id: str
    size: int
    width: int
    height: int
    format: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A session and what is in it."""

    session: Session
    pictures: Sequence[Picture]
    files: Sequence[Export] = ()
    running: Sequence[str] = ()  #: ids of runs that are not over


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A session and a part of what is in it."""

    session: Session
    tally: Tally
    pictures: Sequence[Picture]  #: some of them
    files: Sequence[Export]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """Something that happened in a session."""

    number: int
    run_id: str
    name: EventName
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What came of a task that has ended, for charts."""

    cached: bool = False  #: all of it had been made before
    # Of files alone: words have no size to compare with a picture's.
    bytes_in: int = 0
    bytes_out: int = 0
