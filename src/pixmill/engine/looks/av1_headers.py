"""The headers of an AV1 still, up to the quantizer (AV1 specification, sections 5.5 and 5.9)."""

from dataclasses import dataclass

from pixmill.errors import UnreadableImage

# What the sequence header says of a tool when each frame decides.
_FRAME_DECIDES = 2

_KEY_FRAME = 0

# A tile has at most this width and area in pixels, and a picture so many columns and rows of them.
_TILE_WIDTH, _TILE_AREA, _MOST_TILES = 4096, 4096 * 2304, 64


class Bits:
    """Reads numbers bit by bit, the highest first. Raises UnreadableImage past the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = 8 * len(data)

    def number(self, count: int = 1) -> int:
        """Return the next number of *count* bits."""
        self._left -= count
        if self._left < 0:
            raise UnreadableImage(detail="av1 header ends early")
        return self._value >> self._left & (1 << count) - 1

    def expect(self, value: int, count: int = 1) -> None:
        """Read a number that is *value* in all plain stills. Raises UnreadableImage if not."""
        if self.number(count) != value:
            raise UnreadableImage(detail="av1 stream that is no plain still")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """What of the sequence header decides how the frame header is read."""

    reduced: bool
    side_bits: tuple[int, int]
    size: tuple[int, int]
    superblock_bits: int
    screen_content: int
    whole_motion: int
    order_bits: int
    superres: int


def sequence(bits: Bits) -> Sequence:
    """Read a sequence header (section 5.5)."""
    bits.number(3 + 1)  # profile, still
    reduced = bool(bits.number())
    if reduced:
        bits.number(5)  # level
    else:
        _operating_point(bits)
    side_bits = bits.number(4) + 1, bits.number(4) + 1
    size = bits.number(side_bits[0]) + 1, bits.number(side_bits[1]) + 1
    if not reduced:
        bits.expect(0)  # numbered frames
    superblock_bits = 7 if bits.number() else 6
    bits.number(2)  # intra prediction
    screen_content = whole_motion = _FRAME_DECIDES
    order_bits = 0
    if not reduced:
        bits.number(4)  # inter prediction
        ordered = bits.number()
        if ordered:
            bits.number(2)
        screen_content = _FRAME_DECIDES if bits.number() else bits.number()
        if screen_content:
            whole_motion = _FRAME_DECIDES if bits.number() else bits.number()
        if ordered:
            order_bits = bits.number(3) + 1
    return Sequence(
        reduced=reduced,
        side_bits=side_bits,
        size=size,
        superblock_bits=superblock_bits,
        screen_content=screen_content,
        whole_motion=whole_motion,
        order_bits=order_bits,
        superres=bits.number(),
    )


def _operating_point(bits: Bits) -> None:
    bits.expect(0)  # timing
    delayed = bits.number()
    bits.expect(0, 5)  # further operating points
    bits.number(12)
    if bits.number(5) > 7:  # level
        bits.number()
    if delayed and bits.number():
        bits.number(4)


def quantizer(bits: Bits, told: Sequence) -> int:
    """Read a frame header (section 5.9) as far as base_q_idx, and return that."""
    if not told.reduced:
        bits.expect(0)  # shows an earlier frame
        bits.expect(_KEY_FRAME, 2)
        bits.expect(1)  # is shown
    final = bits.number()  # probabilities do not adapt
    screen_content = told.screen_content
    if screen_content == _FRAME_DECIDES:
        screen_content = bits.number()
    if screen_content and told.whole_motion == _FRAME_DECIDES:
        bits.number()
    own_size = not told.reduced and bits.number()
    bits.number(told.order_bits)
    width, height = told.size
    if own_size:
        width, height = bits.number(told.side_bits[0]) + 1, bits.number(told.side_bits[1]) + 1
    if told.superres:
        bits.expect(0)
    if bits.number():  # is shown at another size
        bits.number(32)
    if screen_content:
        bits.number()  # copies blocks
    if not told.reduced and not final:
        bits.number()
    _tiles(bits, width, height, told.superblock_bits)
    return bits.number(8)


def _tiles(bits: Bits, width: int, height: int, side: int) -> None:
    """Read how the picture is cut up, in superblocks of 2 ** *side* pixels (section 5.9.15)."""
    columns, rows = -(-width >> side), -(-height >> side)
    bits.expect(1)  # all tiles of one size
    column_bits = _increments(bits, _log2(_TILE_WIDTH >> side, columns), columns)
    least = max(_log2(_TILE_AREA >> 2 * side, rows * columns) - column_bits, 0)
    row_bits = _increments(bits, least, rows)
    if column_bits or row_bits:
        bits.number(column_bits + row_bits + 2)


def _increments(bits: Bits, least: int, superblocks: int) -> int:
    """Return the log2 of a number of tiles, written as ones for what there is beyond *least*."""
    most = _log2(1, min(superblocks, _MOST_TILES))
    while least < most and bits.number():
        least += 1
    return least


def _log2(unit: int, target: int) -> int:
    """Return the least n with *unit* · 2ⁿ ≥ *target*."""
    return max(-(-target // unit) - 1, 0).bit_length()
