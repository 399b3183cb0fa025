"""The look of an AVIF: the quantizer in the frame header of AV1 (AV1 specification, section 5)."""

from collections.abc import Iterator

from pixmill.engine.containers import Data, items
from pixmill.engine.containers.isobmff import boxes
from pixmill.engine.looks import av1_headers
from pixmill.engine.quality import Curve, interpolate

# base_q_idx → SSIMULACRA2 against the original. Measured on five photographs of scikit-image at
# 512 pixels, coded by aom at the speeds of libvips' effort 1 and of Pillow.
_CURVE: Curve = (
    (0, 92.9),
    (20, 89.8),
    (60, 85.3),
    (100, 79.4),
    (120, 75.8),
    (140, 71),
    (160, 63),
    (180, 52.9),
    (200, 39.8),
    (220, 24.9),
    (249, 4.3),
    (255, 0),
)

# The two headers have less than a hundred bytes; metadata may stand between them.
_MOST_BYTES = 16_384
_MOST_UNITS = 16
_HEADER_BYTES = 64

_SEQUENCE_HEADER, _FRAME_HEADER, _FRAME = 1, 3, 6


def look(data: Data) -> float | None:
    """Return the usual score of a file coded like this. Raises UnreadableImage."""
    meta = next((box for box in boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if meta is None:
        return None
    told = items.read(data, meta)
    # A grid is made of other items, each coded on its own.
    primary = told.primary
    if primary is None or primary not in told.items or told.items[primary].kind != b"av01":
        return None
    index = _quantizer(told.content(primary, data, most=_MOST_BYTES))
    # With index 0 the coding may be lossless.
    return interpolate(_CURVE, index) if index else None


def _quantizer(stream: bytes) -> int | None:
    """Return base_q_idx of the first frame in *stream*. Raises UnreadableImage."""
    sequence = None
    for kind, unit in _units(stream):
        bits = av1_headers.Bits(unit[:_HEADER_BYTES])
        if kind == _SEQUENCE_HEADER:
            sequence = av1_headers.sequence(bits)
        elif kind in {_FRAME_HEADER, _FRAME} and sequence is not None:
            return av1_headers.quantizer(bits, sequence)
    return None


def _units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield type and contents of each open bitstream unit (section 5.3); the last may be cut."""
    at = 0
    for _ in range(_MOST_UNITS):
        if at >= len(stream):
            return
        head, size = stream[at], len(stream)
        at += 2 if head & 4 else 1
        if head & 2:
            size, at = _leb128(stream, at)
        yield head >> 3 & 15, stream[at : at + size]
        at += size


def _leb128(stream: bytes, at: int) -> tuple[int, int]:
    """Return the number at *at*, of seven bits a byte (section 4.10.5), and where it ends."""
    value = 0
    for place in range(8):
        byte = stream[at + place]
        value |= (byte & 0x7F) << 7 * place
        if not byte & 0x80:
            break
    return value, at + place + 1
