"""
Pictures as SSIMULACRA2 looks at them: three opponent channels in perceptual light, ever smaller.

A picture is handed out in pieces that fit the processor's cache, which halves the time. A large one
is walked in bands, each with as many rows around it as the blur of the smallest scale reaches, so
that memory stays small and no value changes.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import cv2
import numpy as np
from numpy.typing import NDArray

from pixmill.engine import blur
from pixmill.engine.blur import Plane

Pixels = NDArray[np.uint8]

#: The channels: red against green, lightness, blue against yellow.
X, Y, B = range(3)

# Both even, so that a piece can be halved without its neighbors.
_PIECE_HEIGHT = 128
_PIECE_WIDTH = 512

# IEC 61966-2-1, for the 256 codes of a byte.
_CODES = np.arange(256) / 255
_LIGHT = np.where(_CODES <= 0.04045, _CODES / 12.92, ((_CODES + 0.055) / 1.055) ** 2.4)
_LIGHT_TABLE = _LIGHT.astype(np.float32)[np.newaxis]

# What three kinds of cone take in of linear red, green and blue (libjxl's opsin absorbance), and
# the bias that keeps the slope of the cube root finite at black.
_BIAS = 0.0037930732552754493
_ABSORBANCE = np.array(
    [
        [0.30, 0.622, 0.078, _BIAS],
        [0.23, 0.692, 0.078, _BIAS],
        [0.24342268924547819, 0.20476744424496821, 0.5518098665095536, _BIAS],
    ],
    np.float32,
)

# What makes each channel positive. The root of the bias goes out with it.
_X_OFFSET = 0.42
_Y_OFFSET = 0.01 - _BIAS ** (1 / 3)
_B_OFFSET = 0.55 + 0.01 - _BIAS ** (1 / 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The rows *first* to *last* of the *crop* of a picture; its other rows are surroundings."""

    crop: slice
    first: int
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """
    One channel of a part of a picture at one scale.

    *inner* leaves out the surroundings, and *place* is where that lies in the picture.
    """

    scale: int
    channel: int
    values: Plane
    inner: tuple[slice, slice]
    place: tuple[slice, slice]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cut:
    """A stretch of one side of a picture."""

    start: int
    outer: slice  # with its surroundings
    inner: slice  # itself, counted from the start of *outer*
    half: slice  # where it comes to lie at the next scale

    def at(self, offset: int) -> slice:
        """Return where it lies if the side begins at *offset*."""
        start = offset + self.start
        return slice(start, start + self.inner.stop - self.inner.start)


def bands(height: int, width: int, *, scales: int, pixels: int) -> list[Band]:
    """Return the bands of a picture, each of about *pixels* pixels, for so many *scales*."""
    alignment = 1 << scales
    halo = blur.REACH << (scales - 1)
    count = -(-height * width // pixels)
    step = -(-height // (count * alignment)) * alignment
    found = []
    for top in range(0, height, step):
        start, end = max(top - halo, 0), min(top + step, height)
        crop = slice(start, min(end + halo, height))
        found.append(Band(crop=crop, first=top - start, last=end - start))
    return found


def pieces(
    pixels: Pixels, band: Band, wanted: Sequence[Collection[int]], *, ground: int = 255
) -> Iterator[Piece]:
    """
    Yield the *wanted* channels of each scale, in an order that depends on the size alone.

    *pixels* are the whole picture, sRGB or gray, with or without alpha; the gray *ground* shows
    through where it is transparent.
    """
    crop = pixels[band.crop]
    height, width, _ = crop.shape
    level: NDArray[np.float32] | None = None
    for scale, channels in enumerate(wanted):
        first, last = band.first >> scale, -(-band.last >> scale)
        smaller = np.empty((3, (height + 1) // 2, (width + 1) // 2), np.float32)
        rows = _cuts((0, first, last, height), _PIECE_HEIGHT)
        columns = _cuts((0, width), _PIECE_WIDTH)
        for row, column in product(rows, columns):
            outer, inner = (row.outer, column.outer), (row.inner, column.inner)
            cones = _cones(crop[outer], ground) if level is None else level[:, *outer]
            _halve(cones[:, *inner], smaller[:, row.half, column.half])
            if first <= row.start < last:
                place = (row.at(band.crop.start >> scale), column.at(0))
                for channel, values in _opponents(cones, channels):
                    yield Piece(
                        scale=scale, channel=channel, values=values, inner=inner, place=place
                    )
        level = smaller
        _, height, width = level.shape


def _cuts(bounds: Sequence[int], step: int) -> Iterator[_Cut]:
    """Cut at each of *bounds*, and between them at every *step*."""
    for low, high in pairwise(bounds):
        for start in range(low, high, step):
            end = min(start + step, high)
            outer = slice(max(start - blur.REACH, 0), min(end + blur.REACH, bounds[-1]))
            inner = slice(start - outer.start, end - outer.start)
            half = slice(start // 2, (end + 1) // 2)
            yield _Cut(start=start, outer=outer, inner=inner, half=half)


def _cones(pixels: Pixels, ground: int) -> NDArray[np.float32]:
    """Return what each kind of cone takes in, as three planes."""
    opaque = pixels if pixels.shape[2] % 2 else _flatten(pixels, ground)
    colors = cv2.cvtColor(opaque, cv2.COLOR_GRAY2RGB) if opaque.shape[2] == 1 else opaque
    light = cv2.LUT(colors, _LIGHT_TABLE)
    cones = np.empty((3, *light.shape[:2]), np.float32)
    for weights, cone in zip(_ABSORBANCE, cones, strict=True):
        cv2.transform(light, weights[np.newaxis], cone)
    return cones


def _flatten(pixels: Pixels, ground: int) -> Pixels:
    *colors, alpha = (band.astype(np.uint16) for band in cv2.split(pixels))
    veil = (255 - alpha) * np.uint16(ground) + np.uint16(127)
    flat = [((color * alpha + veil) // 255).astype(np.uint8) for color in colors]
    return np.dstack(flat)


def _halve(planes: NDArray[np.float32], into: NDArray[np.float32]) -> None:
    """Write the mean of each 2 × 2 values; a last row or column without a partner stands twice."""
    _, height, width = planes.shape
    odd_row, odd_column = height % 2, width % 2
    for plane, target in zip(planes, into, strict=True):
        even = plane
        if odd_row or odd_column:
            even = np.pad(plane, ((0, odd_row), (0, odd_column)), mode="edge")
        cv2.resize(even, target.shape[::-1], target, interpolation=cv2.INTER_AREA)


def _opponents(
    cones: NDArray[np.float32], channels: Collection[int]
) -> Iterator[tuple[int, Plane]]:
    if not channels:
        return
    long, medium = _cube_root(cones[0]), _cube_root(cones[1])
    if X in channels:
        yield X, _mix(long, 7, medium, -7, _X_OFFSET)
    lightness = _mix(long, 0.5, medium, 0.5, _Y_OFFSET)
    if Y in channels:
        yield Y, lightness
    if B in channels:
        yield B, _mix(_cube_root(cones[2]), 1, lightness, -1, _B_OFFSET)


def _mix(one: Plane, weight: float, other: Plane, other_weight: float, offset: float) -> Plane:
    mixed = np.empty_like(one)
    cv2.addWeighted(one, weight, other, other_weight, offset, mixed)
    return mixed


def _cube_root(values: Plane) -> Plane:
    # Ten times as fast as numpy.cbrt on processors without AVX-512, and as exact as float32 is.
    root = np.empty_like(values)
    cv2.log(values, root)
    root *= 1 / 3
    cv2.exp(root, root)
    return root
