"""Metadata of WebP files."""

import struct

from pixmill.engine.containers.riff import build, chunks, file_end
from pixmill.engine.metadata.exif import minimal
from pixmill.engine.probe.webp import ALPHA, ANIMATION, EXIF, FRAME_HEADER_SIZE, ICC
from pixmill.errors import UnreadableImage

_PICTURE = {b"VP8 ", b"VP8L", b"ALPH"}
_KEPT = _PICTURE | {b"VP8X", b"ICCP", b"ANIM", b"ANMF"}


def strip(data: bytes, orientation: int) -> bytes:
    """Return *data* with only the chunks that matter, and *orientation* if it is not 1."""
    kept: list[bytes] = []
    end = file_end(data)
    for kind, start, stop in chunks(data, 12, end):
        if stop > end:
            raise UnreadableImage(detail=f"webp chunk {kind!r} cut off")
        body = data[start:stop]
        if kind == b"VP8X":
            flags = body[0] & (ICC | ALPHA | ANIMATION) | (EXIF if orientation != 1 else 0)
            body = bytes((flags,)) + body[1:]
        elif kind == b"ANMF":
            body = _frame(data, start, stop)
        if kind in _KEPT:
            kept.append(build(kind, body))
    if orientation != 1:
        kept.append(build(b"EXIF", minimal(orientation)))
    whole = b"WEBP" + b"".join(kept)
    return b"RIFF" + struct.pack("<I", len(whole)) + whole


def _frame(data: bytes, start: int, end: int) -> bytes:
    """Return the contents of one ANMF chunk without unknown chunks, which may be in there too."""
    at = start + FRAME_HEADER_SIZE
    kept = [data[start:at]]
    for kind, first, last in chunks(data, at, end):
        if last > end:
            raise UnreadableImage(detail="webp frame cut off")
        if kind in _PICTURE:
            kept.append(build(kind, data[first:last]))
    if len(kept) == 1:
        raise UnreadableImage(detail="webp frame without a picture")
    return b"".join(kept)
