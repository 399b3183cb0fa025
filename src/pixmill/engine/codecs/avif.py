"""AVIF: stills through libvips and aom, animations through Pillow, which writes real sequences."""

import struct
from io import BytesIO

from PIL import ExifTags, Image, features

from pixmill.engine.pixels import exif, field, to_pillow
from pixmill.engine.quality import encoder_number, score_of
from pixmill.engine.types import Codec, Picture, Plan

# libvips' effort 1 is aom's speed 8: 2 % more bytes than effort 2 for 58 % of its CPU, and 8 % more
# than the default effort for a tenth (docs/adr/0009). Large pictures step down to speed 9.
EFFORT = (0, 0, 1, 1)

#: From this score on, full-resolution color is the smaller way to the same look.
FULL_COLOR_SCORE = 80

# aom's speed for animations, whose every frame is a picture of its own.
ANIMATION_SPEED = 9


def encode(picture: Picture, plan: Plan) -> bytes:
    """Write *picture*, as a sequence when it has more than one frame."""
    number = round(encoder_number(CODEC.curve, plan.quality))
    full = score_of(plan.quality) >= FULL_COLOR_SCORE
    if picture.frames > 1:
        return _sequence(picture, plan, number, full=full)
    data: bytes = picture.image.heifsave_buffer(
        compression="av1",
        Q=number,
        effort=EFFORT[plan.effort],
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
    bytes_per_pixel=20,
    curve=((0, 1), (60, 49.8), (70, 59.2), (80, 71.9), (90, 90.9), (95, 97)),
    version="1",
    encode=encode,
)
