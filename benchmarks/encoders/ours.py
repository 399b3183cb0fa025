"""Pixmill itself, through `pixmill.engine.optimize.optimize` as a request takes it."""

from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.encoders.record import Encoder
from benchmarks.source import Source
from pixmill.engine.optimize import optimize
from pixmill.engine.quality import score_of
from pixmill.engine.types import Limits, Options

#: On the one scale, close enough for a straight line between two.
QUALITIES = tuple(range(22, 101, 3))

#: The lowest and the highest score that can be aimed at.
AIMS = (30, 95)

#: How a caller can ask for the look of a quality, as fields of `Options`. ``max`` has a look of
#: its own, so it is given the score to aim at.
WAYS: Mapping[str, Callable[[int], Mapping[str, Any]]] = {
    "default": lambda quality: {"quality": quality},
    "smart": lambda quality: {"quality": quality, "smart": True},
    "max": lambda quality: {"mode": "max", "target": _aim(quality)},
}


def pixmill(format_: str, way: str = "default") -> Encoder:
    """Return our encoder of *format_*, asked in the *way* named."""
    fields = WAYS[way]

    def encode(source: Source, number: float) -> bytes:
        return _optimized(source, format=format_, **fields(round(number)))

    name = format_ if way == "default" else f"{format_} {way}"
    return Encoder(name=name, owner="Pixmill", format=format_, encode=encode, numbers=QUALITIES)


def fixed(name: str, format_: str, **fields: object) -> Encoder:
    """Return our encoder of *format_* with *fields* of `Options`; it has no number."""

    def encode(source: Source, _number: float) -> bytes:
        return _optimized(source, format=format_, **fields)

    return Encoder(name=name, owner="Pixmill", format=format_, encode=encode, numbers=(0,))


def _optimized(source: Source, **fields: Any) -> bytes:  # noqa: ANN401 - of many types
    return optimize(source.tiff, Options(**fields), Limits()).data


def _aim(quality: int) -> float:
    low, high = AIMS
    return min(max(score_of(quality), low), high)
