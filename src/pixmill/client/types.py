"""The words of the client: what is asked for, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypedDict

#: A picture: its bytes, a file, or the URL where the server fetches it.
Source = bytes | Path | str

Status = Literal["queued", "processing", "completed", "failed", "cancelled", "expired"]


class Options(TypedDict, total=False):
    """What a result should be; what is left out is left to the server."""

    format: str  #: jpeg, png, webp, avif, gif, or auto
    quality: int  #: 1–100
    compression: str  #: low, medium, high, max, lossless
    width: int  #: pixels to fit inside
    height: int
    keep_exif: bool
    target: float  #: SSIMULACRA2
    smart: bool
    mode: str
    max_bytes: int
    accept: str  #: what auto may choose from, with commas between


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one picture has no result."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A picture that was made."""

    data: bytes = field(repr=False)
    format: str
    width: int
    height: int
    original_size: int
    optimized_size: int
    how: str  #: encoded, rescanned or original
    score: float | None  #: SSIMULACRA2, where it was measured
    cached: bool  #: the server had made it before, and it cost nothing
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """How a picture stands that is worked on while nobody waits."""

    id: str
    status: Status
    url: str | None = None  #: of the result
    error: Failure | None = None

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status not in {"queued", "processing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What became of one file of a batch; *index* is its place among those that were given."""

    index: int
    filename: str
    id: str | None = None
    status: Status | Literal["rejected"] = "queued"
    format: str | None = None
    original_size: int | None = None
    optimized_size: int | None = None
    width: int | None = None
    height: int | None = None
    how: str | None = None
    score: float | None = None
    url: str | None = None
    error: Failure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """How a batch stands."""

    id: str
    status: str
    total: int
    completed: int
    failed: int
    items: tuple[Item, ...] = ()

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status not in {"open", "processing"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What the key was used for in this month."""

    period: str
    requests: int
    limit: int
    remaining: int
    reset_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """What a picture is, and what is said of it."""

    engine: str  #: the model's name, or ``local``
    metadata: Mapping[str, Any]
    facts: Mapping[str, Any]
