"""Words in JPEG: XMP, EXIF and IPTC, each in a segment before the picture."""

import struct

from pixmill.engine.containers.jpeg import (
    APP2,
    APP11,
    MOST,
    MULTI_PICTURE,
    before_scan,
    carried,
)
from pixmill.engine.containers.tiff import Tiff
from pixmill.engine.metadata.jpeg import XMP_SIZE, insert
from pixmill.engine.probe.exif import PREFIX
from pixmill.engine.words import exif, iptc
from pixmill.engine.words.types import Blocks, Merger, Words
from pixmill.errors import UnreadableImage, WordsDoNotFit

#: Bytes that all segments of IPTC may have together.
_MOST_IPTC = 16 * MOST

# Where the list of pictures is, and what a row of it has: attributes, size, offset (CIPA DC-007).
_PICTURES = 0xB002
_ROW = "III4x"

_JUMBF, _C2PA = b"JP", b"c2pa"


def blocks(data: bytes) -> Blocks:
    """Return the metadata of *data*."""
    found = carried(data, before_scan(data))
    xmp = tuple(each for each in (found.xmp, found.extended_xmp) if each)
    return Blocks(xmp=xmp, exif=found.exif, iptc=found.iptc)


def embed(data: bytes, words: Words, merge: Merger) -> bytes:
    """Return *data* with *words*. Raises WordsDoNotFit when its XMP would be too long."""
    pieces = before_scan(data)
    found = carried(data, pieces)
    xmp = merge(found.xmp)
    if len(xmp) > XMP_SIZE:
        raise WordsDoNotFit(detail=f"{len(xmp)} bytes of XMP")
    fields = exif.merge(found.exif, words)
    if fields is not None and len(fields) > MOST - len(PREFIX):
        fields = found.exif
    resources = iptc.merge(found.iptc, words)
    if resources is not None and len(resources) > _MOST_IPTC:
        resources = found.iptc
    made = insert(
        data,
        xmp=xmp if xmp != found.xmp else None,
        exif=fields if fields != found.exif else None,
        iptc=resources if resources != found.iptc else None,
        keep_extended_xmp=True,
    )
    return _with_pictures_found(data, made)


def c2pa(data: bytes) -> bool:
    """Say whether there is a C2PA manifest: a JUMBF box of that name in APP11."""
    return any(
        marker == APP11
        and data.startswith(_JUMBF, start)
        and data.find(_C2PA, start, min(end, start + 128)) >= 0
        for marker, start, end in before_scan(data)
    )


def _with_pictures_found(before: bytes, after: bytes) -> bytes:
    """Correct the list of further pictures, which follow at offsets from the list's own place."""
    old, new = _list_of_pictures(before), _list_of_pictures(after)
    if old is None or new is None or len(before) == len(after):
        return after
    grown = len(after) - len(before)
    moved = grown - (new - old)
    changed = bytearray(after)
    try:
        tiff = Tiff(after[new : new + MOST])
        entry = tiff.directory(tiff.first)[_PICTURES]
        row = struct.Struct(tiff.order + _ROW)
        start = new + tiff.number("I", entry.at)
        for at in range(start, start + entry.length // row.size * row.size, row.size):
            _, size, offset = row.unpack_from(after, at)
            if offset:
                struct.pack_into(tiff.order + "I", changed, at + 8, offset + moved)
            else:  # the first picture
                struct.pack_into(tiff.order + "I", changed, at + 4, size + grown)
    except (KeyError, UnreadableImage, struct.error):
        return after
    return bytes(changed)


def _list_of_pictures(data: bytes) -> int | None:
    """Return where the TIFF structure of the list is."""
    for marker, start, end in before_scan(data):
        if marker == APP2 and data.startswith(MULTI_PICTURE, start, end):
            return start + len(MULTI_PICTURE)
    return None
