"""From the fields of an Optimagio request to the engine's options."""

import re
from collections.abc import Mapping
from dataclasses import replace

from pixmill import errors
from pixmill.engine.types import Metadata, Options
from pixmill.http import fields, image_fields

#: Longest side that can be asked for, in pixels (OG-19, OG-37).
MAX_SIDE = 8_000

#: Files that one request may bring to a batch (OG-44, OG-61).
CHUNK_FILES = 50

#: What a caller may call a batch (OG-54).
BATCH_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")

#: The outputs, beside `AUTO` (OG-18).
FORMATS = ("jpeg", "png", "webp", "gif", "avif")

#: What `compression` may be, in ascending order (OG-34). Each is reached by measuring, so that
#: more compression never gives more bytes (OG-35); only ``max`` is published.
LEVELS: Mapping[str, Options] = {
    "low": Options(quality=90, smart=True),
    "medium": Options(quality=80, smart=True),
    "high": Options(quality=66, smart=True),
    "max": Options(mode="max"),
    "lossless": Options(mode="lossless"),
}

DEFAULT_LEVEL = "high"


def wanted(given: Mapping[str, object]) -> Options:
    """Return what the fields ask for. Raises BadOption, or one of its kinds."""
    level, quality = _level(given), image_fields.quality(given)
    return replace(
        level if quality is None else Options(quality=quality),  # OG-36
        format=image_fields.format_(given, "format", FORMATS),
        keeps=FORMATS,  # OG-39
        metadata=_metadata(given),
        width=_side(given, "width", "max_width"),
        height=_side(given, "height", "max_height"),
    )


def _level(given: Mapping[str, object]) -> Options:
    name = (fields.text(given, "compression") or DEFAULT_LEVEL).lower()
    if name not in LEVELS:
        raise errors.UnknownLevel(f'"compression" must be one of {", ".join(LEVELS)}.')
    return LEVELS[name]


def _metadata(given: Mapping[str, object]) -> Metadata:
    return "keep" if fields.truth(given, "keep_exif", default=False) else "strip"


def _side(given: Mapping[str, object], *names: str) -> int | None:
    """Return the smallest of the sides that are given under *names*."""
    sides = (image_fields.side(given, name, most=MAX_SIDE) for name in names)
    return min((side for side in sides if side is not None), default=None)
