"""JPEG as a row of segments (ITU-T T.81, annex B)."""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pixmill.engine.containers import Data, allowance
from pixmill.errors import UnreadableImage

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
DHT, DAC, DQT, DNL, DRI = 0xC4, 0xCC, 0xDB, 0xDC, 0xDD
APP0, APP1, APP2, APP11, APP13, APP14, COM = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xFE

#: Every marker that begins a frame: C0–CF without DHT, JPG and DAC.
FRAMES = frozenset(range(0xC0, 0xD0)) - {DHT, 0xC8, DAC}

#: Stands for the entropy-coded data of a scan, which has no marker of its own.
SCAN = 0x00

EXIF = b"Exif\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
ICC = b"ICC_PROFILE\0"
#: Further pictures that follow the first one (CIPA DC-007).
MULTI_PICTURE = b"MPF\0"
PHOTOSHOP = b"Photoshop 3.0\0"

#: Bytes that one segment can carry beside its marker and length.
MOST = 65_533

# Fill bytes before a marker match too: the last of them begins it.
_MARKER = re.compile(rb"\xff[^\x00\xff]")
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
# More than this between segments, all in all, is no oversight.
_STRAY = 65_536

_ALONE = {0x01, *range(0xD0, 0xD8)}


class Segment(NamedTuple):
    """One segment: its marker, and where its contents begin and end (without the length)."""

    marker: int
    start: int
    end: int


def segments(data: Data) -> Iterator[Segment]:
    """
    Yield the segments of the first picture in *data*, its scans and its end included.

    Like libjpeg this skips stray bytes between segments. A file that just ends in or after a scan
    is left without an end. Raises UnreadableImage.
    """
    at, stray = 2, _STRAY
    for _ in range(allowance(data)):
        found = _MARKER.search(data, at, at + 2 + stray)
        if not found:
            if at + 2 + stray < len(data):
                raise UnreadableImage(detail="no jpeg segment where one should begin")
            return
        marker, start = found.group()[1], found.end()
        stray -= found.start() - at
        if marker == EOI:
            yield Segment(marker, start, start)
            return
        if marker in _ALONE:
            at = start
            continue
        if marker < 0xC0 or marker == SOI:
            raise UnreadableImage(detail=f"jpeg marker {marker:#x}")
        at = start + struct.unpack_from(">H", data, start)[0]
        if not start + 2 <= at <= len(data):
            raise UnreadableImage(detail="jpeg segment of impossible length")
        yield Segment(marker, start + 2, at)
        if marker == SOS:
            found = _AFTER_SCAN.search(data, at)
            yield Segment(SCAN, at, found.start() if found else len(data))
            at = found.start() if found else len(data)
    raise UnreadableImage(detail="too many jpeg segments")


def before_scan(data: Data) -> list[Segment]:
    """Return the segments before the first scan. Raises UnreadableImage when there is none."""
    found: list[Segment] = []
    for segment in segments(data):
        if segment.marker == SOS:
            return found
        found.append(segment)
    raise UnreadableImage(detail="no jpeg scan")


class Carried(NamedTuple):
    """What a JPEG carries beside its picture, each as its own standard has it."""

    exif: bytes | None = None  #: TIFF structure
    xmp: bytes | None = None
    extended_xmp: bytes | None = None
    iptc: bytes | None = None  #: ``Photoshop 3.0`` and its resource blocks
    profile: bytes | None = None  #: ICC


def carried(data: Data, pieces: Iterable[Segment]) -> Carried:
    """Collect what the APP segments among *pieces* carry; of EXIF and XMP the first one counts."""
    exif = xmp = None
    photoshop: list[bytes] = []
    profile: list[tuple[int, int, bytes]] = []
    extended: list[tuple[int, int, bytes]] = []
    for marker, start, end in pieces:
        if marker not in {APP1, APP2, APP13}:
            continue
        body = data[start:end]
        if marker == APP1 and exif is None and body.startswith(EXIF):
            exif = body[len(EXIF) + 1 :]
        elif marker == APP1 and xmp is None and body.startswith(XMP):
            xmp = body[len(XMP) :]
        elif marker == APP1 and body.startswith(EXTENDED_XMP) and len(body) >= 75:
            total, offset = struct.unpack_from(">II", body, 67)
            extended.append((offset, total, body[75:]))
        elif marker == APP2 and body.startswith(ICC) and len(body) >= 14:
            profile.append((body[12], body[13], body[14:]))
        elif marker == APP13 and body.startswith(PHOTOSHOP):
            photoshop.append(body[len(PHOTOSHOP) :])
    return Carried(
        exif=exif,
        xmp=xmp,
        extended_xmp=_extended_xmp(extended),
        iptc=PHOTOSHOP + b"".join(photoshop) if photoshop else None,
        profile=_profile(profile),
    )


def _profile(parts: list[tuple[int, int, bytes]]) -> bytes | None:
    """Join the parts of an ICC profile (ICC.1:2022, B.4); None when any is missing or double."""
    parts.sort(key=lambda part: part[0])
    numbers = [number for number, _, _ in parts]
    if not parts or numbers != list(range(1, parts[0][1] + 1)):
        return None
    return b"".join(body for _, _, body in parts)


def _extended_xmp(parts: list[tuple[int, int, bytes]]) -> bytes | None:
    """Join the parts of Extended XMP (XMP part 3, 1.1.3.1); None when there is a gap."""
    parts.sort(key=lambda part: part[0])
    whole = bytearray()
    for offset, _, body in parts:
        if offset != len(whole):
            return None
        whole += body
    return bytes(whole) if parts and len(whole) == parts[0][1] else None
