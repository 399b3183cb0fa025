"""EXIF as small as it can be, and EXIF that agrees with pixels that were turned."""

import struct

from pixmill.engine.containers.tiff import Tiff
from pixmill.engine.probe.exif import ORIENTATION, PREFIX
from pixmill.errors import UnreadableImage

_SHORT = 3

#: A TIFF structure whose only directory has no entries.
EMPTY = b"MM\0*" + struct.pack(">IHI", 8, 0, 0)


def minimal(orientation: int) -> bytes:
    """Return a TIFF structure with *orientation* and nothing else."""
    entry = struct.pack(">HHIHxx", ORIENTATION, _SHORT, 1, orientation)
    return b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)


def upright(exif: bytes) -> bytes:
    """
    Return *exif* saying that the pixels need no turning.

    The thumbnail's own directory is left alone. EXIF that is broken is returned as it is, and so
    is the prefix that EXIF has in JPEG.
    """
    body = exif.removeprefix(PREFIX)
    changed = bytearray(body)
    try:
        structure = Tiff(body)
        for entry in structure.entries(structure.first):
            if entry.tag == ORIENTATION:
                place = structure.place(entry)
                if place is not None:
                    struct.pack_into(place.format, changed, place.at, 1)
    except (UnreadableImage, struct.error):
        return exif
    return exif[: len(exif) - len(body)] + bytes(changed)
