"""Metadata of PNG files."""

from pixmill.engine.containers.png import SIGNATURE, build, chunks
from pixmill.engine.metadata.exif import minimal
from pixmill.errors import UnreadableImage

# What the picture is made of, what it looks like, and how it moves.
_KEPT = {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS"}
_KEPT |= {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs", b"cICP", b"mDCV", b"cLLI"}
_KEPT |= {b"acTL", b"fcTL", b"fdAT"}

# The bit that makes a letter small: a chunk without it may not be ignored, nor dropped.
_ANCILLARY = 0x20


def strip(data: bytes, orientation: int) -> bytes:
    """Return *data* with only the chunks that matter, and *orientation* if it is not 1."""
    kept = [SIGNATURE]
    turned = orientation != 1
    for kind, start, end in chunks(data):
        if kind not in _KEPT and not kind[0] & _ANCILLARY:
            raise UnreadableImage(detail=f"unknown critical png chunk {kind!r}")
        if kind == b"IEND":
            kept.append(build(kind, b""))  # browsers do not mind when its checksum is cut off
            break
        if end + 4 > len(data):
            raise UnreadableImage(detail=f"png chunk {kind!r} cut off")
        if kind == b"IDAT" and turned:
            kept.append(build(b"eXIf", minimal(orientation)))
            turned = False
        if kind in _KEPT:
            kept.append(data[start - 8 : end + 4])
    return b"".join(kept)


def insert_xmp(data: bytes, xmp: bytes) -> bytes:
    """Return *data* with *xmp* as the XMP specification (part 3, 1.1.5) has it: plain iTXt."""
    header_end = next(chunk.end for chunk in chunks(data)) + 4
    body = b"XML:com.adobe.xmp" + bytes(5) + xmp  # not compressed, no language
    return data[:header_end] + build(b"iTXt", body) + data[header_end:]
