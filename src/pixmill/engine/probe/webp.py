"""The header of a WebP, still or animated."""

import struct
from typing import NamedTuple

from pixmill.engine.containers import Data
from pixmill.engine.containers.riff import Chunk, chunks, file_end
from pixmill.engine.probe import exif, icc
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

# The flags of a VP8X chunk (RFC 9649, section 2.7).
ANIMATION, EXIF, ALPHA, ICC = 0x02, 0x08, 0x10, 0x20

#: Bytes of an ANMF chunk before the chunks of its picture.
FRAME_HEADER_SIZE = 16

#: Fewest bytes of chunks that are looked into.
_LEAST = {b"VP8X": 10, b"ANIM": 6, b"ANMF": FRAME_HEADER_SIZE + 8, b"VP8 ": 10, b"VP8L": 5}


class _Picture(NamedTuple):
    width: int
    height: int
    alpha: bool
    lossless: bool


def read(data: Data) -> ImageInfo:
    """Return what the chunks say; where the flags of VP8X matter they decide, as in libwebp."""
    if data[:4] != b"RIFF":
        raise UnsupportedFormat(detail="webp without riff")
    end = file_end(data)
    first: dict[bytes, Chunk] = {}
    frames: list[Chunk] = []
    for chunk in chunks(data, 12, end):
        if chunk.end - chunk.start < _LEAST.get(chunk.kind, 0):
            raise UnreadableImage(detail=f"webp chunk {chunk.kind!r} too small")
        if chunk.kind == b"ANMF":
            frames.append(chunk)
        else:
            first.setdefault(chunk.kind, chunk)
    canvas = first.get(b"VP8X")
    flags = data[canvas.start] if canvas is not None and canvas.start == 20 else None
    loops = None
    if flags is not None and flags & ANIMATION:
        picture = _animated(data, frames, flags, end)
        if len(frames) > 1:
            (loops,) = struct.unpack_from("<4xH", data, _wanted(first, b"ANIM").start)
    else:
        frames = frames[:0]
        picture = _still(data, first, flags)
    if canvas is not None and flags is not None:
        picture = picture._replace(
            width=int.from_bytes(data[canvas.start + 4 : canvas.start + 7], "little") + 1,
            height=int.from_bytes(data[canvas.start + 7 : canvas.start + 10], "little") + 1,
        )
    metadata, orientation = _metadata(data, first, flags or 0)
    return ImageInfo(
        format="webp",
        width=picture.width,
        height=picture.height,
        frames=len(frames) or 1,
        loops=loops,
        alpha=picture.alpha,
        orientation=orientation,
        profile=_profile(data, first, flags or 0),
        metadata=metadata,
        lossless=picture.lossless,
    )


def _wanted(first: dict[bytes, Chunk], *kinds: bytes) -> Chunk:
    for kind in kinds:
        if kind in first:
            return first[kind]
    raise UnreadableImage(detail=f"webp without {kinds}")


def _still(data: Data, first: dict[bytes, Chunk], flags: int | None) -> _Picture:
    chunk = _wanted(first, b"VP8 ", b"VP8L")
    if flags is None and chunk.start != 20:
        raise UnreadableImage(detail="webp does not begin with its picture")
    picture = _lossless(data, chunk) if chunk.kind == b"VP8L" else _lossy(data, chunk)
    if chunk.kind == b"VP8 " and flags is not None:
        picture = picture._replace(alpha=bool(flags & ALPHA) or b"ALPH" in first)
    return picture


def _lossy(data: Data, chunk: Chunk) -> _Picture:
    """Read the frame header of VP8 (RFC 6386, section 9.1)."""
    tag, start_code, width, height = struct.unpack_from("<B2x3sHH", data, chunk.start)
    if tag & 1 or start_code != b"\x9d\x01\x2a":
        raise UnreadableImage(detail="webp without key frame")
    return _Picture(width & 0x3FFF, height & 0x3FFF, alpha=False, lossless=False)


def _lossless(data: Data, chunk: Chunk) -> _Picture:
    """Read the header of VP8L (RFC 9649, section 3.4)."""
    signature, bits = struct.unpack_from("<BI", data, chunk.start)
    if signature != 0x2F or bits >> 29:
        raise UnreadableImage(detail="not lossless webp")
    width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _Picture(width, height, alpha=bool(bits >> 28 & 1), lossless=True)


def _animated(data: Data, frames: list[Chunk], flags: int, end: int) -> _Picture:
    """Look at the first chunk in each frame. The size is the canvas's, which the caller knows."""
    if not frames or frames[-1].start + FRAME_HEADER_SIZE > end:
        raise UnreadableImage(detail="webp animation without frames")
    lossless = all(
        data[frame.start + FRAME_HEADER_SIZE : frame.start + FRAME_HEADER_SIZE + 4] == b"VP8L"
        for frame in frames
    )
    return _Picture(0, 0, alpha=bool(flags & ALPHA), lossless=lossless)


def _metadata(data: Data, first: dict[bytes, Chunk], flags: int) -> tuple[frozenset[str], int]:
    """Return what metadata there is, and the orientation, which counts only when announced."""
    metadata: set[str] = {"xmp"} if b"XMP " in first else set()
    found = exif.Exif()
    if b"EXIF" in first:
        found = exif.read(data[first[b"EXIF"].start : first[b"EXIF"].end])
        metadata |= {"exif", "gps"} if found.gps else {"exif"}
    return frozenset(metadata), found.orientation if flags & EXIF else 1


def _profile(data: Data, first: dict[bytes, Chunk], flags: int) -> bytes | None:
    chunk = first.get(b"ICCP")
    if chunk is None or not flags & ICC:
        return None
    return icc.sound(data[chunk.start : chunk.end])
