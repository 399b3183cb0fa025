"""
SSIMULACRA2: how close the look of a picture is to that of another, as one number up to 100.

90 is hard to tell from the original, 70 is high quality, 50 medium, 30 low; there is no lower end.
Follows version 2.1 of the reference program (github.com/cloudinary/ssimulacra2) in all but its
rounding errors, which cost pictures with large flat areas up to one point there.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from pixmill.engine import xyb
from pixmill.engine.xyb import Band, Piece, Pixels, Plane

# Structure that is lost, edges that were not there before, edges that are gone.
_Error = Literal["structure", "ringing", "blurring"]

_ERRORS: tuple[_Error, ...] = ("structure", "ringing", "blurring")
_NORMS = (1, 4)
_MOST_SCALES = 6
_SMALLEST_SIDE = 8

# Weights of the score's terms by place. Places run through (channel, scale, norm, error), with as
# many scales as the picture has. The reference has 27 more, the largest 0.0021: they move a score
# by 0.001 and would take more than half of the time.
_WEIGHTS = {
    9: 1.1041726426657346,
    15: 1.8422455520539298,
    16: 11.441172603757666,
    21: 1.8787594979546387,
    22: 10.94906990605142,
    25: 0.9677937080626833,
    28: 0.9981766977854967,
    39: 7.466890328078848,
    41: 17.445833984131262,
    45: 6.683678146179332,
    47: 1.027889937768264,
    48: 225.20515300849274,
    51: 19.213238186143016,
    54: 176.39317598450694,
    57: 24.43300999870476,
    58: 0.28520802612117757,
    63: 34.77906344483772,
    64: 44.835625328877896,
    93: 8.826982764996862,
    94: 23.19243343998926,
    96: 95.1080498811086,
    97: 0.9863978034400682,
    98: 0.9834382792465353,
    100: 171.2667255897307,
    101: 0.9807858872435379,
}

# Keeps noise in flat areas from counting as structure.
_STABILIZER = np.float32(0.0009)

_BAND_PIXELS = 6_000_000

# So many pixels of a reference are kept ready, at 20 bytes each. What is beyond is made ready for
# each candidate anew, which takes half as long again.
_KEPT_PIXELS = 12_000_000

# Put under a picture with alpha: the white of most pages, and the reference's dark gray.
_GROUNDS = (255, 26)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """A part of the score: a *norm* of an *error* over the *area* of a scale, times *weight*."""

    error: _Error
    norm: int
    area: int
    weight: float


_Terms = dict[tuple[int, int], list[_Term]]  # by scale and channel


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ready:
    """A piece of the reference with what is the same for all candidates."""

    values: Plane
    mean: Plane
    variance: Plane  # with the stabilizer in it


class Reference:
    """
    A picture that others are compared with; most of the work on it is done once.

    *pixels* are sRGB or gray, with or without alpha, as (height, width, bands), and must not change
    afterwards. Takes 20 bytes a pixel, twice that with alpha, and never more than 400 MB.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._shape = pixels.shape
        grounds = _GROUNDS if pixels.shape[2] % 2 == 0 else _GROUNDS[:1]
        kept_bands = _KEPT_PIXELS // _BAND_PIXELS // len(grounds)
        filled = _fill_up(pixels)
        self._views = [_View(filled, ground=ground, kept_bands=kept_bands) for ground in grounds]

    def score(self, pixels: Pixels) -> float:
        """
        Return how close *pixels* look: 100.0 if they are identical, less otherwise.

        With alpha it is the worse of the scores on white and on dark gray. Raises ValueError if the
        shapes differ.
        """
        if pixels.shape != self._shape:
            raise ValueError("Only pictures of the same size and bands can be compared.")
        filled = _fill_up(pixels)
        return min(view.score(filled) for view in self._views)


def compare(reference: Pixels, candidate: Pixels) -> float:
    """Return how close *candidate* looks to *reference*, as `Reference.score` does."""
    return Reference(reference).score(candidate)


