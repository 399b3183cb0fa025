"""What can be measured of a picture, and a small copy of it for a model that describes it."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

import ajpegli
import cv2
import numpy as np
from numpy.typing import NDArray

from pixmill.engine import words
from pixmill.engine.colors import Color, dominant
from pixmill.engine.decode import decode
from pixmill.engine.faults import blaming_the_image
from pixmill.engine.metadata import shot
from pixmill.engine.metadata.shot import Shot
from pixmill.engine.pixels import to_array
from pixmill.engine.plan import plans
from pixmill.engine.probe import probe
from pixmill.engine.transform import transform
from pixmill.engine.types import ImageInfo, Limits, Options, Plan
from pixmill.engine.words.types import Words

#: Pixels of the longer side of a preview.
PREVIEW_SIDE = 768

_PREVIEW_QUALITY = 82

#: Pixels of the longer side at which sharpness is measured, unless the picture is smaller: one that
#: is sharp has less from pixel to pixel the more pixels it has.
SHARPNESS_SIDE = 512

_WHITE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a picture is. Where it was taken is not told, only whether the file would."""

    format: str
    width: int  #: upright, as a viewer shows it
    height: int
    file_size: int
    frames: int
    alpha: bool  #: the file has an alpha channel, whatever is in it
    colors: tuple[Color, ...]  #: up to five, the largest first; none if nothing can be seen
    sharpness: float  #: variance of the Laplacian of luma at `SHARPNESS_SIDE`; below 100 is soft
    shot: Shot
    gps: bool
    words: Words  #: that are in the file
    c2pa: bool  #: the file has a C2PA manifest
    #: JPEG in sRGB, upright, at most `PREVIEW_SIDE` pixels a side, without metadata, on white.
    data: bytes = field(repr=False)

    def facts(self) -> dict[str, Any]:
        """Return everything but the preview, as plain values for JSON."""
        values = asdict(replace(self, data=b""))
        del values["data"]
        return values


def prepare(info: ImageInfo, limits: Limits) -> Plan:
    """Return how the picture that *info* describes is looked at. Raises TooManyPixels."""
    small = Options(format="jpeg", width=PREVIEW_SIDE, height=PREVIEW_SIDE)
    # Alpha stays until colors are counted: what cannot be seen has none.
    return replace(plans(info, small, limits)[0], flatten=None)


def survey(data: bytes, limits: Limits) -> Survey:
    """Measure the picture in *data*, of an animation the first frame. Raises UnreadableImage."""
    info = probe(data)
    plan = prepare(info, limits)
    with blaming_the_image():
        pixels = _rgb(to_array(transform(decode(data, plan), plan).image))
        flat = _on_white(pixels)
        blocks = words.blocks(data)
        width, height = info.upright_size
        return Survey(
            format=info.format,
            width=width,
            height=height,
            file_size=len(data),
            frames=info.frames,
            alpha=info.alpha,
            colors=dominant(pixels),
            sharpness=_sharpness(flat),
            shot=shot.read(blocks.exif) if blocks.exif else Shot(),
            gps="gps" in info.metadata,
            words=words.read_blocks(blocks),
            c2pa=words.c2pa(data),
            data=ajpegli.encode(flat, quality=_PREVIEW_QUALITY, subsampling="420"),
        )


def _rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return *pixels* with three bands for color, and alpha if there is any."""
    if pixels.shape[2] >= 3:
        return pixels
    return np.ascontiguousarray(pixels[:, :, [0, 0, 0, 1][: 2 + pixels.shape[2]]])


def _on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if pixels.shape[2] == 3:
        return pixels
    alpha = pixels[:, :, 3:].astype(np.uint16)
    mixed = pixels[:, :, :3] * alpha + _WHITE * (_WHITE - alpha)
    return np.ascontiguousarray(((mixed + _WHITE // 2) // _WHITE).astype(np.uint8))


def _sharpness(pixels: NDArray[np.uint8]) -> float:
    luma = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = luma.shape
    ratio = SHARPNESS_SIDE / max(width, height)
    if ratio < 1:
        size = max(1, round(width * ratio)), max(1, round(height * ratio))
        luma = cv2.resize(luma, size, interpolation=cv2.INTER_AREA)
    return round(float(cv2.Laplacian(luma, cv2.CV_64F).var()), 1)
