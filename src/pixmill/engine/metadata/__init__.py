"""Metadata taken out of, and put into, files whose coded pixels stay untouched."""

import struct
from collections.abc import Callable

from pixmill.engine.metadata import gif, isobmff, jpeg, png, webp
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

_STRIPPERS: dict[str, Callable[[bytes, int], bytes]] = {
    "jpeg": jpeg.strip,
    "png": png.strip,
    "webp": webp.strip,
    "gif": gif.strip,
    "avif": isobmff.strip,
    "heic": isobmff.strip,
}


def strip(data: bytes, info: ImageInfo) -> bytes:
    """
    Return *data* with nothing left but what makes up its picture.

    EXIF, XMP, IPTC, comments, private chunks, further pictures and trailing bytes go. The color
    profile stays, since the pixels do, and so does an orientation (OP-35): where EXIF holds it, in
    an EXIF of that one tag. Raises UnreadableImage, and UnsupportedFormat for what is not written.
    """
    stripper = _STRIPPERS.get(info.format)
    if stripper is None:
        raise UnsupportedFormat(detail=f"{info.format} is not written")
    try:
        return stripper(data, info.orientation)
    except (IndexError, struct.error) as error:
        raise UnreadableImage(detail=f"structure cut off: {error}") from error
