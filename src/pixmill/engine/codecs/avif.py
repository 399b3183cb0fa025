"""AVIF: stills through libvips and aom, animations through Pillow, which writes real sequences."""

import struct
from dataclasses import replace
from functools import partial
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, features

from pixmill.engine.content import Content
from pixmill.engine.pixels import exif, field, to_pillow
from pixmill.engine.quality import interpolate
from pixmill.engine.types import MOST_EFFORT, Codec, Picture, Plan, Way

# libvips' effort 2 is aom's speed 7: 5 % more bytes than the default effort for an eighth of its
# CPU (docs/adr/0009). Large pictures step down, to stay within the deadline.
EFFORT = (0, 0, 1, 2, 2)

# Where time does not count, the default effort; but what it costs is counted in minutes from here
# on, in pixels.
SLOWEST = 4
MOST_PIXELS = 1_000_000

#: Score → color edges (`Content.color_edges`) from which color at half resolution costs more bytes
#: than it saves (docs/adr/0016).
FULL_COLOR_EDGES = ((60, 9.3), (70, 1.7), (75, 1.2), (80, 0.44), (85, 0.05))

# aom's speed for animations, whose every frame is a picture of its own.
ANIMATION_SPEED = 9


def _ways(content: Content, plan: Plan) -> tuple[Way, ...]:
    if content.gray:
        ways: tuple[Way, ...] = (HALF_COLOR,)
    elif content.color_edges >= interpolate(FULL_COLOR_EDGES, plan.score):
        ways = (FULL_COLOR,)
    else:
        ways = HALF_COLOR, replace(FULL_COLOR, fallback=True)
    # At its quickest aom leaves out what makes drawings small, and says nothing about them.
    return ways if content.kind == "photo" else tuple(replace(way, draft=None) for way in ways)


def _draft(picture: Picture, plan: Plan, number: float, *, full: bool) -> bytes:
    return _encode(picture, replace(plan, effort=0), number, full=full)


def _effort(plan: Plan) -> int:
    if plan.effort == MOST_EFFORT and plan.pixels <= MOST_PIXELS:
        return SLOWEST
    return EFFORT[plan.effort]


def _encode(picture: Picture, plan: Plan, number: float, *, full: bool) -> bytes:
    """Write *picture*, as a sequence when it has more than one frame."""
    quality = round(number)
    if picture.frames > 1:
        return _sequence(picture, plan, quality, full=full)
    data: bytes = picture.image.heifsave_buffer(
        compression="av1",
        Q=quality,
        effort=_effort(plan),
        subsample_mode="off" if full else "on",
        bitdepth=8,
        keep=plan.keep,
    )
    return data


def _sequence(picture: Picture, plan: Plan, number: int, *, full: bool) -> bytes:
    """Write by Pillow what libvips would write as separate items, of which browsers show one."""
    first, *rest = to_pillow(picture)
    out = BytesIO()
    first.save(
        out,
        "AVIF",
        save_all=True,
        append_images=rest,
        duration=list(picture.delays),
        quality=number,
        subsampling="4:4:4" if full else "4:2:0",
        speed=ANIMATION_SPEED,
        max_threads=1,
        **_metadata(picture) if plan.keep_metadata else {},
    )
    return out.getvalue()


def _metadata(picture: Picture) -> dict[str, bytes]:
    block = exif(picture.image)
    found = {
        # Pillow 13 ends the process over a sequence with an EXIF that still turns it.
        "exif": block if block and not _turns(block) else None,
        "xmp": field(picture.image, "xmp-data"),
        "icc_profile": field(picture.image, "icc-profile-data"),
    }
    return {name: value for name, value in found.items() if value}


def _turns(block: bytes) -> bool:
    """Say whether Pillow reads an orientation from *block*, or cannot read it."""
    parsed = Image.Exif()
    try:
        parsed.load(block)
    except (SyntaxError, ValueError, struct.error):
        return True
    return bool(parsed.get(ExifTags.Base.Orientation, 1) != 1)


def _read(data: bytes) -> NDArray[np.uint8]:
    """Decode by Pillow, whose dav1d takes a third of the time that libvips' aom does."""
    with Image.open(BytesIO(data), formats=["AVIF"]) as image:
        return np.asarray(image)


# Measured on ten photographs: `python -m benchmarks.curves`.
_HALF_COLOR = (
    (0, 9),
    (20, 19.5),
    (30, 26.6),
    (40, 32.9),
    (50, 38.7),
    (60, 44.9),
    (65, 49.5),
    (70, 54.9),
    (75, 60.8),
    (80, 69.4),
    (85, 81.3),
    (90, 95),
    (91.4, 99),
)
_FULL_COLOR = (
    (0, 8.2),
    (20, 18.5),
    (30, 25.3),
    (40, 31.7),
    (50, 37.7),
    (60, 44),
    (65, 48.1),
    (70, 53.3),
    (75, 59.1),
    (80, 67.8),
    (85, 78.9),
    (90, 90.5),
    (93, 96.3),
    (94.1, 99),
)
_HALF_COLOR_DRAFT = (
    (0, 11.4),
    (20, 22),
    (30, 28.5),
    (40, 34.3),
    (50, 39.9),
    (60, 46.4),
    (65, 50.8),
    (70, 56.1),
    (75, 62.7),
    (80, 70.5),
    (85, 82.6),
    (90, 96.2),
    (91, 99),
)
_FULL_COLOR_DRAFT = (
    (0, 11.1),
    (20, 21.4),
    (30, 27.9),
    (40, 33.6),
    (50, 39.2),
    (60, 45.3),
    (65, 49.5),
    (70, 54.7),
    (75, 60.6),
    (80, 68.8),
    (85, 79.7),
    (90, 90.8),
    (93, 97.8),
    (93.4, 99),
)

HALF_COLOR = Way(
    name="4:2:0",
    encode=partial(_encode, full=False),
    curve=_HALF_COLOR,
    draft=Way(name="4:2:0 draft", encode=partial(_draft, full=False), curve=_HALF_COLOR_DRAFT),
)

FULL_COLOR = Way(
    name="4:4:4",
    encode=partial(_encode, full=True),
    curve=_FULL_COLOR,
    draft=Way(name="4:4:4 draft", encode=partial(_draft, full=True), curve=_FULL_COLOR_DRAFT),
)

CODEC = Codec(
    name="avif",
    mime="image/avif",
    extension="avif",
    alpha=True,
    animation="always" if features.check("avif") else "never",
    profile=True,
    lossless=False,
    max_side=16_384,
    max_depth=8,
    bytes_per_pixel=36,
    weights={"photo": 0.66, "graphic": 0.35, "screenshot": 0.35, "text": 0.45},
    version="2",
    ways=_ways,
    read=_read,
)
