"""GIF, through libvips (cgif and imagequant)."""

from pixmill.engine.quality import interpolate
from pixmill.engine.types import Codec, Picture, Plan

# libvips' default effort of 7 saves 8 % more for two and a half times the CPU.
EFFORT = {2: 4, 1: 2, 0: 1}

#: Quality → bits of palette, and how much a pixel may differ before it is stored again.
BITS = ((1, 4), (40, 6), (60, 7), (70, 8))
FRAME_TOLERANCE = ((1, 24), (60, 12), (80, 6), (95, 0))


def encode(picture: Picture, plan: Plan) -> bytes:
    """Write *picture*; what does not change between frames is left transparent."""
    exact = plan.lossless
    data: bytes = picture.image.gifsave_buffer(
        bitdepth=8 if exact else round(interpolate(BITS, plan.quality)),
        dither=0.0 if exact else 0.9,
        effort=EFFORT[plan.effort],
        interframe_maxerror=0 if exact else interpolate(FRAME_TOLERANCE, plan.quality),
        page_height=picture.page_height,
        keep=plan.keep,
    )
    return data


CODEC = Codec(
    name="gif",
    mime="image/gif",
    extension="gif",
    alpha=True,
    animation="always",
    max_side=65_535,
    max_depth=8,
    bytes_per_pixel=8,
    curve=((0, 1), (95, 100)),
    version="1",
    encode=encode,
)
