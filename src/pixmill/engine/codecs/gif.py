"""GIF, through libvips (cgif and imagequant)."""

from pixmill.engine.quality import interpolate
from pixmill.engine.types import Codec, Picture, Plan

# imagequant's efforts: 6 finds the palettes of 7, the default, for less CPU; 4 gives up 8 % of the
# bytes for another half of it.
EFFORT = (1, 2, 4, 6)

#: Quality → bits of palette, and how much a pixel may differ before it is stored again.
BITS = ((1, 4), (40, 6), (60, 7), (70, 8))
FRAME_TOLERANCE = ((1, 24), (60, 12), (80, 6), (95, 0))


def encode(picture: Picture, plan: Plan) -> bytes:
    """Write *picture*; what does not change between frames is left transparent."""
    data: bytes = picture.image.gifsave_buffer(
        bitdepth=round(interpolate(BITS, plan.quality)),
        dither=0.9,
        effort=EFFORT[plan.effort],
        interframe_maxerror=interpolate(FRAME_TOLERANCE, plan.quality),
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
    profile=False,
    lossless=False,
    max_side=65_535,
    max_depth=8,
    bytes_per_pixel=8,
    curve=((0, 1), (95, 100)),
    version="1",
    encode=encode,
)
