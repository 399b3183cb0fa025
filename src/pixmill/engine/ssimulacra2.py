"""
SSIMULACRA2: how close the look of a picture is to that of another, as one number up to 100.

90 is hard to tell from the original, 70 is high quality, 50 medium, 30 low; there is no lower end.
Follows version 2.1 of the reference program (github.com/cloudinary/ssimulacra2), and its rounding
errors where they move a score.
"""

import math
from collections import defaultdict, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from pixmill.engine import xyb
from pixmill.engine.blur import Plane, Planes
from pixmill.engine.error_maps import Error, Errors, Tile, Whole
from pixmill.engine.xyb import Band, Piece, Pixels

_ERRORS: tuple[Error, ...] = ("structure", "ringing", "blurring")
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

_BAND_PIXELS = 4_000_000

# So many pixels of a reference are kept ready, at 20 bytes each, less half of those it has: the
# larger the pictures, the less memory is left. The rest is made ready for each candidate anew,
# which takes half as long again.
_KEPT_PIXELS = 16_000_000

# A picture of less than six scales has large weights at its largest ones, where a blur that rounds
# as the reference does is dear.
_MOST_NOISY_PIXELS = 1_000_000
_LONGEST_NOISY_SIDE = 8_192  # it goes row by row, and column by column

# Put under a picture with alpha: the white of most pages, and the reference's dark gray.
_GROUNDS = (255, 26)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    """A part of the score: a *norm* of an *error* over the *area* of a scale, times *weight*."""

    error: Error
    norm: int
    area: int
    weight: float


_Place = tuple[int, int]  # a scale and a channel
_Terms = dict[_Place, list[_Term]]


