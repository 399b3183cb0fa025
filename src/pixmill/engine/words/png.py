"""Words in PNG, still or animated: XMP in a text chunk, EXIF in its own."""

import zlib
from collections.abc import Iterator

from pixmill.engine.containers.png import Chunk, build, chunks
from pixmill.engine.words import exif
from pixmill.engine.words.types import Blocks, Merger, Words
from pixmill.engine.words.xml import LARGEST_PACKET
from pixmill.errors import UnreadableImage

_KEYWORD = b"XML:com.adobe.xmp\0"


def blocks(data: bytes) -> Blocks:
    """Return the metadata of *data*."""
    found = list(_whole(data))
    packets = (_packet(data, each) for each in found)
    fields = (data[each.start : each.end] for each in found if each.kind == b"eXIf")
    return Blocks(
        xmp=tuple(each for each in packets if each is not None)[:1], exif=next(fields, None)
    )


def embed(data: bytes, words: Words, merge: Merger) -> bytes:
    """Return *data* with *words*: where their kind of chunk was, else before the picture."""
    before = blocks(data)
    xmp = merge(next(iter(before.xmp), None))
    fields = exif.merge(before.exif, words)
    made = {
        # Not compressed, no language: as the XMP specification has it (part 3, 1.1.5).
        "xmp": build(b"iTXt", _KEYWORD + bytes(4) + xmp) if (xmp,) != before.xmp else b"",
        "exif": build(b"eXIf", fields) if fields and fields != before.exif else b"",
    }
    pieces, at = [], 0
    new = [made.pop(kind) for kind, old in (("xmp", before.xmp), ("exif", before.exif)) if not old]
    for chunk in _whole(data):
        kind = _kind(data, chunk)
        if made.get(kind):
            pieces += [data[at : chunk.start - 8], made.pop(kind)]
            at = chunk.end + 4
        elif chunk.kind == b"IDAT":
            pieces.append(data[at : chunk.start - 8])
            at = chunk.start - 8
            pieces += new
            new = []
    return b"".join([*pieces, data[at:]])


def c2pa(data: bytes) -> bool:
    """Say whether there is a C2PA manifest (C2PA 2.1, A.3.2)."""
    return any(chunk.kind == b"caBX" for chunk in chunks(data))


def _whole(data: bytes) -> Iterator[Chunk]:
    """Yield the chunks. Raises UnreadableImage when one but the end is cut off."""
    for chunk in chunks(data):
        if chunk.end + 4 > len(data) and chunk.kind != b"IEND":
            raise UnreadableImage(detail=f"png chunk {chunk.kind!r} cut off")
        yield chunk


def _kind(data: bytes, chunk: Chunk) -> str:
    if chunk.kind == b"eXIf":
        return "exif"
    is_xmp = chunk.kind == b"iTXt" and data.startswith(_KEYWORD, chunk.start, chunk.end)
    return "xmp" if is_xmp else ""


def _packet(data: bytes, chunk: Chunk) -> bytes | None:
    """Return the XMP in *chunk*; None when there is none."""
    if _kind(data, chunk) != "xmp":
        return None
    body = data[chunk.start + len(_KEYWORD) : chunk.end]
    # Two words, which end with zeros, follow whether and how it is compressed.
    text = body[2:].split(b"\0", 2)[-1]
    if body[:1] != b"\1":
        return text
    try:
        return zlib.decompressobj().decompress(text, LARGEST_PACKET + 1)
    except zlib.error:
        return b""
