"""WebP, through libwebp as libvips drives it."""

from dataclasses import replace

from pixmill.engine.quality import encoder_number
from pixmill.engine.types import Codec, Picture, Plan

# At equal SSIMULACRA2 effort 6 saves 3–5 % more for twice the CPU; lower efforts lose more than
# they save (docs/adr/0008). Very large pictures step down to stay within the deadline.
EFFORT = (2, 3, 4, 4)


def encode(picture: Picture, plan: Plan) -> bytes:
    """
    Write *picture*; what comes from a palette also without loss, whichever is smaller.

    Flat drawings and animations have fewer bytes without loss than with it.
    """
    if plan.lossless:
        return _save(picture, plan, lossless=True)
    if plan.source.colors != "palette":
        return _save(picture, plan, lossless=False)
    picture = replace(picture, image=picture.image.copy_memory())  # rows come only once
    return min((_save(picture, plan, lossless=lossless) for lossless in (False, True)), key=len)


def _save(picture: Picture, plan: Plan, *, lossless: bool) -> bytes:
    """Run the encoder; sharp YUV keeps thin colored edges that plain 4:2:0 smears."""
    number = round(encoder_number(CODEC.curve, plan.quality))
    data: bytes = picture.image.webpsave_buffer(
        Q=number,
        lossless=lossless,
        effort=EFFORT[plan.effort],
        smart_subsample=True,
        # Each frame of an animation lossless or lossy, whichever suits it.
        mixed=picture.frames > 1 and not lossless,
        page_height=picture.page_height,
        keep=plan.keep,
    )
    return data


CODEC = Codec(
    name="webp",
    mime="image/webp",
    extension="webp",
    alpha=True,
    animation="always",
    profile=True,
    lossless=True,
    max_side=16_383,
    max_depth=8,
    bytes_per_pixel=20,
    curve=((0, 1), (60, 44), (70, 64.5), (80, 82), (90, 94), (95, 100)),
    version="1",
    encode=encode,
)
