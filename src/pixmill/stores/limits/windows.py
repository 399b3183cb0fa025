"""What is counted, and how one asks: the words that both stores share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long a window is, and when it begins."""

    name: Literal["minute", "quarter", "day", "month"]
    length: int  #: milliseconds
    aligned: bool  #: begins at a multiple of its length since 1970, UTC; else it ends now


MINUTE = Span(name="minute", length=60_000, aligned=False)
QUARTER = Span(name="quarter", length=900_000, aligned=False)  # of an hour
DAY = Span(name="day", length=86_400_000, aligned=True)
MONTH = Span(name="month", length=30 * 86_400_000, aligned=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """How much somebody may do in a span of time."""

    subject: str
    span: Span
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """How full a window is."""

    window: Window
    used: int
    reset: int  #: milliseconds until there is room for one more than now; 0 when it is all free

    @property
    def remaining(self) -> int:
        """Return how many more fit; a plan that became smaller can be overdrawn."""
        return max(0, self.window.limit - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """The answer to `Windows.spend`."""

    granted: bool
    levels: tuple[Level, ...]  #: of each window, after it; *used* includes this request if granted


class Windows(Protocol):
    """A place where requests are counted."""

    shared: bool  #: between servers

    async def spend(self, windows: Sequence[Window], *, cost: int = 1) -> Spent:
        """
        Add *cost* to all *windows* if it fits into every one of them, else to none.

        A cost of 0 only looks. Raises Unavailable when the counts cannot be reached.
        """
        ...

    async def undo(self, window: Window, *, cost: int) -> None:
        """
        Take the newest *cost* out of *window*, or all that is in it.

        Raises Unavailable when the counts cannot be reached.
        """
        ...

    async def close(self) -> None:
        """Let go of all connections."""
        ...
