"""PNG as a row of chunks (PNG, third edition, section 5)."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from pixmill.engine.containers import Data, allowance
from pixmill.errors import UnreadableImage

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_HEAD = struct.Struct(">I4s")


class Chunk(NamedTuple):
    """One chunk: its type, and where its contents begin and end. The end may be past the file's."""

    kind: bytes
    start: int
    end: int


def chunks(data: Data) -> Iterator[Chunk]:
    """Yield the chunks up to IEND or the end of *data*. Raises UnreadableImage."""
    at = len(SIGNATURE)
    for _ in range(allowance(data)):
        head = data[at : at + 8]
        if len(head) < 8:
            return
        size, kind = _HEAD.unpack(head)
        yield Chunk(kind, at + 8, at + 8 + size)
        if kind == b"IEND":
            return
        at += size + 12
    raise UnreadableImage(detail="too many png chunks")


def build(kind: bytes, body: bytes) -> bytes:
    """Return a chunk with its length and checksum."""
    return _HEAD.pack(len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body))
