"""Between libvips images, arrays and Pillow images."""

from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray
from PIL import Image

from pixmill.engine.metadata.exif import upright
from pixmill.engine.types import Picture

#: Band counts of 8-bit images → Pillow's name for them.
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}

#: libvips' interpretations of 8-bit pixels by band count.
_INTERPRETATIONS = {1: "b-w", 2: "b-w", 3: "srgb", 4: "srgb"}


def to_array(image: pyvips.Image) -> NDArray[Any]:
    """Return the pixels as an array of (height, width, bands)."""
    kind = np.uint16 if image.format == "ushort" else np.uint8
    flat = np.frombuffer(image.write_to_memory(), dtype=kind)
    return flat.reshape(image.height, image.width, image.bands)


def to_pillow(picture: Picture) -> list[Image.Image]:
    """Return the frames of an 8-bit picture as Pillow images."""
    array = to_array(picture.image)
    mode = _MODES[array.shape[2]]
    frames = array.reshape(picture.frames, picture.page_height, *array.shape[1:])
    return [
        Image.frombytes(mode, (frame.shape[1], frame.shape[0]), frame.tobytes()) for frame in frames
    ]


def from_array(array: NDArray[np.uint8]) -> pyvips.Image:
    """Return an image of the 8-bit pixels in *array*, (height, width, bands)."""
    height, width, bands = array.shape
    image = pyvips.Image.new_from_memory(array.tobytes(), width, height, bands, "uchar")
    return image.copy(interpretation=_INTERPRETATIONS[bands])


def field(image: pyvips.Image, name: str) -> bytes | None:
    """Return the metadata field *name* of *image*, EXIF without JPEG's prefix before it."""
    if not image.get_typeof(name):
        return None
    value = bytes(image.get(name))
    return value.removeprefix(b"Exif\0\0") or None


def exif(image: pyvips.Image) -> bytes | None:
    """Return the EXIF of *image*, without an orientation: the pixels have been turned."""
    found = field(image, "exif-data")
    return upright(found) if found else None
