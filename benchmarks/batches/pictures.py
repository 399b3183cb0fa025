"""Files by number, no two of them the same: small photographs, and tiny drawings."""

from functools import cache
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

from benchmarks.pictures import paths

#: Photographs of scikit-image, and the size that crops of them are brought to.
SOURCES = (
    "retina.jpg",
    "hubble_deep_field.jpg",
    "motorcycle_left.png",
    "rocket.jpg",
    "coffee.png",
    "astronaut.png",
)
SMALL = (640, 480)
TINY = (32, 32)

#: Crops that differ in more than their place. Number n + VARIETY is number n moved by a pixel: as
#: much work, and another file with another result. So any VARIETY in a row cost the same.
VARIETY = 500

#: Pixels that are kept free around a crop, so that it can be moved.
_MARGIN = 12
#: The quality of a camera that has little room.
_QUALITY = 88


def small(number: int) -> bytes:
    """Return a photograph as JPEG: a crop, perhaps mirrored, with a gamma of its own."""
    kind, shift = number % VARIETY, number // VARIETY
    random = np.random.default_rng(kind)
    source = _source(SOURCES[kind % len(SOURCES)])
    widest = min(source.width - _MARGIN, (source.height - _MARGIN) * SMALL[0] // SMALL[1])
    width = int(widest * random.uniform(0.7, 1))
    height = width * SMALL[1] // SMALL[0]
    x = int(random.integers(0, source.width - _MARGIN - width, endpoint=True))
    y = int(random.integers(0, source.height - _MARGIN - height, endpoint=True))
    x, y = x + shift % _MARGIN, y + shift // _MARGIN % _MARGIN
    picture = source.crop((x, y, x + width, y + height)).resize(SMALL, Image.Resampling.LANCZOS)
    if random.random() < 0.5:
        picture = ImageOps.mirror(picture)
    gamma = random.uniform(0.8, 1.25)
    picture = picture.point([round(255 * (level / 255) ** gamma) for level in range(256)] * 3)
    return _encoded(picture, "JPEG", quality=_QUALITY)


def tiny(number: int) -> bytes:
    """Return an icon as PNG: a disk on a ground, in colors that make it the only one."""
    picture = Image.new("RGB", TINY, (number & 255, number >> 8 & 255, 200))
    draw = ImageDraw.Draw(picture)
    left = number % 11
    draw.ellipse((left, 4, left + 20, 26), fill=(255, 255 - (number & 127), number >> 7 & 255))
    return _encoded(picture, "PNG")


@cache
def _source(name: str) -> Image.Image:
    [path] = paths([name])
    assert isinstance(path, Path)
    return Image.open(path).convert("RGB")


def _encoded(picture: Image.Image, format_: str, **options: int) -> bytes:
    out = BytesIO()
    picture.save(out, format_, **options)
    return out.getvalue()
