"""GIF, through libvips (cgif and imagequant)."""

import numpy as np
import pyvips
from numpy.typing import NDArray

from pixmill.engine.content import Content
from pixmill.engine.pixels import to_array
from pixmill.engine.quality import interpolate
from pixmill.engine.types import Codec, Picture, Plan, Way

# imagequant's efforts: 6 finds the palettes of 7, the default, for less CPU; 4 gives up 8 % of the
# bytes for another half of it.
EFFORT = (1, 2, 4, 6, 7)

#: Score → how much a pixel may differ from the frame before until it is stored again.
FRAME_TOLERANCE = ((0, 24), (67, 12), (78, 6), (90, 0))


def _ways(_content: Content, _plan: Plan) -> tuple[Way, ...]:
    return (PALETTE,)


def _encode(picture: Picture, plan: Plan, number: float) -> bytes:
    """Write with palettes of *number* bits; what does not change between frames is left out."""
    data: bytes = picture.image.gifsave_buffer(
        bitdepth=round(number),
        dither=0.9,
        effort=EFFORT[plan.effort],
        interframe_maxerror=interpolate(FRAME_TOLERANCE, plan.score),
        page_height=picture.page_height,
        keep=plan.keep,
    )
    return data


def _read(data: bytes) -> NDArray[np.uint8]:
    return to_array(pyvips.Image.gifload_buffer(data))


PALETTE = Way(name="palette", encode=_encode, curve=((0, 4), (56, 6), (67, 7), (72, 8)))

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
    bytes_per_pixel=20,
    weights={"photo": 4.0, "graphic": 1.0, "screenshot": 1.0, "text": 1.0},
    version="2",
    ways=_ways,
    read=_read,
)
