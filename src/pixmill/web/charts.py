"""
Charts as numbers: the template draws them as SVG, which needs no script and prints.

Words are not part of the drawing, so that they keep their size on a narrow screen; each chart has
a table behind it for whoever cannot see it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

#: Units of the drawing.
WIDTH = 1000
HEIGHT = 200
#: Of a column's room, what is left free.
_GAP = 0.25


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its label, and the numbers that lie on top of each other in it."""

    label: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle of the drawing."""

    x: float
    y: float
    width: float
    height: float
    series: int  #: counted from 1: its color
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template needs for a drawing with columns."""

    bars: tuple[Bar, ...]
    top: float  #: what the upper edge stands for
    first: str  #: label of the first column
    last: str

    @property
    def empty(self) -> bool:
        """Say that there is nothing to be seen."""
        return not self.bars


def stacked(
    columns: Sequence[Column], *, names: Sequence[str], write: Callable[[float], str]
) -> Chart:
    """Return a chart of *columns*, whose values are called *names* and written with *write*."""
    top = _round_up(max((sum(column.values) for column in columns), default=0))
    room = WIDTH / max(1, len(columns))
    bars: list[Bar] = []
    for position, column in enumerate(columns):
        base = float(HEIGHT)
        for series, (value, height) in enumerate(
            zip(column.values, _heights(column, top), strict=True), start=1
        ):
            if not height:
                continue
            base -= height
            bars.append(
                Bar(
                    x=round(position * room + room * _GAP / 2, 2),
                    y=round(base, 2),
                    width=round(room * (1 - _GAP), 2),
                    height=round(height, 2),
                    series=series,
                    title=f"{column.label}: {write(value)} {names[series - 1]}",
                )
            )
    labels = [column.label for column in columns] or [""]
    return Chart(bars=tuple(bars), top=top, first=labels[0], last=labels[-1])


def _heights(column: Column, top: float) -> list[float]:
    """Return how high each bar is: what is small stays visible, and the highest one pays for it."""
    heights = [max(1.0, HEIGHT * value / top) if value > 0 else 0.0 for value in column.values]
    beyond = sum(heights) - HEIGHT
    if beyond > 0:
        heights[heights.index(max(heights))] -= beyond
    return heights


def _round_up(value: float) -> float:
    """Return the next number with one digit and zeros, half of which is easy to tell."""
    if value <= 0:
        return 1
    power = 10.0 ** math.floor(math.log10(value))
    steps = (step * power for step in (1, 2, 3, 4, 5, 6, 8, 10))
    return next(step for step in steps if step >= value)
