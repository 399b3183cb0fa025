"""TIFF directories (TIFF 6.0, section 2), which EXIF uses too."""

import struct
from typing import NamedTuple

from pixmill.engine.containers import Data
from pixmill.errors import UnreadableImage

#: Fields of a directory that are read; fewer than 100 are defined.
MOST = 4096

#: Field types that hold whole numbers, as `struct` calls them: BYTE, SHORT, LONG and their signed.
_WHOLE = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i"}

#: Field types of one byte an element: BYTE, ASCII, SBYTE, UNDEFINED.
_BYTES = {1, 2, 6, 7}


class Entry(NamedTuple):
    """One field: *at* is where its value, or the offset of its value, is stored."""

    tag: int
    type: int
    length: int  #: in values
    at: int


class Place(NamedTuple):
    """Where the first number of a field is, and how `struct` reads it."""

    at: int
    format: str


class Tiff:
    """The directories of one TIFF structure. Raises UnreadableImage when it has no header."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4], "")
        if not self.order or len(data) < 8:
            raise UnreadableImage(detail="not a tiff header")
        #: Where the first directory lies.
        self.first = self.number("I", 4)

    def number(self, kind: str, at: int) -> int:
        """Return the number at *at*; *kind* is a `struct` letter."""
        return int(struct.unpack_from(self.order + kind, self.data, at)[0])

    def entries(self, at: int) -> list[Entry]:
        """Return the fields of the directory at *at*, as many of them as there are."""
        head = self.data[at : at + 2]
        if len(head) < 2:
            return []
        (count,) = struct.unpack(self.order + "H", head)
        fields = struct.Struct(self.order + "HHI4x")
        table = self.data[at + 2 : at + 2 + min(count, MOST) * fields.size]
        table = table[: len(table) // fields.size * fields.size]
        return [
            Entry(tag, kind, length, at + 10 + index * fields.size)
            for index, (tag, kind, length) in enumerate(fields.iter_unpack(table))
        ]

    def directory(self, at: int) -> dict[int, Entry]:
        """Return the fields of the directory at *at* by tag; of doubles the first one counts."""
        return {entry.tag: entry for entry in reversed(self.entries(at))}

    def place(self, entry: Entry) -> Place | None:
        """Return where the numbers of a field are; None when it does not hold whole numbers."""
        kind = _WHOLE.get(entry.type)
        if kind is None or not entry.length:
            return None
        size = struct.calcsize(f"={kind}")
        at = entry.at if entry.length * size <= 4 else self.number("I", entry.at)
        return Place(at, self.order + kind)

    def numbers(self, entry: Entry | None, *, most: int = 1) -> tuple[int, ...]:
        """Return the first *most* values of a field of whole numbers; none when it is not one."""
        place = self.place(entry) if entry else None
        if entry is None or place is None:
            return ()
        element = struct.Struct(place.format)
        values = self.data[place.at : place.at + min(entry.length, most) * element.size]
        values = values[: len(values) // element.size * element.size]
        return tuple(value for (value,) in element.iter_unpack(values))

    def content(self, entry: Entry | None) -> bytes | None:
        """Return the bytes of a field of bytes; None when it is not one or is cut off."""
        if entry is None or entry.type not in _BYTES:
            return None
        at = self.number("I", entry.at) if entry.length > 4 else entry.at
        value = self.data[at : at + entry.length]
        return value if len(value) == entry.length else None
