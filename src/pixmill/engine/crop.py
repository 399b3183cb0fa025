"""
A picture cut to a shape, so that what matters in it stays.

`cover` fills the shape with the part where there is most to see. `thumb` does so, too, but leaves
whole what stands free before a plain ground, as products do, and adds ground instead.
"""

from typing import Literal, NamedTuple

import numpy as np
import pyvips
from numpy.typing import NDArray

from pixmill.engine.resample import scaled

# An object is looked for on a copy of so many pixels a side.
_LOOK_SIDE = 256

# A ground is plain when so much of the border is within so many levels of its median; whatever is
# further away than that belongs to the object. JPEG's ringing stays below it.
_PLAIN_SHARE = 0.98
_PLAIN = 14
_OBJECT = 28

#: Space that an object gets on each side, as a share of its own size.
_MARGIN = 0.05

Where = Literal["attention", "centre"]


class _Box(NamedTuple):
    """A part of a picture, in its pixels; it may reach beyond the picture."""

    left: float
    top: float
    width: float
    height: float


class _Object(NamedTuple):
    box: _Box  #: as shares of the picture's sides
    ground: list[float]  #: one level for each band


def cover(image: pyvips.Image, width: int, height: int, where: Where) -> pyvips.Image:
    """Return the *width* × *height* of *image* that show most, or its middle."""
    ratio = max(width / image.width, height / image.height)
    across = max(width, round(image.width * ratio))
    down = max(height, round(image.height * ratio))
    # Whoever looks for the best part needs all rows, and they come only once.
    image = scaled(image, across, down).copy_memory()
    if where == "attention":
        return image.smartcrop(width, height, interesting="attention")
    return image.crop((across - width) // 2, (down - height) // 2, width, height)


def thumb(image: pyvips.Image, width: int, height: int) -> pyvips.Image:
    """Return *image* as *width* × *height* with all of its object, if one stands free in it."""
    image = image.copy_memory()
    found = _object(image)
    if found is None:
        return cover(image, width, height, "attention")
    window = _window(image, found.box, width / height)
    left, top = max(0, round(window.left)), max(0, round(window.top))
    right = min(image.width, round(window.left + window.width))
    bottom = min(image.height, round(window.top + window.height))
    ratio = min(1.0, width / window.width)
    across = max(1, min(width, round((right - left) * ratio)))
    down = max(1, min(height, round((bottom - top) * ratio)))
    part = scaled(image.crop(left, top, right - left, bottom - top), across, down)
    at = _at(left - window.left, ratio, width - across), _at(top - window.top, ratio, height - down)
    return part.embed(*at, width, height, extend="background", background=found.ground)


def _at(space: float, ratio: float, most: int) -> int:
    return max(0, min(most, round(space * ratio)))


def _window(image: pyvips.Image, share: _Box, aspect: float) -> _Box:
    """Return the part to be seen: the largest of that *aspect*, or more if the object needs it."""
    width = min(image.width, image.height * aspect)
    box = _Box(
        left=(share.left - _MARGIN * share.width) * image.width,
        top=(share.top - _MARGIN * share.height) * image.height,
        width=(1 + 2 * _MARGIN) * share.width * image.width,
        height=(1 + 2 * _MARGIN) * share.height * image.height,
    )
    width = max(width, box.width, box.height * aspect)
    height = width / aspect
    return _Box(
        left=_placed(box.left + box.width / 2, width, image.width),
        top=_placed(box.top + box.height / 2, height, image.height),
        width=width,
        height=height,
    )


def _placed(middle: float, length: float, side: int) -> float:
    """Return where a window of that *length* begins: round *middle*, inside if that is possible."""
    start = middle - length / 2
    return start if length >= side else max(0.0, min(side - length, start))


def _object(image: pyvips.Image) -> _Object | None:
    """Return what stands free before a plain or transparent ground, if anything does."""
    ratio = min(1.0, _LOOK_SIDE / max(image.width, image.height))
    small = scaled(image, max(1, round(image.width * ratio)), max(1, round(image.height * ratio)))
    depth = 257 if small.format == "ushort" else 1
    levels = np.asarray(small.numpy(), np.float32).reshape(small.height, small.width, -1)
    pixels = levels / np.float32(depth)
    if image.hasalpha():
        alpha = pixels[:, :, -1:]
        # What cannot be seen has no color.
        pixels = np.concatenate([pixels[:, :, :-1] * (alpha / 255), alpha], axis=2)
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    ground = np.median(border, axis=0).astype(np.float32)
    if (_distance(border, ground) <= _PLAIN).mean() < _PLAIN_SHARE:
        return None
    inside = _distance(pixels, ground) > _OBJECT
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return None
    height, width = inside.shape
    box = _Box(
        left=columns[0] / width,
        top=rows[0] / height,
        width=(columns[-1] + 1 - columns[0]) / width,
        height=(rows[-1] + 1 - rows[0]) / height,
    )
    return _Object(box=box, ground=[float(level) * depth for level in ground])


def _distance(pixels: NDArray[np.float32], ground: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.abs(pixels - ground).max(axis=-1))
