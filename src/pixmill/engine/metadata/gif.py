"""Metadata of GIF files."""

import struct

from pixmill.engine.containers.gif import (
    GRAPHIC_CONTROL,
    IMAGE,
    PLAIN_TEXT,
    TRAILER,
    blocks,
    header_size,
    repeats,
)
from pixmill.errors import UnreadableImage

#: Blocks that make up the picture; plain text is drawn, too.
_KEPT = {IMAGE, GRAPHIC_CONTROL, PLAIN_TEXT}


def strip(data: bytes, _orientation: int) -> bytes:
    """Return *data* with its frames and how often they play. GIF knows no orientation."""
    end = header_size(data)
    kept = [data[:end]]
    for block in blocks(data):
        end = block.end
        again = repeats(data, block)
        if again is not None:
            kept.append(b"!\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<Hx", again))
        elif block.kind in _KEPT:
            if not block.whole:
                raise UnreadableImage(detail="gif block cut off")
            kept.append(data[block.start : end])
    # Many files lack the trailer, and none gets one that would make it longer.
    return b"".join(kept) + (TRAILER if end < len(data) else b"")
