"""From what was seen of a batch to the numbers that are told of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.batches.watching import Cpu, Look


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The cost of the files up to one moment of a batch."""

    files: int  #: the first and before the last
    until: int
    cpu: Cpu

    @property
    def milliseconds(self) -> float:
        """Return the CPU milliseconds of one file."""
        return 1000 * self.cpu.total / self.files

    @property
    def engine_share(self) -> float:
        """Return how much of all CPU was the engine's."""
        return self.cpu.engine / self.cpu.total


def stretch(looks: Sequence[Look], start: int, end: int) -> Stretch:
    """Return what it took to get from *start* finished files to *end*."""
    first = _between(looks, start)
    last = _between(looks, end)
    return Stretch(files=end - start, until=end, cpu=last.since(first))


def _between(looks: Sequence[Look], finished: int) -> Cpu:
    """Return the CPU time when so many files were finished, between the nearest two looks."""
    before = [look for look in looks if look.finished <= finished]
    after = [look for look in looks if look.finished > finished]
    if not after:
        # Nothing is finished after the last file, but its chunk is ended then.
        return looks[-1].cpu
    low, high = before[-1], after[0]
    share = (finished - low.finished) / (high.finished - low.finished)
    rest = high.cpu.since(low.cpu)
    return Cpu(
        server=low.cpu.server + share * rest.server,
        fork_server=low.cpu.fork_server + share * rest.fork_server,
        engine=low.cpu.engine + share * rest.engine,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """Memory of one part of the server at two moments of a batch, in MB."""

    part: str
    rss: tuple[float, float]
    pss: tuple[float, float]


def growth(looks: Sequence[Look], first: int, last: int, *, width: int) -> list[Growth]:
    """
    Return each part's memory around *first* and *last* finished files.

    Memory goes up and down with the picture that is being worked on, so it is the median of the
    looks at *width* files.
    """
    early = _around(looks, first, width)
    late = _around(looks, last - width // 2, width)
    return [
        Growth(
            part=part,
            rss=(_megabytes(early, part, "rss"), _megabytes(late, part, "rss")),
            pss=(_megabytes(early, part, "pss"), _megabytes(late, part, "pss")),
        )
        for part in early[0].memory
    ]


def _around(looks: Sequence[Look], finished: int, width: int) -> list[Look]:
    """Return the looks at *width* files around *finished*, or the nearest one."""
    nearest = min(looks, key=lambda look: abs(look.finished - finished))
    return [look for look in looks if abs(look.finished - finished) <= width / 2] or [nearest]


def _megabytes(looks: Sequence[Look], part: str, kind: str) -> float:
    seen = [getattr(look.memory[part], kind) for look in looks if part in look.memory]
    return median(seen) / 1e6 if seen else 0.0
