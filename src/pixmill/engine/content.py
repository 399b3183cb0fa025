"""What a picture shows, as far as encoders care: told from its pixels, for next to no CPU."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pixmill.engine.xyb import Pixels

#: ``photo``: continuous tone, taken or rendered. ``graphic``: drawings, logos, icons, dithered art.
#: ``screenshot``: flat areas with straight borders. ``text``: pages of two tones.
Kind = Literal["photo", "graphic", "screenshot", "text"]

#: What a palette can hold.
MOST_COLORS = 256

# Statistics are taken on so many pixels, in tiles at full resolution: a smaller copy of a picture
# has other edges and no noise. The side is even, so that no 2 × 2 pixels are of two tiles.
_SAMPLE_PIXELS = 150_000
_TILE = 64

# So many words stay in the processor's cache.
_BLOCK = 1 << 14

# Spreads words over 16 bits (Knuth's multiplicative hashing).
_SPREAD = np.uint32(0x9E3779B1)
_SPREAD_SHIFT = np.uint32(16)

# The longest step in luma that still looks like shading.
_SOFT = 8

# Where the kinds part: measured on photographs, drawings, pages and captures of screens.
_FLAT = 0.5  # photographs reach 0.46, where sky is blown out
_SMOOTH = 0.88  # shading and little else, however flat, as in soft shadows and ramps
_BLANK = 0.95  # nothing to shade
_SHADED = 0.25  # photographs start at 0.31, on thumbnails
_GARISH = 8.0  # photographs reach 6.8, on thumbnails
_STRAIGHT = 0.35
_STRAIGHT_LENGTH = 16

# What makes a page: the width of the widest stroke, how much is ink and how often it starts or
# ends, how much darker it is, and how much of the variance is that between ink and ground.
_PEN = 15
_LEAST_INK, _MOST_INK = 0.01, 0.35
_STROKES = 0.02
_CONTRAST = 60
_TWO_TONES = 0.78
_COLORLESS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """
    What can be known of a picture before it is encoded.

    *colors*, *opaque* and *gray* hold for every pixel. The rest is measured on a sample, on white
    where that shows through.
    """

    kind: Kind
    colors: int | None  #: distinct pixel values, alpha counted in; None if more than 256
    opaque: bool  #: no pixel is transparent
    gray: bool  #: red, green and blue are equal in each pixel
    flat: float  #: share of pixels that equal their right and lower neighbors
    soft: float  #: share of the steps in luma between neighbors that are shading, 8 or less
    color_edges: float  #: root mean square error of Cb and Cr after half resolution (4:2:0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """What lies between neighbors."""

    flat: float
    soft: float


def analyze(pixels: Pixels) -> Content:
    """Return what is in *pixels*, (height, width, 1 to 4 bands)."""
    strip, height = _sample(pixels)
    palette = None if _palette(strip) is None else _palette(pixels)
    every = pixels if palette is None else palette.view(np.uint8).reshape(1, -1, 4)
    gray = _is_gray(strip) and _is_gray(every)
    seen = strip if _is_opaque(strip) else _on_white(strip)
    luma, *chroma = _planes(seen)
    words = _tiles(_words(seen), height)
    steps = _steps(words, _tiles(luma, height))
    color_edges = 0.0 if gray else _color_edges(chroma, height)
    if _is_text(luma, chroma):
        kind: Kind = "text"
    elif color_edges < _GARISH and _is_shaded(steps):
        kind = "photo"
    elif steps.flat >= _FLAT and _straightness(words) >= _STRAIGHT:
        kind = "screenshot"
    else:
        kind = "graphic"
    return Content(
        kind=kind,
        colors=None if palette is None else len(palette),
        opaque=_is_opaque(every),
        gray=gray,
        flat=steps.flat,
        soft=steps.soft,
        color_edges=color_edges,
    )


def _sample(pixels: Pixels) -> tuple[Pixels, int]:
    """Return tiles of *pixels*, RGBA, one below the other; and the height of each."""
    height, width, _ = pixels.shape
    if 1 in (height, width):  # a lone row or column is its own neighbor
        pixels = np.repeat(np.repeat(pixels, 1 + (height == 1), 0), 1 + (width == 1), 1)
        height, width, _ = pixels.shape
    if height * width <= _SAMPLE_PIXELS:
        return _rgba(pixels), height
    tile_height, tile_width = (min(side, _TILE) // 2 * 2 for side in (height, width))
    most = _SAMPLE_PIXELS // (tile_height * tile_width)
    rows = round(math.sqrt(most * height / width))
    rows = max(1, min(rows, height // tile_height, most))
    columns = max(1, min(most // rows, width // tile_width))
    tops = np.linspace(0, height - tile_height, rows).astype(int)
    lefts = np.linspace(0, width - tile_width, columns).astype(int)
    tiles = [pixels[y : y + tile_height, x : x + tile_width] for y in tops for x in lefts]
    return _rgba(np.concatenate(tiles)), tile_height


def _rgba(pixels: Pixels) -> Pixels:
    bands = pixels.shape[2]
    if bands == 4:
        return np.ascontiguousarray(pixels)
    if bands == 2:
        level, alpha = cv2.split(pixels)
        return np.asarray(cv2.merge((level, level, level, alpha)), np.uint8)
    code = cv2.COLOR_RGB2RGBA if bands == 3 else cv2.COLOR_GRAY2RGBA
    return np.asarray(cv2.cvtColor(pixels, code), np.uint8)


def _words(rgba: Pixels) -> NDArray[np.uint32]:
    """Return the pixels as one number each."""
    return rgba.view(np.uint32)[:, :, 0]


def _tiles(plane: NDArray[Any], height: int) -> NDArray[Any]:
    """Return the tiles of a strip by themselves, so that none counts as the next one's neighbor."""
    return plane.reshape(-1, height, *plane.shape[1:])