class _View:
    """A reference on one ground."""

    def __init__(self, pixels: Pixels, *, ground: int, kept_bands: int) -> None:
        height, width, depth = pixels.shape
        self._pixels = pixels
        self._ground = ground
        self._terms = _terms(height, width, gray=depth < 3)
        self._wanted = [
            {channel for scale, channel in self._terms if scale == wanted}
            for wanted in range(max(self._terms)[0] + 1)
        ]
        self._bands = xyb.bands(height, width, scales=len(self._wanted), pixels=_BAND_PIXELS)
        self._kept = [list(self._ready(band)) for band in self._bands[:kept_bands]]

    def score(self, pixels: Pixels) -> float:
        total = 0.0
        for term, power_sum in self._power_sums(pixels).items():
            total += term.weight * (power_sum / term.area) ** (1 / term.norm)
        return _score(total)

    def _power_sums(self, pixels: Pixels) -> dict[_Term, float]:
        sums: defaultdict[_Term, float] = defaultdict(float)
        for number, band in enumerate(self._bands):
            ready = self._kept[number] if number < len(self._kept) else self._ready(band)
            for expected, piece in zip(ready, self._pieces(pixels, band), strict=True):
                terms = self._terms[piece.scale, piece.channel]
                errors = _errors(expected, piece.values)
                for term in terms:
                    sums[term] += _power_sum(errors[term.error][piece.inner], term.norm)
        return sums

    def _pieces(self, pixels: Pixels, band: Band) -> Iterator[Piece]:
        return xyb.pieces(pixels, band, self._wanted, ground=self._ground)

    def _ready(self, band: Band) -> Iterator[_Ready]:
        for piece in self._pieces(self._pixels, band):
            mean = xyb.blur(piece.values)
            variance = xyb.blur(piece.values * piece.values)
            variance -= mean * mean
            variance += _STABILIZER
            yield _Ready(values=piece.values, mean=mean, variance=variance)


def _terms(height: int, width: int, *, gray: bool) -> _Terms:
    """Return the terms that a picture of this size has. The colors of a gray one cannot differ."""
    scales, side = 1, min(height, width)
    # Whether a scale is left out depends on the side of the one before it.
    while scales < _MOST_SCALES and side >= _SMALLEST_SIDE:
        scales, side = scales + 1, (side + 1) // 2
    terms: _Terms = defaultdict(list)
    for place, weight in _WEIGHTS.items():
        rest, error = divmod(place, len(_ERRORS))
        rest, norm = divmod(rest, len(_NORMS))
        channel, scale = divmod(rest, scales)
        if channel == xyb.Y or (channel in {xyb.X, xyb.B} and not gray):
            area = -(-height >> scale) * -(-width >> scale)
            term = _Term(error=_ERRORS[error], norm=_NORMS[norm], area=area, weight=weight)
            terms[scale, channel].append(term)
    return terms


def _errors(expected: _Ready, values: Plane) -> dict[_Error, Plane]:
    """
    Return the errors at each pixel.

    The reference's 1 - luminance · structure, in which all is a difference of large numbers, is
    here written with the difference of the pictures: nothing cancels where they are alike.
    """
    difference = expected.values - values
    shift = xyb.blur(difference)
    mean = expected.mean - shift
    difference *= difference
    structure = xyb.blur(difference)
    shift *= shift
    structure -= shift
    variances = xyb.blur(values * values)
    variances -= mean * mean
    variances += expected.variance
    structure /= variances
    structure -= structure * shift
    structure += shift

    before = _contrast(expected.values, expected.mean)
    change = _contrast(values, mean)
    change -= before
    before += 1
    change /= before
    ringing = np.empty_like(change)
    cv2.threshold(change, 0, 0, cv2.THRESH_TOZERO, ringing)
    return {"structure": structure, "ringing": ringing, "blurring": ringing - change}


def _contrast(values: Plane, mean: Plane) -> Plane:
    contrast = np.empty_like(values)
    cv2.absdiff(values, mean, contrast)
    return contrast


def _power_sum(values: Plane, norm: int) -> float:
    if norm == 1:
        return cv2.norm(values, cv2.NORM_L1)
    return cv2.norm(values * values, cv2.NORM_L2SQR)


def _score(error: float) -> float:
    """Put the weighted sum of errors on the scale of what people said of pictures."""
    x = 0.9562382616834844 * error
    loss = 2.326765642916932 * x - 0.020884521182843837 * x**2 + 6.248496625763138e-05 * x**3
    return 100 - 10 * math.pow(loss, 0.6276336467831387)


def _fill_up(pixels: Pixels) -> Pixels:
    """Repeat the last row and column of a picture that is too small to be looked at."""
    height, width, _ = pixels.shape
    below, right = max(_SMALLEST_SIDE - height, 0), max(_SMALLEST_SIDE - width, 0)
    if not below and not right:
        return pixels
    return np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")
