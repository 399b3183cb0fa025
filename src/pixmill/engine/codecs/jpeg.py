"""JPEG, through jpegli."""

from dataclasses import replace
from functools import partial

import ajpegli
import mozjpeg_lossless_optimization as mozjpeg
import numpy as np
import pyvips
from numpy.typing import NDArray

from pixmill.engine.content import Content
from pixmill.engine.metadata import jpeg as container
from pixmill.engine.pixels import exif, field, to_array
from pixmill.engine.quality import interpolate
from pixmill.engine.types import MOST_EFFORT, Codec, Picture, Plan, Way

#: Score → color edges (`Content.color_edges`) from which color at half resolution costs more bytes
#: than it saves (docs/adr/0016).
FULL_COLOR_EDGES = ((60, 9.3), (70, 3.0), (75, 2.8), (80, 1.9), (85, 1.04), (90, 0.45))


def _ways(content: Content, plan: Plan) -> tuple[Way, ...]:
    if content.gray:
        return (HALF_COLOR,)
    if content.color_edges >= interpolate(FULL_COLOR_EDGES, plan.score):
        return (FULL_COLOR,)
    return HALF_COLOR, replace(FULL_COLOR, fallback=True)


def _encode(picture: Picture, plan: Plan, number: float, *, subsampling: str) -> bytes:
    """
    Write *picture* as a progressive JPEG.

    jpegli's own progressive scan script comes within 0.3 % of a lossless re-scan by mozjpeg for
    a quarter of the CPU (docs/adr/0007), so there is a second pass only where time does not count.
    """
    pixels = to_array(picture.image)
    quality = round(number)
    if pixels.shape[2] == 1:
        data = ajpegli.encode(np.ascontiguousarray(pixels[:, :, 0]), quality=quality, mode="L")
    else:
        data = ajpegli.encode(pixels, quality=quality, subsampling=subsampling)
    if not plan.keep_metadata:
        return data
    return container.insert(
        data,
        exif=exif(picture.image),
        xmp=field(picture.image, "xmp-data"),
        iptc=field(picture.image, "iptc-data"),
        profile=field(picture.image, "icc-profile-data"),
    )


def _finish(data: bytes, plan: Plan) -> bytes:
    if plan.effort < MOST_EFFORT:
        return data
    return min(data, bytes(mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL)), key=len)


def _read(data: bytes) -> NDArray[np.uint8]:
    return to_array(pyvips.Image.jpegload_buffer(data, access="sequential"))


# Measured on ten photographs: `python -m benchmarks.curves`.
_HALF_COLOR = (
    (3, 1),
    (15, 5),
    (28, 10),
    (38, 15),
    (47, 20),
    (53, 25),
    (60, 42),
    (65, 55.5),
    (70, 66.2),
    (75, 76.4),
    (80, 84.9),
    (85, 91),
    (90, 96.4),
    (92.2, 100),
)
_FULL_COLOR = (
    (6, 1),
    (15, 5),
    (28, 10),
    (39, 15),
    (48, 20),
    (55, 25),
    (60, 34.6),
    (65, 47.8),
    (70, 59.5),
    (75, 71.4),
    (80, 81.3),
    (85, 88.8),
    (90, 94.8),
    (93, 97.6),
    (95.5, 100),
)

HALF_COLOR = Way(
    name="4:2:0",
    encode=partial(_encode, subsampling="420"),
    curve=_HALF_COLOR,
    finish=_finish,
)

FULL_COLOR = replace(
    HALF_COLOR,
    name="4:4:4",
    encode=partial(_encode, subsampling="444"),
    curve=_FULL_COLOR,
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
    weights={"photo": 0.83, "graphic": 1.0, "screenshot": 1.0, "text": 1.0},
    version="2",
    ways=_ways,
    read=_read,
)