def _on_white(rgba: Pixels) -> Pixels:
    """Return what is seen; alpha stays, as it has to be stored too."""
    alpha = rgba[:, :, 3:].astype(np.uint16)
    seen = rgba.copy()
    seen[:, :, :3] = (rgba[:, :, :3] * alpha + (255 - alpha) * np.uint16(255) + 127) // 255
    return seen


def _planes(rgba: Pixels) -> tuple[Pixels, ...]:
    """Return Y, Cr and Cb as JPEG has them."""
    toned = cv2.cvtColor(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), cv2.COLOR_RGB2YCrCb)
    return tuple(np.asarray(plane, np.uint8) for plane in cv2.split(toned))


def _palette(pixels: Pixels) -> NDArray[np.uint32] | None:
    """Return the distinct RGBA values of *pixels*, or None where a palette cannot hold them."""
    found = np.empty(0, np.uint32)
    # The color that was last seen in each slot. Colors that share one are found again and again,
    # which only takes time. Nothing matches at first: zero belongs in slot 0, but one does not.
    known = np.zeros(1 << 16, np.uint32)
    known[0] = 1
    width = pixels.shape[1]
    rows = max(_BLOCK // width, 1)
    for top in range(0, len(pixels), rows):
        words = _words(_rgba(pixels[top : top + rows])).ravel()
        fresh = words[known.take(_slots(words)) != words]
        if fresh.size:
            found = np.union1d(found, fresh)
            if len(found) > MOST_COLORS:
                return None
            known[_slots(found)] = found
    return found


def _slots(words: NDArray[np.uint32]) -> NDArray[np.intp]:
    return ((words * _SPREAD) >> _SPREAD_SHIFT).astype(np.intp)


def _is_opaque(pixels: Pixels) -> bool:
    return pixels.shape[2] % 2 == 1 or bool(pixels[:, :, -1].min() == 255)


def _is_gray(pixels: Pixels) -> bool:
    if pixels.shape[2] < 3:
        return True
    red, green, blue = (pixels[:, :, band] for band in range(3))
    return np.array_equal(red, green) and np.array_equal(green, blue)


def _steps(words: NDArray[np.uint32], luma: Pixels) -> _Steps:
    flat = (words[:, :-1, :-1] == words[:, :-1, 1:]) & (words[:, :-1, :-1] == words[:, 1:, :-1])
    counts = np.zeros(256)
    for one, other in ((luma[:, :, 1:], luma[:, :, :-1]), (luma[:, 1:], luma[:, :-1])):
        steps = np.maximum(one, other) - np.minimum(one, other)
        counts += np.bincount(steps.ravel(), minlength=256)
    moving = counts[1:].sum()
    return _Steps(
        flat=float(flat.mean()),
        soft=float(counts[1 : _SOFT + 1].sum() / moving) if moving else 1.0,
    )


def _color_edges(chroma: Sequence[Pixels], height: int) -> float:
    """Halve and restore the resolution as JPEG's programs do: by box, then by triangle."""
    rows, columns = (side // 2 * 2 for side in chroma[0].shape)
    means = []
    for plane in chroma:
        even = plane[:rows, :columns].astype(np.float32)
        half = cv2.resize(even, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)
        restored = cv2.resize(half, (columns, rows), interpolation=cv2.INTER_LINEAR)
        error = np.square(restored - even)
        if rows > height > 2:  # where tiles meet, each bled into the next
            error = _tiles(error, height)[:, 1:-1]
        means.append(error.mean())
    return math.sqrt(sum(means) / len(means))


def _is_shaded(steps: _Steps) -> bool:
    if steps.flat < _FLAT:
        return steps.soft >= _SHADED
    return steps.flat < _BLANK and steps.soft >= _SMOOTH


def _is_text(luma: Pixels, chroma: Sequence[Pixels]) -> bool:
    """Tell whether thin strokes, all about as dark, stand on a ground that may be unevenly lit."""
    if any(np.abs(plane.astype(np.int16) - 128).mean() > _COLORLESS for plane in chroma):
        return False
    low, high, _, _ = cv2.minMaxLoc(luma)
    dark_ground = 2 * luma.mean() < low + high
    pen = np.ones((_PEN, _PEN), np.uint8)
    fill = cv2.MORPH_TOPHAT if dark_ground else cv2.MORPH_BLACKHAT
    darkness = cv2.morphologyEx(luma, fill, pen)
    _, ink = cv2.threshold(darkness, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    share = float(ink.mean())
    if not _LEAST_INK <= share <= _MOST_INK or (ink[:, 1:] != ink[:, :-1]).mean() < _STROKES:
        return False
    contrast = float(darkness[ink == 1].mean() - darkness[ink == 0].mean())
    between = share * (1 - share) * contrast**2
    return contrast >= _CONTRAST and between >= _TWO_TONES * float(darkness.var())


def _straightness(words: NDArray[np.uint32]) -> float:
    """Return the share of edges that go on along a row or a column."""
    straight = edges = 0
    for turned in (words, words.swapaxes(1, 2)):
        length = turned.shape[1] // _STRAIGHT_LENGTH * _STRAIGHT_LENGTH
        edge = turned[:, :length, 1:] != turned[:, :length, :-1]
        count = length // _STRAIGHT_LENGTH
        runs = edge.reshape(len(edge), count, _STRAIGHT_LENGTH, edge.shape[2])
        straight += int(runs.all(axis=2).sum()) * _STRAIGHT_LENGTH
        edges += int(edge.sum())
    return straight / edges if edges else 0.0
