"""The look of a lossy WebP: the quantizers in the frame header of VP8 (RFC 6386)."""

from pixmill.engine.containers import Data
from pixmill.engine.containers.riff import chunks, file_end
from pixmill.engine.quality import Curve, interpolate
from pixmill.errors import UnreadableImage

# Mean quantizer index of luma → SSIMULACRA2 against the original. Measured on five photographs of
# scikit-image at 512 pixels.
_CURVE: Curve = (
    (0, 88.8),
    (5, 86.3),
    (10, 82.7),
    (20, 75.5),
    (30, 68.4),
    (40, 61.7),
    (50, 53),
    (70, 35.3),
    (90, 17.8),
    (127, 0),
)

# What can hold a picture: lossy, lossless, or a frame of an animation.
_PICTURES = {b"VP8 ", b"VP8L", b"ANMF"}

_FRAME_HEADER_SIZE = 10
# The longest header before the quantizers has fewer than 300 bits, and no bit takes a byte.
_MOST_BYTES = 256

_SEGMENTS = 4
_EVEN = 128
_UNSAID = 255
_MOST_INDEX = 127


class _BoolDecoder:
    """Reads the arithmetic code of VP8, in which every bit has a probability (section 7)."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._value = 0
        self._range = 255
        self._bits = 0  # in the value, beside the eight that are compared
        self._refill(8)

    def bit(self, probability: int = _EVEN) -> int:
        """Return the next bit, which is 0 in *probability* of 256 cases."""
        split = 1 + ((self._range - 1) * probability >> 8)
        if self._value >> self._bits >= split:
            self._value -= split << self._bits
            self._range -= split
            found = 1
        else:
            self._range = split
            found = 0
        shift = 8 - self._range.bit_length()
        self._range <<= shift
        self._refill(shift)
        return found

    def number(self, bits: int) -> int:
        """Return the next number of *bits* bits, of equal probability."""
        value = 0
        for _ in range(bits):
            value = value << 1 | self.bit()
        return value

    def optional(self, bits: int, otherwise: int = 0, *, signed: bool = True) -> int:
        """Return a number that a flag announces, with its sign behind it if it has one."""
        if not self.bit():
            return otherwise
        value = self.number(bits)
        return -value if signed and self.bit() else value

    def _refill(self, bits: int) -> None:
        """Move *bits* bits into what is compared."""
        self._bits -= bits
        while self._bits < 0:
            if self._at >= len(self._data):
                raise UnreadableImage(detail="vp8 header ends early")
            self._value = self._value << 8 | self._data[self._at]
            self._at += 1
            self._bits += 8


def look(data: Data) -> float | None:
    """Return the usual score of a file coded like this. Raises UnreadableImage."""
    first = next((c for c in chunks(data, 12, file_end(data)) if c.kind in _PICTURES), None)
    if first is None or first.kind != b"VP8 ":
        return None
    start = first.start + _FRAME_HEADER_SIZE
    header = _BoolDecoder(data[start : min(first.end, start + _MOST_BYTES)])
    return interpolate(_CURVE, _quantizer(header))


def _quantizer(header: _BoolDecoder) -> float:
    """Return the mean quantizer index, 0–127, over the segments (sections 9.2 to 9.6, 19.2)."""
    header.number(2)  # color space, clamping
    shares, indices, absolute = _segments(header) if header.bit() else ((1.0,), (0,), False)
    header.number(1 + 6 + 3)  # loop filter: type, level, sharpness
    if header.bit() and header.bit():
        for _ in range(8):  # adjustments of the loop filter
            header.optional(6)
    header.number(2)  # partitions
    base = 0 if absolute else header.number(7)
    return sum(
        share * min(max(base + index, 0), _MOST_INDEX)
        for share, index in zip(shares, indices, strict=True)
    )


def _segments(header: _BoolDecoder) -> tuple[tuple[float, ...], tuple[int, ...], bool]:
    """Return the segments' shares of the picture, their quantizers, and whether these are whole."""
    has_map, has_data = header.bit(), header.bit()
    absolute, indices = False, (0,) * _SEGMENTS
    if has_data:
        absolute = bool(header.bit())
        indices = tuple(header.optional(7) for _ in range(_SEGMENTS))
        for _ in range(_SEGMENTS):  # loop filter
            header.optional(6)
    if not has_map:
        return (1.0, 0.0, 0.0, 0.0), indices, absolute
    # The tree of segment numbers, whose probabilities say how large each is.
    first, left, right = (header.optional(8, _UNSAID, signed=False) / 256 for _ in range(3))
    shares = (first * left, first * (1 - left), (1 - first) * right, (1 - first) * (1 - right))
    return shares, indices, absolute
