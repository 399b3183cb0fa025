"""
Words inside of files: read from them, and put into them without touching a pixel.

XMP is canonical (`xmp`); what EXIF and IPTC can hold exactly is written there, too. This is Python
over slices, but for Expat, to which `xml` hands what a file has for XMP.
"""

import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pixmill.engine.probe import probe
from pixmill.engine.words import exif, iptc, isobmff, jpeg, png, tiff, webp, xmp
from pixmill.engine.words.types import (
    C2PA_INVALIDATED,
    XMP_REPLACED,
    Blocks,
    Embedded,
    Merger,
    Words,
)
from pixmill.engine.words.xml import LARGEST_PACKET, Broken
from pixmill.errors import UnreadableImage, WordsDoNotFit, WordsNotSupported


class _Format(NamedTuple):
    blocks: Callable[[bytes], Blocks]
    embed: Callable[[bytes, Words, Merger], bytes]
    c2pa: Callable[[bytes], bool]


_ISOBMFF = _Format(isobmff.blocks, isobmff.embed, isobmff.c2pa)
_FORMATS = {
    "jpeg": _Format(jpeg.blocks, jpeg.embed, jpeg.c2pa),
    "png": _Format(png.blocks, png.embed, png.c2pa),
    "webp": _Format(webp.blocks, webp.embed, webp.c2pa),
    "avif": _ISOBMFF,
    "heic": _ISOBMFF,
}

#: Formats whose files can be given words.
WRITABLE = frozenset(_FORMATS)


def embed(data: bytes, words: Words) -> Embedded:
    """
    Return *data* with *words* in it: what they do not say stays as it is.

    The same bytes come back when there is nothing to say, or nothing new. Raises WordsDoNotFit,
    WordsNotSupported for other formats than `WRITABLE` and for files that cannot be changed
    safely, UnreadableImage and UnsupportedFormat.
    """
    words = words.cleaned()
    words.check()
    with _reading():
        format_ = _FORMATS.get(probe(data).format)
        if words == Words():
            return Embedded(data=data)
        if format_ is None:
            raise WordsNotSupported
        notes: list[str] = []

        def merge(packet: bytes | None) -> bytes:
            if packet is not None and len(packet) > LARGEST_PACKET:
                raise WordsDoNotFit(detail="the XMP that there is is too large already")
            try:
                return xmp.merge(packet, words)
            except Broken:
                notes.append(XMP_REPLACED)
                return xmp.merge(None, words)

        made = format_.embed(data, words, merge)
        if made == data:
            return Embedded(data=data)
        if format_.c2pa(data):
            notes.append(C2PA_INVALIDATED)
        return Embedded(data=made, notes=tuple(notes))


def blocks(data: bytes) -> Blocks:
    """Return the pieces of *data* that can hold words; none for GIF and BMP."""
    with _reading():
        name = probe(data).format
        if name == "tiff":
            return tiff.blocks(data)
        return _FORMATS[name].blocks(data) if name in _FORMATS else Blocks()


def read(data: bytes) -> Words:
    """
    Return the words in *data*: XMP goes first, then IPTC, then EXIF, one by one.

    What cannot be read, or is longer than `embed` would write, is not there. Raises
    UnreadableImage or UnsupportedFormat for *data* that is no picture.
    """
    return read_blocks(blocks(data))


def read_blocks(found: Blocks) -> Words:
    """Return the words in *found*, as `read` does."""
    sources = [xmp.read(packet) for packet in found.xmp]
    sources += [iptc.read(found.iptc)] if found.iptc else []
    sources += [exif.read(found.exif)] if found.exif else []
    words = Words()
    for source in sources:
        words = words.over(source.fitting())
    return words


def c2pa(data: bytes) -> bool:
    """Say whether *data* holds a C2PA manifest, which any change to the file makes void."""
    with _reading():
        format_ = _FORMATS.get(probe(data).format)
        return format_ is not None and format_.c2pa(data)


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (IndexError, struct.error) as error:
        raise UnreadableImage(detail=f"structure cut off: {error}") from error
