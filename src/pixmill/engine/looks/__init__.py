"""
How good a lossy file can still look, read from its header without decoding a pixel.

An encoder says there how coarsely it quantized, and with that goes a look, whatever the picture:
mostly within 5 points, which is how far apart pictures are that were coded alike.
"""

import struct
from collections.abc import Callable

from pixmill.engine.containers import Data
from pixmill.engine.looks import av1, jpeg, webp
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage

_READERS: dict[str, Callable[[Data], float | None]] = {
    "jpeg": jpeg.look,
    "webp": webp.look,
    "avif": av1.look,
}


def coded_look(data: Data, info: ImageInfo) -> float | None:
    """
    Return the SSIMULACRA2, 0–100, that a file coded like *data* usually has against its original.

    None where nothing can be said: no loss, animations, formats that are not looked into, streams
    that are unusual or damaged. *info* is what `probe` says of *data*.
    """
    read = _READERS.get(info.format)
    if read is None or info.lossless or info.frames > 1 or info.colors == "cmyk":
        return None
    try:
        return read(data)
    except (UnreadableImage, IndexError, struct.error):
        return None
