"""The header of a PNG, still or animated."""

import struct
import zlib
from typing import Literal

from pixmill.engine.containers import Data
from pixmill.engine.containers.png import Chunk, chunks
from pixmill.engine.probe import exif, icc
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage

#: Depths that each color type may have (PNG, third edition, table 11).
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}

_COLORS: dict[int, Literal["grey", "rgb", "palette"]] = {
    0: "grey",
    2: "rgb",
    3: "palette",
    4: "grey",
    6: "rgb",
}
_WITH_ALPHA = {4, 6}

_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_SINGLE = {b"IHDR", b"IDAT", b"acTL", b"tRNS", b"iCCP", b"eXIf"}

# Keywords under which programs put other metadata into text.
_KEYWORDS = {
    b"XML:com.adobe.xmp": "xmp",
    b"Raw profile type xmp": "xmp",
    b"Raw profile type exif": "exif",
    b"Raw profile type APP1": "exif",
    b"Raw profile type iptc": "iptc",
    b"Raw profile type 8bim": "iptc",
}


def read(data: Data) -> ImageInfo:
    """Return what the chunks say, wherever they are: EXIF may follow the pixels."""
    first: dict[bytes, Chunk] = {}
    metadata: set[str] = set()
    frames = 0
    for chunk in chunks(data):
        if chunk.kind == b"fcTL":
            frames += 1
        elif chunk.kind in _TEXTS:
            keyword = data[chunk.start : min(chunk.end, chunk.start + 80)].split(b"\0")[0]
            metadata.add(_KEYWORDS.get(keyword, "comment"))
        elif chunk.kind in _SINGLE:
            first.setdefault(chunk.kind, chunk)
    width, height, depth, kind, interlaced = _header(data, first)
    frames, loops = _animation(data, first, frames)
    found = exif.Exif()
    if b"eXIf" in first:
        found = exif.read(data[first[b"eXIf"].start : first[b"eXIf"].end])
        metadata |= {"exif", "gps"} if found.gps else {"exif"}
    return ImageInfo(
        format="png",
        width=width,
        height=height,
        frames=frames,
        loops=loops,
        alpha=kind in _WITH_ALPHA or b"tRNS" in first,
        # The depth of a palette image is that of its indices; its samples have 8 bits.
        depth=8 if _COLORS[kind] == "palette" else depth,
        colors=_COLORS[kind],
        orientation=found.orientation,
        profile=icc.sound(_profile(data, first.get(b"iCCP"))),
        metadata=frozenset(metadata),
        progressive=interlaced == 1,
        lossless=True,
    )


def _header(data: Data, first: dict[bytes, Chunk]) -> tuple[int, int, int, int, int]:
    """Return width, height, depth, color type and interlacing."""
    head = first.get(b"IHDR")
    if head is None or head.start != 16 or head.end != 29 or b"IDAT" not in first:
        raise UnreadableImage(detail="png without header or pixels")
    width, height, depth, kind, packing, filtering, interlaced = struct.unpack_from(
        ">IIBBBBB", data, head.start
    )
    if depth not in _DEPTHS.get(kind, ()) or packing or filtering or interlaced > 1:
        raise UnreadableImage(detail=f"png of color type {kind} with depth {depth}")
    if max(width, height) > 0x7FFFFFFF:
        raise UnreadableImage(detail="png of impossible size")
    return width, height, depth, kind, interlaced


def _animation(data: Data, first: dict[bytes, Chunk], seen: int) -> tuple[int, int | None]:
    """Return the number of frames and of loops; frames that are only announced do not count."""
    control = first.get(b"acTL")
    if control is None or control.start > first[b"IDAT"].start or control.end - control.start != 8:
        return 1, None
    announced, loops = struct.unpack_from(">II", data, control.start)
    frames = min(announced, seen)
    return (frames, loops) if frames > 1 else (1, None)


def _profile(data: Data, chunk: Chunk | None) -> bytes | None:
    if chunk is None:
        return None
    name, _, packed = data[chunk.start : chunk.end].partition(b"\0")
    if not 1 <= len(name) <= 79 or packed[:1] != b"\0":
        return None
    stream = zlib.decompressobj()
    try:
        # A few kilobytes can claim to be gigabytes: one byte more than allowed tells enough.
        profile = stream.decompress(packed[1:], icc.LARGEST + 1)
    except zlib.error:
        return None
    return profile if stream.eof else None
