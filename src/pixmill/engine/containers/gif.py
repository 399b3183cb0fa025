"""GIF as a row of blocks (GIF89a)."""

from collections.abc import Iterator
from typing import NamedTuple

from pixmill.engine.containers import Data, allowance
from pixmill.errors import UnreadableImage

#: What a block can be: an image, which no label stands for, or the label of an extension.
IMAGE = -1
PLAIN_TEXT, GRAPHIC_CONTROL, COMMENT, APPLICATION = 0x01, 0xF9, 0xFE, 0xFF

#: Application extensions that say how often an animation plays.
LOOPS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")

TRAILER = b";"

_EXTENSION, _SEPARATOR = 0x21, 0x2C

# Encoders fill their sub-blocks (254 or 255 bytes); only the last one of an image is short.
_BYTES_PER_SUB_BLOCK = 64
_SUB_BLOCKS_PER_BLOCK = 4


class Block(NamedTuple):
    """One block: what it is, where it begins, where its sub-blocks begin, and where it ends."""

    kind: int
    start: int
    body: int
    end: int
    whole: bool  #: False when the file ends within it


def color_table_size(flags: int) -> int:
    """Return the bytes of the color table that the packed *flags* of a descriptor announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def header_size(data: Data) -> int:
    """Return the bytes before the first block: signature, screen and global color table."""
    return 13 + color_table_size(data[10])


def blocks(data: Data) -> Iterator[Block]:
    """
    Yield the blocks up to the trailer, the end of *data*, or the first thing that is no block.

    Browsers end the animation there too. Raises UnreadableImage.
    """
    at, size = header_size(data), len(data)
    pieces = allowance(data)
    sub_blocks = _SUB_BLOCKS_PER_BLOCK * pieces + size // _BYTES_PER_SUB_BLOCK
    for _ in range(pieces):
        if at + 1 >= size:
            return
        if data[at] == _EXTENSION:
            kind, body = data[at + 1], at + 2
        elif data[at] == _SEPARATOR and at + 9 < size:
            kind, body = IMAGE, at + 11 + color_table_size(data[at + 9])
        else:
            return
        end, sub_blocks = _skip(data, body, sub_blocks)
        yield Block(kind, at, body, min(end, size), end <= size)
        at = end
    raise UnreadableImage(detail="too many gif blocks")


def repeats(data: Data, block: Block) -> int | None:
    """Return how often an animation starts again (0: for ever), when *block* is what says so."""
    name, at = data[block.body + 1 : block.body + 12], block.body + 12
    if block.kind != APPLICATION or name not in LOOPS:
        return None
    # A sub-block of three bytes: 1, and the number.
    if not block.whole or data[at : at + 2] != b"\x03\x01":
        return None
    return int.from_bytes(data[at + 2 : at + 4], "little")


def transparent(data: Data, block: Block) -> bool:
    """Say whether *block* makes a color of the next image transparent."""
    if block.kind != GRAPHIC_CONTROL or not block.whole or data[block.body] < 4:
        return False
    return bool(data[block.body + 1] & 1)


def _skip(data: Data, at: int, allowed: int) -> tuple[int, int]:
    """Return where the sub-blocks at *at* end (past the file's end: cut off), and what is left."""
    size = len(data)
    for left in range(allowed, 0, -1):
        if at >= size:
            return size + 1, left
        length = data[at]
        at += length + 1
        if not length:
            return at, left
    raise UnreadableImage(detail="too many gif sub-blocks")
