"""The boxes of AVIF and HEIC written anew: the ``meta`` box with one more item, and offsets."""

import struct
from typing import NamedTuple

from pixmill.engine.containers import items
from pixmill.engine.containers.isobmff import Box, boxes
from pixmill.engine.containers.items import Location
from pixmill.errors import WordsNotSupported

_MOST = 0xFFFF_FFFF
_CHANGED = {b"iinf", b"iloc", b"iref"}

#: Boxes on the way to the tables of chunk offsets, and those that may hold others.
_PARENTS = {b"trak", b"mdia", b"minf", b"stbl"}
_OFFSETS = {b"meta", b"saio", b"mvex"}
_TABLES = {b"stco": "I", b"co64": "Q"}


class New(NamedTuple):
    """An XMP item to be added, and the picture that it describes."""

    number: int
    primary: int


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return one box."""
    size = 8 + sum(map(len, parts))
    if size > _MOST:
        raise WordsNotSupported(detail="a box of more than 4 GB")
    return b"".join([struct.pack(">I", size), kind, *parts])


def meta(data: bytes, old: Box, places: dict[int, Location], new: New | None) -> bytes:
    """Return the ``meta`` box *old* with items at *places*, and with a *new* one."""
    parts = [data[old.body : old.body + 4]]
    at, seen = old.body + 4, list[bytes]()
    for child in boxes(data, at, old.end):
        body = data[child.body : child.end]
        seen.append(child.kind)
        if child.kind == b"iloc":
            parts.append(_locations(places))
        elif child.kind == b"iinf" and new:
            parts.append(_infos(body, new))
        elif child.kind == b"iref" and new:
            parts.append(box(b"iref", body, _reference(new, wide=body[:1] == b"\1")))
        else:
            parts.append(data[child.start : child.end])
        at = child.end
    if new and b"iref" not in seen:
        wide = max(new) > 0xFFFF
        parts.append(box(b"iref", bytes((wide, 0, 0, 0)), _reference(new, wide=wide)))
    once = [kind for kind in seen if kind in _CHANGED]
    if at != old.end or len(once) != len(set(once)) or not {b"iinf", b"iloc"} <= set(once):
        raise WordsNotSupported(detail="a meta box that is out of order")
    return box(b"meta", *parts)


def with_chunks_moved(data: bytes, end: int, moved: int) -> bytes:
    """Return the boxes in *data* with chunk offsets from *end* on moved by so many bytes."""
    changed = bytearray(data)
    for top in boxes(data, 0, len(data)):
        if top.kind == b"moov":
            _move_chunks(data, changed, top, end, moved)
    return bytes(changed)


def _move_chunks(data: bytes, changed: bytearray, parent: Box, end: int, moved: int) -> None:
    for child in boxes(data, parent.body, parent.end):
        if child.kind in _OFFSETS:
            raise WordsNotSupported(detail=f"a movie with {child.kind!r}")
        if child.kind in _PARENTS:
            _move_chunks(data, changed, child, end, moved)
        elif child.kind in _TABLES:
            entry = struct.Struct(">" + _TABLES[child.kind])
            (count,) = struct.unpack_from(">I", data, child.body + 4)
            if child.body + 8 + count * entry.size > child.end:
                raise WordsNotSupported(detail="a table of chunks that is cut off")
            for at in range(child.body + 8, child.body + 8 + count * entry.size, entry.size):
                (offset,) = entry.unpack_from(data, at)
                if offset >= end:
                    entry.pack_into(changed, at, offset + moved)


def _locations(places: dict[int, Location]) -> bytes:
    """Return an ``iloc`` box: offsets and lengths of 32 bits, no bases."""
    wide = max(places) > 0xFFFF
    version = 2 if wide else int(any(place.method for place in places.values()))
    number = ">I" if version == 2 else ">H"
    parts = [struct.pack(">BxxxH", version, 0x4400), struct.pack(number, len(places))]
    for each, place in places.items():
        parts.append(struct.pack(number, each))
        if version:
            parts.append(struct.pack(">H", place.method))
        parts.append(struct.pack(">HH", 0, len(place.extents)))
        for at, size in place.extents:
            if at + size > _MOST:
                raise WordsNotSupported(detail="an item beyond 4 GB")
            parts.append(struct.pack(">II", at, size))
    return box(b"iloc", *parts)


def _infos(body: bytes, new: New) -> bytes:
    """Return an ``iinf`` box with one more item than in *body*."""
    count = ">H" if body[:1] == b"\0" else ">I"
    (before,) = struct.unpack_from(count, body, 4)
    if before + 1 >= 0xFFFF:
        raise WordsNotSupported(detail="as many items as there can be")
    version, number = (3, ">I") if new.number > 0xFFFF else (2, ">H")
    entry = box(
        b"infe",
        bytes((version, 0, 0, 0)),
        struct.pack(number, new.number),
        bytes(2),  # not protected
        b"mime\0",  # and without a name
        items.XMP_TYPE + b"\0",
    )
    rest = body[4 + struct.calcsize(count) :]
    return box(b"iinf", body[:4], struct.pack(count, before + 1), rest, entry)


def _reference(new: New, *, wide: bool) -> bytes:
    number = ">I" if wide else ">H"
    if not wide and max(new) > 0xFFFF:
        raise WordsNotSupported(detail="references that hold no such number")
    return box(
        b"cdsc",
        struct.pack(number, new.number),
        struct.pack(">H", 1),
        struct.pack(number, new.primary),
    )
