"""
What an image file says of itself, read from its header without any codec.

This also runs in the web process, where nothing contains a decoder that goes wild. So it is plain
Python over slices, its time is linear in the file's size, and a file of more pieces than real ones
have is refused.
"""

import struct
from collections.abc import Callable

from pixmill.engine.containers import Data
from pixmill.engine.probe import bmp, gif, isobmff, jpeg, png, tiff, webp
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

# Where each format's signature is, what it is, and who reads on from there.
_SIGNATURES: tuple[tuple[int, bytes, Callable[[Data], ImageInfo]], ...] = (
    (0, b"\xff\xd8\xff", jpeg.read),
    (0, b"\x89PNG\r\n\x1a\n", png.read),
    (8, b"WEBP", webp.read),
    (0, b"GIF87a", gif.read),
    (0, b"GIF89a", gif.read),
    (4, b"ftyp", isobmff.read),
    (0, b"II*\0", tiff.read),
    (0, b"MM\0*", tiff.read),
    (0, b"BM", bmp.read),
)


def probe(data: Data) -> ImageInfo:
    """
    Return what the header of *data* says; the format is told by content alone.

    Raises UnsupportedFormat or UnreadableImage. *data* may be anything that slices to bytes, has a
    length and gives its buffer.
    """
    try:
        info = _reader(data[:16])(data)
    except (IndexError, struct.error) as error:
        # How a read past the end shows.
        raise UnreadableImage(detail=f"header cut off: {error}") from error
    if info.width < 1 or info.height < 1:
        raise UnreadableImage(detail=f"{info.width} by {info.height} pixels")
    return info


def _reader(head: bytes) -> Callable[[Data], ImageInfo]:
    for at, signature, read in _SIGNATURES:
        if head.startswith(signature, at):
            return read
    raise UnsupportedFormat(detail=f"begins with {head!r}")
