"""JPEG XL, through libjxl as imagecodecs ships it (an optional extra)."""

import struct
from collections.abc import Iterator

from pixmill.engine.extras import libjxl
from pixmill.engine.pixels import exif, field, to_array
from pixmill.engine.quality import encoder_number
from pixmill.engine.types import Codec, Picture, Plan

# Effort 4 is a tenth of AVIF's CPU at fewer bytes from a score of 85 on (research: codecs).
EFFORT = (3, 3, 4, 4)

#: The start of the container (ISO/IEC 18181-2 §9): signature box and file type box.
_CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl \0\0\0\0jxl "


def encode(picture: Picture, plan: Plan) -> bytes:
    """Write *picture*; kept metadata goes into boxes beside the bare codestream."""
    pixels = to_array(picture.image)
    codestream = bytes(
        libjxl.jpegxl_encode(
            pixels[:, :, 0] if pixels.shape[2] == 1 else pixels,
            effort=EFFORT[plan.effort],
            distance=0.0 if plan.lossless else encoder_number(CODEC.curve, plan.quality),
            lossless=plan.lossless or None,
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
    # The numbers are distances: the smaller, the better it looks.
    curve=((0, 15), (60, 4.8), (70, 3.12), (80, 1.64), (90, 0.646), (95, 0.2)),
    version="1",
    encode=encode,
    available=lambda: libjxl is not None,
)
