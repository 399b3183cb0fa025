"""Metadata of JPEG files."""

import hashlib
import struct
from collections.abc import Iterator

from pixmill.engine.containers.jpeg import (
    APP0,
    APP1,
    APP2,
    APP13,
    APP14,
    DAC,
    DHT,
    DNL,
    DQT,
    DRI,
    EOI,
    EXIF,
    EXTENDED_XMP,
    FRAMES,
    ICC,
    MOST,
    PHOTOSHOP,
    SCAN,
    SOS,
    XMP,
    segments,
)
from pixmill.engine.metadata.exif import minimal
from pixmill.engine.probe.exif import PREFIX
from pixmill.errors import UnreadableImage

#: Most bytes of XMP in the one segment that every reader knows (XMP part 3, 1.1.3).
XMP_SIZE = 65_502
#: Longer XMP than this is left out.
LARGEST_XMP = 16 * 1024 * 1024

_CODED = FRAMES | {DHT, DAC, DQT, DNL, DRI, SOS}

# A JFIF header without its thumbnail, and all that is defined of Adobe's.
_JFIF, _JFIF_SIZE = b"JFIF\0", 14
_ADOBE, _ADOBE_SIZE = b"Adobe", 12

_EXTENDED_PART_SIZE = 65_400
_POINTER = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:xmpNote="http://ns.adobe.com/xmp/note/" '
    'xmpNote:HasExtendedXMP="{guid}"/></rdf:RDF></x:xmpmeta>'
)


def strip(data: bytes, orientation: int) -> bytes:
    """Return the first picture in *data* with its profile, and *orientation* if it is not 1."""
    head, body = [data[:2]], list[bytes]()
    for marker, start, end in segments(data):
        if marker == APP0 and end - start >= _JFIF_SIZE and data.startswith(_JFIF, start):
            head.append(_segment(APP0, data[start : start + _JFIF_SIZE - 2] + bytes(2)))
        elif marker == APP14 and end - start >= _ADOBE_SIZE and data.startswith(_ADOBE, start):
            body.append(_segment(APP14, data[start : start + _ADOBE_SIZE]))
        elif marker in _CODED or (marker == APP2 and data.startswith(ICC, start, end)):
            body.append(data[start - 4 : end])
        elif marker == SCAN:
            body.append(data[start:end])
        elif marker == EOI:
            body.append(data[end - 2 : end])
    if orientation != 1:
        head.append(_segment(APP1, PREFIX + minimal(orientation)))
    return b"".join(head + body)


def insert(  # noqa: PLR0913 - one argument for each kind of metadata
    data: bytes,
    *,
    exif: bytes | None = None,
    xmp: bytes | None = None,
    iptc: bytes | None = None,
    profile: bytes | None = None,
    keep_extended_xmp: bool = False,
) -> bytes:
    """
    Return the JPEG *data* with what is given put in, in place of what it has of the same kind.

    *exif* may come with or without JPEG's prefix; *iptc* begins with ``Photoshop 3.0``. What no
    segment can hold is left out. *xmp* that was only changed still refers to the Extended XMP
    that there is, so that can be kept. Raises UnreadableImage.
    """
    made = [
        *_exif(exif or b""),
        *_xmp(xmp or b""),
        *_profile(profile or b""),
        *_iptc(iptc or b""),
    ]
    given = {
        (APP1, EXIF): exif,
        (APP1, XMP): xmp,
        (APP1, EXTENDED_XMP): None if keep_extended_xmp else xmp,
        (APP2, ICC): profile,
        (APP13, PHOTOSHOP): iptc,
    }
    replaced = [key for key, value in given.items() if value]
    head, rest = [data[:2]], list[bytes]()
    for marker, start, end in segments(data):
        if marker == SOS:
            return b"".join([*head, *made, *rest, data[start - 4 :]])
        if any(
            marker == other and data.startswith(prefix, start, end) for other, prefix in replaced
        ):
            continue
        # JFIF has to come first, also before EXIF.
        (head if marker == APP0 and not rest else rest).append(data[start - 4 : end])
    raise UnreadableImage(detail="no jpeg scan")


def _segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def _exif(exif: bytes) -> Iterator[bytes]:
    body = PREFIX + exif.removeprefix(PREFIX)
    if exif and len(body) <= MOST:
        yield _segment(APP1, body)


def _xmp(packet: bytes) -> Iterator[bytes]:
    """Write XMP; what is too long for a segment goes into Extended XMP (XMP part 3, 1.1.3.1)."""
    if 0 < len(packet) <= XMP_SIZE:
        yield _segment(APP1, XMP + packet)
    elif XMP_SIZE < len(packet) <= LARGEST_XMP:
        extended = _unwrapped(packet)
        guid = hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()
        yield _segment(APP1, XMP + _POINTER.format(guid=guid).encode())
        head = EXTENDED_XMP + guid.encode()
        for at in range(0, len(extended), _EXTENDED_PART_SIZE):
            place = struct.pack(">II", len(extended), at)
            yield _segment(APP1, head + place + extended[at : at + _EXTENDED_PART_SIZE])


def _unwrapped(packet: bytes) -> bytes:
    """Return the XML of an XMP packet without the processing instructions around it."""
    start, end = 0, len(packet)
    if packet.find(b"<?xpacket begin", 0, 16) >= 0:
        start = packet.find(b"?>") + 2
    trailer = packet.rfind(b"<?xpacket end")
    if trailer >= start:
        end = trailer
    return packet[start:end].strip()


def _profile(profile: bytes) -> Iterator[bytes]:
    parts = _cut(profile, MOST - len(ICC) - 2)
    if len(parts) <= 0xFF:
        for number, part in enumerate(parts, 1):
            yield _segment(APP2, ICC + bytes((number, len(parts))) + part)


def _iptc(iptc: bytes) -> Iterator[bytes]:
    for part in _cut(iptc.removeprefix(PHOTOSHOP), MOST - len(PHOTOSHOP)):
        yield _segment(APP13, PHOTOSHOP + part)


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]
