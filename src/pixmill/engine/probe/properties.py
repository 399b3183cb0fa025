"""What the property boxes of AVIF and HEIC say of a picture (ISO/IEC 23008-12, section 6.5)."""

import struct
from collections.abc import Iterable, Sequence

from pixmill.engine.containers import Data
from pixmill.engine.containers.isobmff import Box
from pixmill.engine.probe import icc

#: EXIF orientation by (mirrored left to right first, then quarter turns clockwise).
_ORIENTATIONS = {
    (False, 0): 1,
    (True, 0): 2,
    (False, 2): 3,
    (True, 2): 4,
    (True, 3): 5,
    (False, 1): 6,
    (True, 1): 7,
    (False, 3): 8,
}

_ALPHA = (b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0", b"urn:mpeg:hevc:2015:auxid:1\0")


def size(data: Data, properties: Iterable[Box]) -> tuple[int, int] | None:
    """Return width and height of the picture as coded; None when it is not said."""
    for box in properties:
        if box.kind == b"ispe" and box.end - box.body >= 12:
            width, height = struct.unpack_from(">II", data, box.body + 4)
            return width, height
    return None


def cropped(data: Data, properties: Iterable[Box], full: tuple[int, int]) -> tuple[int, int]:
    """Return what a clean aperture leaves of *full*: decoders hand out no more than that."""
    for box in properties:
        if box.kind == b"clap" and box.end - box.body >= 32:
            width, by, height, by_too = struct.unpack_from(">IIII", data, box.body)
            if by and by_too:
                width, height = (width + by // 2) // by, (height + by_too // 2) // by_too
                if 0 < width <= full[0] and 0 < height <= full[1]:
                    return width, height
    return full


def orientation(data: Data, properties: Iterable[Box]) -> int:
    """Return rotation and mirroring, in the order in which they apply, as an EXIF orientation."""
    mirrored, turns = False, 0
    for box in properties:
        if box.kind == b"irot" and box.end > box.body:
            # Quarter turns against the clock.
            turns -= data[box.body] & 3
        elif box.kind == b"imir" and box.end > box.body:
            # Axis 0 exchanges top and bottom, 1 left and right.
            mirrored, turns = not mirrored, (0 if data[box.body] & 1 else 2) - turns
    return _ORIENTATIONS[mirrored, turns % 4]


def profile(data: Data, properties: Iterable[Box]) -> bytes | None:
    """Return the ICC profile; the other kind of color box only has numbers in it."""
    for box in properties:
        if box.kind == b"colr" and data[box.body : box.body + 4] in {b"prof", b"rICC"}:
            return icc.sound(data[box.body + 4 : box.end])
    return None


def depth(data: Data, properties: Sequence[Box]) -> int:
    """Return the bits a sample, as the codec's configuration says, else as announced, else 8."""
    for box in properties:
        body = data[box.body : min(box.end, box.body + 18)]
        if box.kind == b"av1C" and len(body) >= 4:
            # high_bitdepth, twelve_bit (AV1-ISOBMFF, section 2.3.3).
            return (8, 8, 10, 12)[body[2] >> 5 & 3]
        if box.kind == b"hvcC" and len(body) >= 18:
            return 8 + (body[17] & 7)
    for box in properties:
        body = data[box.body : min(box.end, box.body + 21)]
        if box.kind == b"pixi" and len(body) > 5:
            return max(body[5 : 5 + body[4]], default=8) or 8
    return 8


def grey(data: Data, properties: Iterable[Box]) -> bool:
    """Say whether the picture is coded without color."""
    for box in properties:
        body = data[box.body : min(box.end, box.body + 18)]
        if box.kind == b"av1C" and len(body) >= 4:
            return bool(body[2] & 0x10)
        if box.kind == b"hvcC" and len(body) >= 18:
            return not body[16] & 3
    return False


def alpha(data: Data, properties: Iterable[Box], kind: bytes) -> bool:
    """Say whether an auxiliary picture is the alpha of another, by its property of type *kind*."""
    return any(
        data[box.body + 4 : min(box.end, box.body + 64)].startswith(_ALPHA)
        for box in properties
        if box.kind == kind
    )