class Reference:
    """
    A picture that others are compared with; most of the work on it is done once.

    *pixels* are sRGB or gray, with or without alpha, as (height, width, bands), and must not change
    afterwards. Takes 20 bytes a pixel, twice that with alpha, and never more than 300 MB.
    """

    def __init__(self, pixels: Pixels) -> None:
        self._shape = pixels.shape
        grounds = _GROUNDS if pixels.shape[2] % 2 == 0 else _GROUNDS[:1]
        height, width, _ = pixels.shape
        kept_pixels = max(_KEPT_PIXELS - height * width // 2, 0)
        kept_bands = kept_pixels // _BAND_PIXELS // len(grounds)
        filled = _fill_up(pixels)
        self._views = [
            _View(filled, ground=ground, band_pixels=_BAND_PIXELS, kept_bands=kept_bands)
            for ground in grounds
        ]

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

    def __init__(self, pixels: Pixels, *, ground: int, band_pixels: int, kept_bands: int) -> None:
        height, width, depth = pixels.shape
        self._pixels = pixels
        self._ground = ground
        self._terms = _terms(height, width, gray=depth < 3)
        scales = 1 + max(scale for scale, _ in self._terms)
        whole = {place for place in self._terms if _is_noisy(place, height, width)}
        self._wanted = _by_scale(self._terms, scales)
        self._whole = _by_scale(whole, scales)
        self._tiled = _by_scale(self._terms.keys() - whole, scales)
        self._bands = xyb.bands(height, width, scales=scales, pixels=band_pixels)
        stacks = self._stacks()
        self._tiles: list[list[Tile]] = []
        for number, band in enumerate(self._bands):
            pieces = self._pieces(pixels, band, stacks)
            if number < kept_bands:
                self._tiles.append([Tile(piece.values) for piece in pieces])
            else:
                deque(pieces, maxlen=0)  # for the stacks alone
        self._wholes = {scale: Whole(stack) for scale, stack in stacks.items()}

    def score(self, pixels: Pixels) -> float:
        total = 0.0
        for term, power_sum in self._power_sums(pixels).items():
            total += term.weight * (power_sum / term.area) ** (1 / term.norm)
        return _score(total)

    def _power_sums(self, pixels: Pixels) -> dict[_Term, float]:
        sums: defaultdict[_Term, float] = defaultdict(float)
        for place, errors in self._errors(pixels):
            for term in self._terms[place]:
                sums[term] += _power_sum(errors[term.error], term.norm)
        return sums

    def _errors(self, pixels: Pixels) -> Iterator[tuple[_Place, Errors]]:
        """Yield the errors of *pixels* tile by tile, then those of the planes that stay whole."""
        stacks = self._stacks()
        for number, band in enumerate(self._bands):
            tiles = self._tiles[number] if number < len(self._tiles) else self._new_tiles(band)
            for piece, tile in zip(self._pieces(pixels, band, stacks), tiles, strict=True):
                errors = tile.errors(piece.values)
                inner = {error: plane[piece.inner] for error, plane in errors.items()}
                yield (piece.scale, piece.channel), inner
        for scale, whole in self._wholes.items():
            for number, errors in whole.errors(stacks.pop(scale)):
                yield (scale, self._whole[scale][number]), errors

    def _pieces(self, pixels: Pixels, band: Band, stacks: dict[int, Planes]) -> Iterator[Piece]:
        """Yield the pieces of *band* that are tiles; the others go to their places in *stacks*."""
        for piece in xyb.pieces(pixels, band, self._wanted, ground=self._ground):
            channels = self._whole[piece.scale]
            if piece.channel in channels:
                plane = stacks[piece.scale][channels.index(piece.channel)]
                plane[piece.place] = piece.values[piece.inner]
            else:
                yield piece

    def _new_tiles(self, band: Band) -> Iterator[Tile]:
        for piece in xyb.pieces(self._pixels, band, self._tiled, ground=self._ground):
            yield Tile(piece.values)

    def _stacks(self) -> dict[int, Planes]:
        height, width, _ = self._pixels.shape
        return {
            scale: np.empty((len(channels), -(-height >> scale), -(-width >> scale)), np.float32)
            for scale, channels in enumerate(self._whole)
            if channels
        }


def _count_scales(height: int, width: int) -> int:
    scales, side = 1, min(height, width)
    # Whether a scale is left out depends on the side of the one before it.
    while scales < _MOST_SCALES and side >= _SMALLEST_SIDE:
        scales, side = scales + 1, (side + 1) // 2
    return scales


def _terms(height: int, width: int, *, gray: bool) -> _Terms:
    """
    Return the terms that a picture of this size has.

    The colors of a gray one cannot differ, but the reference finds noise in blue against yellow.
    """
    scales = _count_scales(height, width)
    terms: _Terms = defaultdict(list)
    for number, weight in _WEIGHTS.items():
        rest, error = divmod(number, len(_ERRORS))
        rest, norm = divmod(rest, len(_NORMS))
        channel, scale = divmod(rest, scales)
        if channel in {xyb.Y, xyb.B} or (channel == xyb.X and not gray):
            area = -(-height >> scale) * -(-width >> scale)
            term = _Term(error=_ERRORS[error], norm=_NORMS[norm], area=area, weight=weight)
            terms[scale, channel].append(term)
    return terms


def _is_noisy(place: _Place, height: int, width: int) -> bool:
    """
    Say whether the reference's rounding errors there move a score.

    They do where lost structure has a large weight: in lightness and in blue against yellow, not at
    the two largest scales of a picture that has all six. A strip of a few pixels' width would take
    minutes.
    """
    scale, channel = place
    if channel == xyb.X or max(height, width) >> scale > _LONGEST_NOISY_SIDE:
        return False
    short = _count_scales(height, width) < _MOST_SCALES
    return scale > 1 or (short and height * width <= _MOST_NOISY_PIXELS)


def _by_scale(places: Collection[_Place], scales: int) -> list[list[int]]:
    """Return the channels of each scale."""
    return [
        sorted(channel for other, channel in places if other == scale) for scale in range(scales)
    ]


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
