"""
Files of a local store, read in pieces.

The library that writes them reads them 8 KiB at a time, each time with a thread: 8 seconds of
processor for a gigabyte, where this takes less than one.
"""

import asyncio
import os
import stat
from collections.abc import AsyncIterator

from pixmill import errors

#: Bytes that are read at once.
PIECE_SIZE = 256 * 1024


async def open_file(
    path: str, *, size: int, part: tuple[int, int] | None = None
) -> AsyncIterator[bytes]:
    """
    Return the bytes of a file, or a part of them, in pieces; it may be deleted meanwhile.

    Raises OSError or ResultGone at once, before the first piece.
    """
    return _pieces(*await asyncio.to_thread(_begin, path, size, part))


class _OpenFile:
    """A file that is open, and how far it is read."""

    _fd = -1

    def __init__(self, path: str, *, size: int, part: tuple[int, int] | None) -> None:
        self._fd = os.open(path, os.O_RDONLY)
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != size:
            self.close()
            raise errors.ResultGone(detail=f"{path} has {status.st_size} bytes")
        self._start, self._end = part or (0, size)

    @property
    def left(self) -> int:
        return self._end - self._start

    def read(self) -> bytes:
        piece = os.pread(self._fd, min(PIECE_SIZE, self.left), self._start)
        if self.left and not piece:
            raise errors.ResultGone(detail="a file was cut off while it was read")
        self._start += len(piece)
        return piece

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # Whoever has asked for the pieces may never take one.
    __del__ = close


def _begin(path: str, size: int, part: tuple[int, int] | None) -> tuple[_OpenFile, bytes]:
    file = _OpenFile(path, size=size, part=part)
    return file, file.read()


async def _pieces(file: _OpenFile, first: bytes) -> AsyncIterator[bytes]:
    try:
        if first:
            yield first
        while file.left:
            yield await asyncio.to_thread(file.read)
    finally:
        file.close()
