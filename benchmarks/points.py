"""What an encoder costs and gives at any look: points that were measured, and between them."""

import time
from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

import pyvips

from benchmarks.encoders.record import Encoder
from benchmarks.source import Source
from pixmill.engine.quality import interpolate

#: Of several runs the quickest is the one that was disturbed least. Slow encoders get fewer.
RUNS = 3
ENOUGH_SECONDS = 0.5

#: Neighbors so many points apart are two ways of coding: nothing lies between them.
JUMP = 12

#: How much bytes and CPU must differ before one of two is called better.
SAME_BYTES, SAME_CPU = 1.01, 1.05


class Point(NamedTuple):
    """One encode: how it looks, and what it cost."""

    score: float
    size: int
    cpu: float  #: seconds a megapixel


def on_one_thread() -> None:
    """Let libvips compute everything anew and on one thread, as in a codec process."""
    pyvips.vips_lib.vips_concurrency_set(1)
    pyvips.cache_set_max(0)


def measure(encoder: Encoder, source: Source, number: float) -> Point:
    """Encode *source* at the encoder's own *number* and judge the result."""
    times: list[float] = []
    while len(times) < RUNS and sum(times) < ENOUGH_SECONDS:
        start = time.process_time()
        data = encoder.encode(source, number)
        times.append(time.process_time() - start)
    return Point(source.score(data), len(data), min(times) / source.megapixels)


class Curve:
    """One encoder on one picture; a number is tried when somebody asks for a look close to it."""

    def __init__(self, encoder: Encoder, source: Source) -> None:
        self._encoder = encoder
        self._source = source
        self._points: dict[int, Point] = {}

    def at(self, score: float) -> Point | None:
        """
        Return what the encoder takes for *score*, or None where its best number is below it.

        The two neighbors on the encoder's list of numbers are found by halving; between them the
        logarithms of bytes and of CPU are taken for straight lines. Where an encoder jumps, say to
        lossless, or looks better than asked from the start, it is taken with what it does.
        """
        below, above = -1, len(self._encoder.numbers)
        while above - below > 1:
            middle = (below + above) // 2
            if self._point(middle).score <= score:
                below = middle
            else:
                above = middle
        if above == len(self._encoder.numbers):
            return None
        better = self._point(above)
        if below < 0 or better.score - self._point(below).score > JUMP:
            return better
        return between([self._point(below), better], score)

    def _point(self, index: int) -> Point:
        if index not in self._points:
            number = self._encoder.numbers[index]
            self._points[index] = measure(self._encoder, self._source, number)
        return self._points[index]


def between(points: Sequence[Point], score: float) -> Point:
    """Return the point at *score* on the line through *points*, whose scores ascend."""
    size = exp(interpolate([(p.score, log(p.size)) for p in points], score))
    cpu = exp(interpolate([(p.score, log(p.cpu)) for p in points], score))
    return Point(score, round(size), cpu)
