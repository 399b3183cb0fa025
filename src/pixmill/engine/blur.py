"""
The blur of SSIMULACRA2: three cosines, cut off, whose sum is nearest to a Gaussian of 1.5 pixels.

The reference program runs it as three resonators in float32 (Charalampidis 2016), along each row
and then down each column. Nothing damps them, so that an error of rounding rings on to the end of
the row or column, where it is as strong as the errors of a good picture. `direct` is what it would
be in exact arithmetic; `recursive` rounds where the reference does, and takes ten times as long.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle, pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Planes = NDArray[np.float32]  # of one size: (number, height, width)

# A codec process has one core, and may start no thread once it is locked down.
cv2.setNumThreads(1)

# The amplitudes that sum up to one and to a variance of 1.5². The fifth neighbor is at 0 in each.
_RADIUS = 5
_AMPLITUDES = (0.17893914164149122, 0.07272614473619017, 0.012955819110517063)
_FREQUENCIES = tuple(factor * np.pi / (2 * _RADIUS) for factor in (1, 3, 5))

#: Rows and columns on each side of a pixel that its blur takes in.
REACH = _RADIUS - 1

_WAVES = np.cos(np.outer(np.arange(-REACH, REACH + 1), _FREQUENCIES))
_TAPS = (_WAVES @ _AMPLITUDES).astype(np.float32)

# The reference computes so many values of a row at once.
_LANES = 4

# Rows or columns that are walked together: many, for Python's share, that still fit the cache.
_ABREAST = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class _Resonator:
    """One of the cosines, started by *gain* times a value when it comes into reach."""

    gain: float
    ringing: list[float]  # what one start has become after 0, 1, 2 … steps


def _resonators() -> Iterator[_Resonator]:
    for amplitude, frequency in zip(_AMPLITUDES, _FREQUENCIES, strict=True):
        ringing = np.sin(np.arange(1, _LANES + 2) * frequency) / np.sin(frequency)
        yield _Resonator(gain=amplitude * np.cos(REACH * frequency), ringing=ringing.tolist())


# From the weakest, as the reference adds them up.
_RESONATORS = tuple(_resonators())[::-1]


def direct(values: Plane) -> Plane:
    """Return *values* blurred; outside the picture is zero."""
    blurred = np.empty_like(values)
    cv2.sepFilter2D(values, -1, _TAPS, _TAPS, blurred, borderType=cv2.BORDER_CONSTANT)
    return blurred


def recursive(planes: Planes) -> None:
    """
    Blur each of *planes* in place, with the rounding errors of the reference.

    They must be whole, as errors come from far. The reference multiplies and adds with a single
    rounding, and so does `cv2.scaleAdd` on any processor that can. On one that cannot there is more
    noise, and scores of flat areas come out up to one point lower.
    """
    number, height, width = planes.shape
    step = max(_ABREAST // height, 1)
    for first in range(0, number, step):
        some = planes[first : first + step]
        _walk(_along, some.reshape(-1, width).T)
        rows = some.swapaxes(0, 1).reshape(height, -1)
        _walk(_down, rows)
        some[:] = rows.reshape(height, -1, width).swapaxes(0, 1)


def _walk(way: Callable[[Plane], Plane], lines: Plane) -> None:
    """Replace *lines*, which stand side by side and know nothing of another, some at a time."""
    for part in np.array_split(lines, max(round(lines.shape[1] / _ABREAST), 1), axis=1):
        # A single one twice: OpenCV takes a step of one value for a scalar, and writes it nowhere.
        part[:] = way(part) if part.shape[1] > 1 else way(np.repeat(part, 2, axis=1))[:, :1]


def _along(lines: Plane) -> Plane:
    """
    Blur *lines* from top to bottom, four steps at once, as the reference goes along a row.

    It takes the first and last steps of a row one by one, which makes no more or less noise.
    """
    length, number = lines.shape
    strides = -(-(REACH + length) // _LANES)
    passing = _passing(lines, strides * _LANES).reshape(strides, _LANES, number)
    lanes = np.ascontiguousarray(passing.swapaxes(0, 1))
    total = np.zeros_like(lanes)
    for resonator in _RESONATORS:
        total += _ring_in_lanes(lanes, resonator)
    return total.swapaxes(0, 1).reshape(-1, number)[REACH : REACH + length]


def _ring_in_lanes(lanes: Planes, resonator: _Resonator) -> Planes:
    waves = np.empty_like(lanes)
    starts = [resonator.gain * after for after in resonator.ringing]
    for number, wave in enumerate(waves):
        np.multiply(lanes[0], np.float32(starts[number]), wave)
        for lane, start in zip(lanes[1:], starts[:number][::-1], strict=False):
            cv2.scaleAdd(lane, start, wave, wave)

    def ring_on(before: Plane, last: Plane, number: int, wave: Plane) -> None:
        cv2.scaleAdd(before, -resonator.ringing[number], wave, wave)
        cv2.scaleAdd(last, resonator.ringing[number + 1], wave, wave)

    # Each lane goes on from the last two of the stride before, so only those have to be walked.
    for (before, last), (third, fourth) in pairwise(zip(waves[2], waves[3], strict=True)):
        ring_on(before, last, 2, third)
        ring_on(before, last, 3, fourth)
    for number in (0, 1):
        ring_on(waves[2, :-1], waves[3, :-1], number, waves[number, 1:])
    return waves


def _down(lines: Plane) -> Plane:
    """Blur *lines* from top to bottom, step by step."""
    length, _ = lines.shape
    passing = _passing(lines, REACH + length)
    _turn(passing)
    total = np.zeros_like(passing)
    for resonator in _RESONATORS:
        total += _ring(passing, resonator)
    _turn(total)
    return total[REACH:]


def _ring(passing: Plane, resonator: _Resonator) -> Plane:
    waves = np.empty_like(passing)
    before = last = np.zeros_like(passing[0])
    # A step is twice the cosine of the last value less the one before that. To only ever add, as
    # scaleAdd does, the signs of two steps in four are turned, which makes this factor alternate.
    factor = resonator.ringing[1]
    for start, wave, sign in zip(passing, waves, cycle((-1, 1)), strict=False):
        cv2.scaleAdd(last, sign * factor, before, wave)
        cv2.scaleAdd(start, resonator.gain, wave, wave)
        before, last = last, wave
    return waves


def _passing(lines: Plane, steps: int) -> Plane:
    """Return for each step the sum of the values that come into reach and that go out of it."""
    length, number = lines.shape
    passing = np.zeros((steps, number), np.float32)
    passing[:length] = lines
    passing[2 * _RADIUS : 2 * _RADIUS + length] += lines[: max(steps - 2 * _RADIUS, 0)]
    return passing


def _turn(lines: Plane) -> None:
    for first in (2, 3):
        np.negative(lines[first::4], lines[first::4])
