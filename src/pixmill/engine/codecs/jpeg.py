"""JPEG, through jpegli."""

import ajpegli
import numpy as np

from pixmill.engine.metadata import jpeg as container
from pixmill.engine.pixels import exif, field, to_array
from pixmill.engine.quality import encoder_number, score_of
from pixmill.engine.types import Codec, Picture, Plan

#: From this score on, color at half resolution costs more bytes than it saves (docs/adr/0007).
FULL_COLOR_SCORE = 90


def encode(picture: Picture, plan: Plan) -> bytes:
    """
    Write *picture* as a progressive JPEG.

    jpegli's own progressive scan script comes within 0.3 % of a lossless re-scan by mozjpeg for
    a quarter of the CPU (docs/adr/0007), so there is no second pass.
    """
    pixels = to_array(picture.image)
    number = round(encoder_number(CODEC.curve, plan.quality))
    if pixels.shape[2] == 1:
        data = ajpegli.encode(np.ascontiguousarray(pixels[:, :, 0]), quality=number, mode="L")
    else:
        full = score_of(plan.quality) >= FULL_COLOR_SCORE
        data = ajpegli.encode(pixels, quality=number, subsampling="444" if full else "420")
    if not plan.keep_metadata:
        return data
    return container.insert(
        data,
        exif=exif(picture.image),
        xmp=field(picture.image, "xmp-data"),
        iptc=field(picture.image, "iptc-data"),
        profile=field(picture.image, "icc-profile-data"),
    )


CODEC = Codec(
    name="jpeg",
    mime="image/jpeg",
    extension="jpg",
    alpha=False,
    animation="never",
    profile=True,
    lossless=False,
    max_side=65_500,
    max_depth=8,
    bytes_per_pixel=12,
    curve=((0, 1), (60, 49.4), (70, 70.3), (80, 86), (90, 95.9), (95, 100)),
    version="1",
    encode=encode,
)
