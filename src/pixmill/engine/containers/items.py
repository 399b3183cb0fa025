"""The items of a ``meta`` box: pictures, their parts and properties (ISO/IEC 23008-12)."""

import struct
from dataclasses import dataclass, field
from typing import NamedTuple

from pixmill.engine.containers import Data
from pixmill.engine.containers.isobmff import Box, Cursor, boxes, children
from pixmill.errors import UnreadableImage

# `iloc` construction methods: offsets count from the start of the file, or of the `idat` box.
IN_FILE, IN_IDAT = 0, 1

# An item's entry by its version: number, (protection,) type. Older versions describe no pictures.
_INFOS = {b"\2": struct.Struct(">4xHxx4s"), b"\3": struct.Struct(">4xIxx4s")}

XMP_TYPE = b"application/rdf+xml"


class Item(NamedTuple):
    """One item: its type, and for ``mime`` items its content type, and how that is packed."""

    kind: bytes
    content_type: bytes = b""
    encoding: bytes = b""


class Location(NamedTuple):
    """Where the bytes of an item are: extents of (offset, length)."""

    method: int
    extents: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Meta:
    """What a ``meta`` box says."""

    primary: int | None = None
    items: dict[int, Item] = field(default_factory=dict)
    locations: dict[int, Location] = field(default_factory=dict)
    #: Targets by type of reference and item that refers.
    references: dict[tuple[bytes, int], tuple[int, ...]] = field(default_factory=dict)
    #: Property boxes by item, in the order in which they apply.
    properties: dict[int, list[Box]] = field(default_factory=dict)
    idat: Box | None = None

    def extents(self, item: int, data: Data) -> list[tuple[int, int]]:
        """
        Return where in the file *item* lies, as (start, end). Raises UnreadableImage.

        An extent that gives no length, which would mean all there is, comes out empty.
        """
        location = self.locations.get(item)
        if location is None:
            return []
        start, end = 0, len(data)
        if location.method == IN_IDAT and self.idat is not None:
            start, end = self.idat.body, self.idat.end
        elif location.method != IN_FILE:
            raise UnreadableImage(detail="item stored in a way that is not supported")
        found = [(start + at, start + at + size) for at, size in location.extents]
        if any(last > end for _, last in found):
            raise UnreadableImage(detail="item outside of its container")
        return found

    def content(self, item: int, data: Data, *, most: int) -> bytes:
        """Return the first *most* bytes of *item*. Raises UnreadableImage."""
        whole = bytearray()
        for start, end in self.extents(item, data):
            whole += data[start : min(end, start + most - len(whole))]
        return bytes(whole)


def read(data: Data, box: Box) -> Meta:
    """Return what the ``meta`` *box* says. Raises UnreadableImage."""
    meta = Meta()
    inner = children(data, box, skip=4)
    meta.idat = inner.get(b"idat")
    for kind, reader in _READERS.items():
        if kind in inner:
            part = inner[kind]
            reader(meta, Cursor(data, part.body, part.end))
    return meta


def _primary(meta: Meta, cursor: Cursor) -> None:
    version, _ = cursor.version()
    meta.primary = cursor.number(2 if version == 0 else 4)


def _infos(meta: Meta, cursor: Cursor) -> None:
    version, _ = cursor.version()
    cursor.number(2 if version == 0 else 4)
    for box in boxes(cursor.data, cursor.at, cursor.end):
        body = cursor.data[box.body : box.end]
        head = _INFOS.get(body[:1])
        if box.kind != b"infe" or head is None:
            continue
        number, kind = head.unpack_from(body)
        # The item's name, then content type and encoding, each ends with a zero.
        words = [*body[head.size :].split(b"\0"), b"", b""] if kind == b"mime" else [b""] * 3
        meta.items.setdefault(number, Item(kind, words[1], words[2]))


def _locations(meta: Meta, cursor: Cursor) -> None:
    version, _ = cursor.version()
    sizes = cursor.number(2)
    offset_size, length_size, base_size, index_size = (
        sizes >> shift & 15 for shift in (12, 8, 4, 0)
    )
    wide = 2 if version < 2 else 4
    for _ in range(cursor.count(wide)):
        item = cursor.number(wide)
        method = cursor.number(2) & 15 if version else IN_FILE
        if cursor.number(2):
            method = -1  # in another file
        base = cursor.number(base_size)
        extents = []
        for _ in range(cursor.count(2)):
            cursor.number(index_size if version else 0)
            offset = base + cursor.number(offset_size)
            extents.append((offset, cursor.number(length_size)))
        meta.locations.setdefault(item, Location(method, tuple(extents)))


def _references(meta: Meta, cursor: Cursor) -> None:
    version, _ = cursor.version()
    size = 2 if version == 0 else 4
    for box in boxes(cursor.data, cursor.at, cursor.end):
        cursor.at = box.body
        source = cursor.number(size)
        targets = tuple(cursor.number(size) for _ in range(cursor.count(2)))
        meta.references.setdefault((box.kind, source), targets)


def _properties(meta: Meta, cursor: Cursor) -> None:
    kinds = list(boxes(cursor.data, cursor.at, cursor.end))
    known = [
        prop
        for box in kinds
        if box.kind == b"ipco"
        for prop in boxes(cursor.data, box.body, box.end)
    ]
    for box in kinds:
        if box.kind != b"ipma":
            continue
        cursor.at = box.body
        version, flags = cursor.version()
        size, mask = (2, 0x7FFF) if flags & 1 else (1, 0x7F)
        for _ in range(cursor.count(4)):
            mine = meta.properties.setdefault(cursor.number(2 if version < 1 else 4), [])
            for _ in range(cursor.count(1)):
                # The highest bit says that the property is essential.
                index = cursor.number(size) & mask
                if 0 < index <= len(known):
                    mine.append(known[index - 1])


_READERS = {
    b"pitm": _primary,
    b"iinf": _infos,
    b"iloc": _locations,
    b"iref": _references,
    b"iprp": _properties,
}
