"""
From bytes to pixels.

The loader follows from what `probe` found, never from libvips' own sniffing, so only formats on our
list are ever decoded. Only buffers are loaded: no name that a caller chose reaches a library.
"""

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

from pixmill import errors
from pixmill.engine.extras import pillow_heif
from pixmill.engine.pixels import from_array
from pixmill.engine.types import ImageInfo, Picture, Plan

# `Limits` decide how large a picture may be; Pillow's own limit would be a second opinion.
Image.MAX_IMAGE_PIXELS = None

# A broken file is refused rather than shown half: damage that a decoder only warns about passes.
FAIL_ON = "error"

# As browsers do: a frame of so few milliseconds is shown for that many instead.
NO_DELAY = 10
DELAY_INSTEAD = 100

#: Formats whose decoder turns the picture itself, as their specifications demand.
TURNED_BY_DECODER = frozenset({"avif", "heic"})

#: JPEG can be decoded at 1/2, 1/4 or 1/8 for a fraction of the work. As much as this many times
#: the wanted size is left for the resampling that follows, which is the better filter.
SHRINK_MARGIN = 2


def decode(data: bytes, plan: Plan) -> Picture:
    """
    Return the pixels of *data* as *plan* needs them, not yet turned, resized or converted.

    A JPEG may come smaller than it is stored when the plan shrinks it. Rows may be
    delivered lazily and once, so damage can show up as pyvips.Error later on, when they are used.
    """
    info = plan.source
    if info.format == "heic":
        return _heic(data)
    if info.format == "bmp" or (plan.animated and info.format in {"png", "avif"}):
        return _pillow(data, info, animated=plan.animated)
    image = _LOADERS[info.format](data, plan)
    page_height = image.get("page-height") if plan.animated else image.height
    if info.format == "gif" and (image.width, page_height) != (info.width, info.height):
        # libvips takes a canvas over 2,048 px for no larger than its first frame.
        return _pillow(data, info, animated=plan.animated)
    _check_size(image.width, page_height, plan)
    if not plan.animated:
        return Picture(image=image, page_height=page_height)
    return Picture(
        image=image,
        page_height=page_height,
        delays=tuple(_shown_for(delay) for delay in image.get("delay")),
        loops=info.loops or 0,
    )


def _check_size(width: int, height: int, plan: Plan) -> None:
    """Refuse a picture of another size than its header promised: limits were checked by that."""
    info = plan.source
    turned = info.format in TURNED_BY_DECODER
    expected = info.upright_size if turned else (info.width, info.height)
    if info.format == "jpeg" and plan.resize:  # decoded at a fraction
        return
    if (width, height) != expected:
        raise errors.UnreadableImage(detail=f"{width} × {height} instead of {expected}")


def _jpeg(data: bytes, plan: Plan) -> pyvips.Image:
    shrink = 1
    if plan.resize:
        width, height = plan.source.upright_size
        ratio = min(width / plan.size[0], height / plan.size[1])
        shrink = max((s for s in (2, 4, 8) if s * SHRINK_MARGIN <= ratio), default=1)
    return pyvips.Image.jpegload_buffer(
        data, access="sequential", fail_on=FAIL_ON, shrink=shrink, unlimited=False
    )


def _png(data: bytes, plan: Plan) -> pyvips.Image:
    # Interlaced rows do not arrive in order.
    access = "random" if plan.source.progressive else "sequential"
    return pyvips.Image.pngload_buffer(data, access=access, fail_on=FAIL_ON)


def _webp(data: bytes, plan: Plan) -> pyvips.Image:
    pages = -1 if plan.animated else 1
    return pyvips.Image.webpload_buffer(data, access="sequential", fail_on=FAIL_ON, n=pages)


def _gif(data: bytes, plan: Plan) -> pyvips.Image:
    pages = -1 if plan.animated else 1
    return pyvips.Image.gifload_buffer(data, access="sequential", fail_on=FAIL_ON, n=pages)


def _avif(data: bytes, plan: Plan) -> pyvips.Image:  # noqa: ARG001 - loaders share a signature
    return pyvips.Image.heifload_buffer(data, access="sequential", fail_on=FAIL_ON)


def _tiff(data: bytes, plan: Plan) -> pyvips.Image:  # noqa: ARG001 - loaders share a signature
    return pyvips.Image.tiffload_buffer(data, access="sequential", fail_on=FAIL_ON)


_LOADERS: dict[str, Callable[[bytes, Plan], pyvips.Image]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "gif": _gif,
    "avif": _avif,
    "tiff": _tiff,
}


def readable() -> frozenset[str]:
    """Return the names of the formats that can be read here."""
    return frozenset(_LOADERS) | {"bmp"} | ({"heic"} if pillow_heif else set())


def _heic(data: bytes) -> Picture:
    if pillow_heif is None:
        raise errors.UnsupportedFormat("HEIC images are not read by this server.")
    file = pillow_heif.open_heif(data, convert_hdr_to_8bit=True)
    frame = file[file.primary_index]
    array = np.asarray(frame)
    if array.ndim == 2:
        array = array[:, :, np.newaxis]
    image = _with_fields(from_array(array), frame.info)
    return Picture(image=image, page_height=image.height)


def _pillow(data: bytes, info: ImageInfo, *, animated: bool) -> Picture:
    """Decode by Pillow what libvips cannot: BMP, animated PNG, AVIF sequences."""
    with Image.open(BytesIO(data), formats=[info.format.upper()]) as source:
        frames, delays = [], []
        # An animated PNG may begin with a picture for programs that cannot play it.
        first = 1 if animated and getattr(source, "default_image", False) else 0
        for index in range(first, getattr(source, "n_frames", 1) if animated else 1):
            source.seek(index)
            frames.append(_eight_bit(source, "RGBA" if info.alpha else "RGB"))
            delays.append(_shown_for(int(source.info.get("duration") or 0)))
        image = _with_fields(from_array(np.concatenate(frames)), source.info)
    return Picture(
        image=image,
        page_height=image.height // len(frames),
        delays=tuple(delays) if len(frames) > 1 else (),
        loops=info.loops or 0,
    )


def _eight_bit(frame: Image.Image, mode: str) -> NDArray[np.uint8]:
    """Return the pixels of *frame*; Pillow itself would clip 16 bits instead of scaling them."""
    if frame.mode.startswith("I"):
        frame = Image.fromarray((np.asarray(frame).astype(np.uint32) >> 8).astype(np.uint8))
    return np.asarray(frame.convert(mode))


def _with_fields(image: pyvips.Image, info: Mapping[Any, Any]) -> pyvips.Image:
    """Carry over what Pillow and pillow-heif found beside the pixels, under libvips' names."""
    image = image.copy()
    for theirs, ours in (
        ("exif", "exif-data"),
        ("xmp", "xmp-data"),
        ("icc_profile", "icc-profile-data"),
    ):
        value = info.get(theirs)
        if isinstance(value, bytes) and value:
            image.set_type(pyvips.GValue.blob_type, ours, value)
    return image


def _shown_for(delay: int) -> int:
    return delay if delay > NO_DELAY else DELAY_INSTEAD
