"""The look of a JPEG: its quantization table for luma (ITU-T T.81, B.2.4.1)."""

import math
import struct
from typing import NamedTuple

from pixmill.engine.containers import Data
from pixmill.engine.containers.jpeg import DQT, FRAMES, SOS, segments
from pixmill.engine.quality import Curve, interpolate

# Log2 of the mean quantizer of luma → SSIMULACRA2 against the original, for color at half and at
# full resolution. Measured on five photographs of scikit-image at 512 pixels.
_HALF_COLOR: Curve = (
    (0, 90),
    (1, 88.7),
    (2, 86.7),
    (3, 79.7),
    (4, 71.6),
    (5, 58.8),
    (5.5, 49.3),
    (6, 35.5),
    (6.6, 16),
    (7, 0),
)
_FULL_COLOR: Curve = (
    (0, 95.5),
    (1, 93.1),
    (2, 89.3),
    (3, 83.3),
    (4, 72.8),
    (5, 62),
    (5.5, 53),
    (6, 37),
    (6.6, 17),
    (7, 0),
)

# Quantizers that count: seven of the fifteen diagonals. With these libjpeg, mozjpeg and jpegli come
# out most alike, whose tables rise differently from low to high frequencies.
_COUNTED = 28

_TABLES = {0: struct.Struct(">64B"), 1: struct.Struct(">64H")}


class _Coding(NamedTuple):
    table: tuple[int, ...]  #: of luma, in zigzag order
    full_color: bool


def look(data: Data) -> float | None:
    """Return the usual score of a file coded like this. Raises UnreadableImage."""
    coding = _coding(data)
    if coding is None or not all(coding.table):
        return None
    mean = sum(coding.table[:_COUNTED]) / _COUNTED
    return interpolate(_FULL_COLOR if coding.full_color else _HALF_COLOR, math.log2(mean))


def _coding(data: Data) -> _Coding | None:
    """Return how luma is coded; None when the picture has none, or its table is missing."""
    tables: dict[int, tuple[int, ...]] = {}
    frame = b""
    for marker, start, end in segments(data):
        if marker == SOS:
            break
        if marker in FRAMES:
            frame = data[start:end]
        at = start
        while marker == DQT and at < end:
            form = _TABLES[min(data[at] >> 4, 1)]
            tables[data[at] & 15] = form.unpack_from(data, at + 1)
            at += 1 + form.size
    # Components of this name are red, or the X of jpegli's XYB.
    if frame[6] == ord("R") or frame[8] not in tables:
        return None
    # The second component is as fine as the first, or there is no second.
    return _Coding(table=tables[frame[8]], full_color=frame[5] == 1 or frame[7] == frame[10])
