"""The header of a JPEG."""

import struct
from typing import Literal

from pixmill.engine.containers import Data
from pixmill.engine.containers.jpeg import COM, FRAMES, before_scan, carried
from pixmill.engine.probe import exif, icc
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

_PROGRESSIVE = {0xC2, 0xCA}

# Huffman baseline, extended and progressive; the same two with arithmetic coding. What else there
# is (lossless, hierarchical) no decoder in use reads.
_DECODED = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}

_COLORS: dict[int, Literal["grey", "rgb", "cmyk"]] = {1: "grey", 3: "rgb", 4: "cmyk"}


def read(data: Data) -> ImageInfo:
    """Return what the segments before the first scan say; those behind it are not looked at."""
    head = before_scan(data)
    frames = [segment for segment in head if segment.marker in FRAMES]
    if len(frames) != 1:
        raise UnreadableImage(detail=f"{len(frames)} jpeg frames")
    frame = frames[0]
    depth, height, width, components = struct.unpack_from(">BHHB", data, frame.start)
    if frame.end - frame.start != 6 + 3 * components:
        raise UnreadableImage(detail="jpeg frame header of wrong length")
    if frame.marker not in _DECODED or depth != 8 or components not in _COLORS:
        raise UnsupportedFormat(detail=f"jpeg {frame.marker:#x}, {depth} bit, {components} colors")
    parts = carried(data, head)
    found = exif.read(parts.exif) if parts.exif else exif.Exif()
    present = {
        "exif": parts.exif is not None,
        "xmp": parts.xmp is not None,
        "iptc": parts.iptc is not None,
        "comment": any(segment.marker == COM for segment in head),
        "gps": found.gps,
    }
    return ImageInfo(
        format="jpeg",
        width=width,
        height=height,
        colors=_COLORS[components],
        orientation=found.orientation,
        profile=icc.sound(parts.profile),
        metadata=frozenset(name for name, there in present.items() if there),
        progressive=frame.marker in _PROGRESSIVE,
    )
