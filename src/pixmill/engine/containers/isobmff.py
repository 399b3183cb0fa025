"""The boxes of ISO base media files, which AVIF and HEIC are (ISO/IEC 14496-12)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pixmill.engine.containers import Data
from pixmill.errors import UnreadableImage

# Boxes in one place that are read, and entries of one table in them. libheif stops at 1,000 items.
MOST = 8192

# A box of these that is longer than the file was cut off; any other is stray bytes at the end.
_ESSENTIAL = {b"ftyp", b"meta", b"moov", b"mdat"}


class Box(NamedTuple):
    """One box: its type, and where it, its contents and its successor begin."""

    kind: bytes
    start: int
    body: int
    end: int


def boxes(data: Data, at: int, end: int) -> Iterator[Box]:
    """Yield the boxes between *at* and *end*, up to the first thing that is none."""
    for _ in range(MOST):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        body = at + 8
        if size == 1 and body + 8 <= end:
            (size,) = struct.unpack_from(">Q", data, body)
            body += 8
        elif size == 0:
            size = end - at
        if size < body - at or size > end - at:
            if kind in _ESSENTIAL:
                raise UnreadableImage(detail=f"{kind!r} box of impossible size")
            return
        yield Box(kind, at, body, at + size)
        at += size
    raise UnreadableImage(detail="too many boxes")


def children(data: Data, box: Box, *, skip: int = 0) -> dict[bytes, Box]:
    """Return the boxes in *box* by type, of doubles the first; *skip* bytes come before them."""
    found: dict[bytes, Box] = {}
    for child in boxes(data, box.body + skip, box.end):
        found.setdefault(child.kind, child)
    return found


def descend(data: Data, box: Box, *path: bytes) -> Box | None:
    """Return the box that *path* leads to from *box*; None when there is none."""
    inner: Box | None = box
    for kind in path:
        if inner is None:
            break
        inner = children(data, inner).get(kind)
    return inner


def brands(data: Data) -> tuple[bytes, frozenset[bytes]]:
    """Return the major brand and all brands of a file that begins with ``ftyp``."""
    first = next(boxes(data, 0, len(data)), None)
    if first is None or first.kind != b"ftyp" or first.end - first.body < 8:
        raise UnreadableImage(detail="no file type box")
    names = data[first.body : min(first.end, first.body + 1024)]
    every = [names[at : at + 4] for at in range(0, len(names) - 3, 4)]
    # The second word is a version.
    return every[0], frozenset(every[:1] + every[2:])


class Cursor:
    """
    Reads numbers of changing width one after the other.

    Raises UnreadableImage past *end*, and when all counts together say more than any picture needs.
    """

    def __init__(self, data: Data, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end
        self._left = MOST

    def number(self, size: int) -> int:
        """Return the next unsigned number of *size* bytes."""
        at = self.at
        self.at += size
        if self.at > self.end:
            raise UnreadableImage(detail="box ends early")
        return int.from_bytes(self.data[at : self.at], "big")

    def count(self, size: int) -> int:
        """Return the next number of *size* bytes, which says how many of something follow."""
        count = self.number(size)
        self._left -= count
        if self._left < 0:
            raise UnreadableImage(detail="too many entries")
        return count

    def version(self) -> tuple[int, int]:
        """Return version and flags, with which a full box begins."""
        return self.number(1), self.number(3)
