"""RIFF, the container of WebP, as a row of chunks (RFC 9649, section 2.3)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from pixmill.engine.containers import Data, allowance
from pixmill.errors import UnreadableImage

_HEAD = struct.Struct("<4sI")


class Chunk(NamedTuple):
    """One chunk: its type, and where its contents begin and end. The end may be past the file's."""

    kind: bytes
    start: int
    end: int


def file_end(data: Data) -> int:
    """Return where the RIFF ends; what follows is not part of it."""
    return min(len(data), 8 + int(struct.unpack_from("<I", data, 4)[0]))


def chunks(data: Data, at: int, end: int) -> Iterator[Chunk]:
    """Yield the chunks that begin between *at* and *end*. Raises UnreadableImage."""
    for _ in range(allowance(data)):
        if at + 8 > end:
            return
        kind, size = _HEAD.unpack_from(data, at)
        yield Chunk(kind, at + 8, at + 8 + size)
        at += 8 + size + (size & 1)
    raise UnreadableImage(detail="too many riff chunks")


def build(kind: bytes, body: bytes) -> bytes:
    """Return a chunk, padded to even length."""
    return _HEAD.pack(kind, len(body)) + body + bytes(len(body) & 1)
