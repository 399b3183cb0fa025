"""JPEG XL, through libjxl as imagecodecs ships it (an optional extra)."""

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from pixmill.engine.content import Content
from pixmill.engine.extras import libjxl
from pixmill.engine.pixels import exif, field, to_array
from pixmill.engine.types import Codec, Picture, Plan, Way

# Effort 4 is a tenth of AVIF's CPU at fewer bytes from a score of 85 on (research: codecs).
EFFORT = (3, 3, 4, 4, 7)

#: The start of the container (ISO/IEC 18181-2 §9): signature box and file type box.
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "


def _ways(_content: Content, plan: Plan) -> tuple[Way, ...]:
    return (EXACT if plan.lossless else LOSSY,)


def _encode(picture: Picture, plan: Plan, number: float) -> bytes:
    """Write *picture*; *number* is libjxl's distance, and 0 is without loss."""
    pixels = to_array(picture.image)
    codestream = bytes(
        libjxl.jpegxl_encode(
            pixels[:, :, 0] if pixels.shape[2] == 1 else pixels,
            effort=EFFORT[plan.effort],
            distance=number,
            lossless=number == 0 or None,
            usecontainer=False,
            numthreads=1,
        )
    )
    boxes = list(_metadata(picture)) if plan.keep_metadata else []
    if not boxes:
        return codestream
    return _CONTAINER + b"".join([_box(b"jxlc", codestream), *boxes])


def _metadata(picture: Picture) -> Iterator[bytes]:
    block = exif(picture.image)
    if block:
        yield _box(b"Exif", b"\0\0\0\0" + block)
    xmp = field(picture.image, "xmp-data")
    if xmp:
        yield _box(b"xml ", xmp)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _read(data: bytes) -> NDArray[np.uint8]:
    pixels = np.asarray(libjxl.jpegxl_decode(data, numthreads=1))
    return pixels if pixels.ndim == 3 else pixels[:, :, np.newaxis]


# Measured on ten photographs: `python -m benchmarks.curves`. The numbers are distances: the
# smaller, the better it looks.
_LOSSY = (
    (0, 25),
    (20, 15),
    (30, 12.3),
    (40, 9.5),
    (50, 7.1),
    (60, 5),
    (70, 3.3),
    (80, 1.71),
    (85, 1.18),
    (90, 0.65),
    (93, 0.39),
    (95.4, 0.2),
    (96.7, 0.1),
)

LOSSY = Way(
    name="lossy",
    encode=_encode,
    curve=_LOSSY,
    whole=False,
)

EXACT = Way(name="lossless", encode=lambda picture, plan, _number: _encode(picture, plan, 0))

CODEC = Codec(
    name="jxl",
    mime="image/jxl",
    extension="jxl",
    alpha=True,
    animation="never",
    profile=False,
    lossless=True,
    max_side=65_535,
    max_depth=16,
    bytes_per_pixel=40,
    weights={},
    version="2",
    ways=_ways,
    read=_read,
    available=lambda: libjxl is not None,
)
