"""The few things in EXIF that matter before pixels are read."""

import struct
from typing import NamedTuple

from pixmill.engine.containers.tiff import Entry, Tiff
from pixmill.errors import UnreadableImage

ORIENTATION = 274
GPS = 34853

PREFIX = b"Exif\0\0"


class Exif(NamedTuple):
    """What was found; the defaults stand for what is missing or broken."""

    orientation: int = 1
    gps: bool = False
    empty: bool = False  #: it is sound and says nothing


def read(data: bytes) -> Exif:
    """
    Return what the TIFF structure *data* says; EXIF that is broken says nothing.

    The prefix that belongs in JPEG only is passed over: many programs write it elsewhere, too.
    """
    try:
        structure = Tiff(data.removeprefix(PREFIX))
        return of(structure, structure.directory(structure.first))
    except (UnreadableImage, struct.error):
        return Exif()


def of(structure: Tiff, directory: dict[int, Entry]) -> Exif:
    """Return what *directory*, the first one of *structure*, says."""
    orientation = structure.numbers(directory.get(ORIENTATION))
    pointer = structure.numbers(directory.get(GPS))
    return Exif(
        orientation=orientation[0] if orientation and 1 <= orientation[0] <= 8 else 1,
        gps=bool(pointer and pointer[0] > 0 and structure.entries(pointer[0])),
        empty=not directory,
    )
