"""Words in WebP, still or animated: XMP and EXIF, each in a chunk that the header announces."""

import struct

from pixmill.engine.containers.riff import Chunk, build, chunks, file_end
from pixmill.engine.probe import webp as header
from pixmill.engine.words import exif
from pixmill.engine.words.types import Blocks, Merger, Words
from pixmill.errors import UnreadableImage, WordsDoNotFit

_XMP = 0x04
_LARGEST = 0xFFFF_FFFE

_FLAGS = {b"EXIF": header.EXIF, b"XMP ": _XMP}


def blocks(data: bytes) -> Blocks:
    """Return the metadata of *data*."""
    found = _first(data)
    return Blocks(xmp=(found[b"XMP "],) if b"XMP " in found else (), exif=found.get(b"EXIF"))


def embed(data: bytes, words: Words, merge: Merger) -> bytes:
    """Return *data* with *words*: where their kind of chunk was, else at the end."""
    before = _first(data)
    xmp = merge(before.get(b"XMP "))
    fields = exif.merge(before.get(b"EXIF"), words)
    made = {
        kind: body
        for kind, body in ((b"EXIF", fields), (b"XMP ", xmp))
        if body is not None and body != before.get(kind)
    }
    if not made:
        return data
    end = file_end(data)
    pieces = [] if b"VP8X" in before else [build(b"VP8X", _canvas(data))]
    left = dict(made)
    for chunk in _whole(data):
        body = data[chunk.start : chunk.end]
        pieces.append(build(chunk.kind, left.pop(chunk.kind, body)))
    pieces += [build(kind, body) for kind, body in left.items()]
    flags = 0
    for kind in made:
        flags |= _FLAGS[kind]
    first = bytearray(pieces[0])
    first[8] |= flags
    whole = b"".join([b"WEBP", bytes(first), *pieces[1:]])
    if len(whole) > _LARGEST:
        raise WordsDoNotFit
    return b"RIFF" + struct.pack("<I", len(whole)) + whole + data[end:]


def c2pa(data: bytes) -> bool:
    """Say whether there is a C2PA manifest (C2PA 2.1, A.3.6)."""
    return any(chunk.kind == b"C2PA" for chunk in chunks(data, 12, file_end(data)))


def _whole(data: bytes) -> list[Chunk]:
    end = file_end(data)
    found = list(chunks(data, 12, end))
    if any(each.end > end for each in found):
        raise UnreadableImage(detail="webp chunk cut off")
    if any(each.kind == b"VP8X" for each in found[1:]):
        raise UnreadableImage(detail="webp header that does not come first")
    return found


def _first(data: bytes) -> dict[bytes, bytes]:
    """Return what the chunks of metadata hold; the header is there without its contents."""
    found: dict[bytes, bytes] = {}
    for chunk in _whole(data):
        if chunk.kind in _FLAGS:
            found.setdefault(chunk.kind, data[chunk.start : chunk.end])
        elif chunk.kind == b"VP8X":
            found[chunk.kind] = b""
    return found


def _canvas(data: bytes) -> bytes:
    """Return the header that a file of nothing but a picture did without (RFC 9649, 2.7)."""
    info = header.read(data)
    flags = header.ALPHA if info.alpha else 0
    sides = b"".join((side - 1).to_bytes(3, "little") for side in (info.width, info.height))
    return struct.pack("<I", flags) + sides
