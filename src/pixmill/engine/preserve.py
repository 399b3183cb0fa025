"""Chosen facts of a file taken over into another that was made of it: who owns it, when, where."""

import struct
from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple

from pixmill.engine import words
from pixmill.engine.containers.tiff import Entry, Tiff
from pixmill.engine.metadata import jpeg
from pixmill.engine.probe import probe
from pixmill.engine.probe.exif import PREFIX
from pixmill.engine.words.types import Words
from pixmill.errors import UnreadableImage, WordsDoNotFit, WordsNotSupported

#: ``copyright``: the notice, in all formats that hold words. ``creation`` and ``location``: when
#: and where the picture was taken, in JPEG.
Fact = Literal["copyright", "creation", "location"]

# Tags of Exif 2.32: the pointers in the first directory, and what says when a picture was taken:
# the moment, parts of a second, and how far the clock was from UTC.
_MORE, _PLACE = 0x8769, 0x8825
_MOMENT = {0x0132}
_MOMENTS = {0x9003, 0x9004, 0x9010, 0x9011, 0x9012, 0x9290, 0x9291, 0x9292}

_LONG = 4
_SIZES = {1: 1, 2: 1, 3: 2, _LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8}

#: Bytes of one value that is taken over, and fields of one directory.
_MOST_SIZE = 1024
_MOST_FIELDS = 64


class _Field(NamedTuple):
    tag: int
    type: int
    length: int
    value: bytes


def preserve(source: bytes, result: bytes, facts: Collection[Fact]) -> bytes:
    """
    Return *result* with those *facts* of *source* that there are and that its format can hold.

    What cannot be read of *source* is not taken over. Raises UnreadableImage for a broken *result*.
    """
    try:
        found = words.blocks(source)
    except UnreadableImage:
        return result
    if probe(result).format == "jpeg" and found.exif:
        exif = _chosen(found.exif, facts)
        result = jpeg.insert(result, exif=exif) if exif else result
    notice = words.read_blocks(found).copyright if "copyright" in facts else None
    if notice:
        try:
            return words.embed(result, Words(copyright=notice)).data
        except (WordsDoNotFit, WordsNotSupported):
            return result
    return result


def _chosen(exif: bytes, facts: Collection[Fact]) -> bytes | None:
    """Return EXIF with *facts* alone; None when there are none, or *exif* is broken."""
    try:
        tiff = Tiff(exif.removeprefix(PREFIX))
        first = tiff.directory(tiff.first)
        head = _fields(tiff, first, _MOMENT if "creation" in facts else ())
        more = _pointed(tiff, first.get(_MORE)) if "creation" in facts else {}
        place = _pointed(tiff, first.get(_PLACE)) if "location" in facts else {}
        parts = {_MORE: _fields(tiff, more, _MOMENTS), _PLACE: _fields(tiff, place, place)}
    except (UnreadableImage, struct.error):
        return None
    parts = {tag: fields for tag, fields in parts.items() if fields}
    return _built(tiff.order, head, parts) if head or parts else None


def _pointed(tiff: Tiff, pointer: Entry | None) -> dict[int, Entry]:
    (at, *_) = tiff.numbers(pointer) or (0,)
    return tiff.directory(at) if at else {}


def _fields(tiff: Tiff, entries: dict[int, Entry], tags: Iterable[int]) -> list[_Field]:
    found = []
    for tag in sorted(set(tags) & set(entries))[:_MOST_FIELDS]:
        entry = entries[tag]
        size = _SIZES.get(entry.type, 0) * entry.length
        at = entry.at if size <= 4 else tiff.number("I", entry.at)
        value = bytes(tiff.data[at : at + size])
        if 0 < size == len(value) <= _MOST_SIZE:
            found.append(_Field(tag, entry.type, entry.length, value))
    return found


def _built(order: str, head: list[_Field], parts: dict[int, list[_Field]]) -> bytes:
    """Return a structure of the directory *head*, which points to *parts*."""
    pointers = [_Field(tag, _LONG, 1, bytes(4)) for tag in parts]
    start = 8 + len(_directory(order, [*head, *pointers], 8))
    placed, tail = [], b""
    for tag, fields in parts.items():
        at = start + len(tail)
        placed.append(_Field(tag, _LONG, 1, struct.pack(order + "I", at)))
        tail += _directory(order, fields, at)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    first = _directory(order, [*head, *placed], 8)
    return mark + struct.pack(order + "I", 8) + first + tail


def _directory(order: str, fields: list[_Field], at: int) -> bytes:
    rows, values = b"", b""
    after = at + 2 + 12 * len(fields) + 4
    for field in sorted(fields):
        rows += struct.pack(order + "HHI", field.tag, field.type, field.length)
        if len(field.value) <= 4:
            rows += field.value.ljust(4, b"\0")
            continue
        rows += struct.pack(order + "I", after + len(values))
        values += field.value + bytes(len(field.value) & 1)
    return struct.pack(order + "H", len(fields)) + rows + bytes(4) + values
