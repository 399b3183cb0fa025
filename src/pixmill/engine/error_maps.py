"""
What is wrong with a picture at each pixel, as SSIMULACRA2 sees it.

A `Tile` is looked at in exact arithmetic and may be any part of a picture. `Whole` planes are
looked at with the rounding errors of the reference program, which are noise: on average it takes
noise for lost structure. In flat areas of good pictures that is most of what it finds.
"""

from collections.abc import Iterator
from itertools import product
from typing import Literal

import cv2
import numpy as np

from pixmill.engine import blur
from pixmill.engine.blur import Plane, Planes

# Structure that is lost, edges that were not there before, edges that are gone.
Error = Literal["structure", "ringing", "blurring"]
Errors = dict[Error, Plane]

# Keeps noise in flat areas from counting as structure.
_STABILIZER = np.float32(0.0009)

# So many rows of a whole plane are looked at together.
_ROWS = 128


class Tile:
    """A part of one plane of the reference, with what is the same for all candidates."""

    def __init__(self, values: Plane) -> None:
        self._values = values
        self._mean = blur.direct(values)
        self._variance = blur.direct(values * values)
        self._variance -= self._mean * self._mean
        self._variance += _STABILIZER

    def errors(self, values: Plane) -> Errors:
        """
        Return the errors of *values*.

        The reference's 1 - luminance · structure, in which all is a difference of large numbers,
        is here written with the difference of the pictures: nothing cancels where they are alike.
        """
        difference = self._values - values
        shift = blur.direct(difference)
        mean = self._mean - shift
        difference *= difference
        structure = blur.direct(difference)
        shift *= shift
        structure -= shift
        variances = blur.direct(values * values)
        variances -= mean * mean
        variances += self._variance
        structure /= variances
        structure -= structure * shift
        structure += shift
        return {"structure": structure, **_edges(self._values, self._mean, values, mean)}


class Whole:
    """Whole planes of the reference of one size, with what is the same for all candidates."""

    def __init__(self, planes: Planes) -> None:
        self._planes = planes
        self._means, self._variances = _blurred(planes, planes)
        self._variances -= self._means * self._means

    def errors(self, planes: Planes) -> Iterator[tuple[int, Errors]]:
        """Yield the number of each of *planes* with its errors, some rows at a time."""
        blurred = _blurred(planes, planes, self._planes)
        for number, top in product(range(len(planes)), range(0, planes.shape[1], _ROWS)):
            rows = (number, slice(top, top + _ROWS))
            yield number, self._errors(rows, planes[rows], *(stack[rows] for stack in blurred))

    def _errors(
        self, rows: tuple[int, slice], values: Plane, mean: Plane, square: Plane, alike: Plane
    ) -> Errors:
        """Do as the reference does, in the same order, as each step rounds."""
        expected, expected_mean = self._planes[rows], self._means[rows]
        square -= mean * mean
        square += self._variances[rows]
        square += _STABILIZER
        alike -= expected_mean * mean
        alike += alike
        alike += _STABILIZER
        shift = expected_mean - mean
        shift *= shift
        alike *= 1 - shift
        alike /= square
        return {"structure": _positive(1 - alike), **_edges(expected, expected_mean, values, mean)}


def _blurred(planes: Planes, *factors: Planes) -> list[Planes]:
    """Return *planes* and their products with each of *factors*, blurred."""
    stack = np.empty((1 + len(factors), *planes.shape), np.float32)
    stack[0] = planes
    for into, factor in zip(stack[1:], factors, strict=True):
        np.multiply(planes, factor, into)
    blur.recursive(stack.reshape(-1, *planes.shape[1:]))
    return list(stack)


def _edges(expected: Plane, expected_mean: Plane, values: Plane, mean: Plane) -> Errors:
    before = _contrast(expected, expected_mean)
    change = _contrast(values, mean)
    change -= before
    before += 1
    change /= before
    ringing = _positive(change)
    return {"ringing": ringing, "blurring": ringing - change}


def _contrast(values: Plane, mean: Plane) -> Plane:
    contrast = np.empty_like(values)
    cv2.absdiff(values, mean, contrast)
    return contrast


def _positive(values: Plane) -> Plane:
    positive = np.empty_like(values)
    cv2.threshold(values, 0, 0, cv2.THRESH_TOZERO, positive)
    return positive
