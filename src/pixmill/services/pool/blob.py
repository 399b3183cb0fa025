"""
Bytes that live in a file descriptor: what is uploaded, and what a codec process gives back.

On Linux a blob is a memfd, which can be sealed and handed to another process without copying it
(research: 10 MB in and 3 MB out cost 2.6 ms this way, 8.0 ms through a pipe). Elsewhere it is an
unlinked temporary file, which does the same without the seals.
"""

import fcntl
import mmap
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

_LINUX = sys.platform == "linux"

# Appeared in Linux 6.3; the number is that of <linux/memfd.h>.
_MFD_NOEXEC_SEAL = 0x0008

# fcntl.F_SEAL_* appeared in Python 3.9 for Linux only; the numbers are those of <linux/fcntl.h>.
_F_ADD_SEALS = 1033
_SEAL_ALL = 0x0001 | 0x0002 | 0x0004 | 0x0008


def open_anonymous() -> int:
    """Return a descriptor of a new, empty file that has no name and cannot be run."""
    if _LINUX:
        flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
        try:
            return os.memfd_create("pixmill", flags | _MFD_NOEXEC_SEAL)
        except OSError:  # Linux before 6.3
            return os.memfd_create("pixmill", flags)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Blob:
    """An anonymous file: written piece by piece, sealed, then only read. Close it after use."""

    def __init__(self, *, sealed: tuple[int, int] | None = None) -> None:
        #: The descriptor, and how many bytes there are.
        self.fd, self.size = sealed or (open_anonymous(), 0)
        self._sealed = sealed is not None

    @classmethod
    def of(cls, data: bytes) -> Self:
        """Return a sealed blob that holds *data*."""
        blob = cls()
        blob.write(data)
        blob.seal()
        return blob

    def write(self, data: bytes) -> None:
        """Append *data*. Raises OSError when there is no room for it."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.fd, rest) :]
        self.size += len(data)

    def seal(self) -> None:
        """Make the contents final, also for every process that gets the descriptor."""
        if _LINUX and not self._sealed:
            fcntl.fcntl(self.fd, _F_ADD_SEALS, _SEAL_ALL)
            self._sealed = True

    @contextmanager
    def view(self) -> Iterator[mmap.mmap | bytes]:
        """
        Give the contents without copying them.

        Only for blobs that this process wrote: a file that somebody else can truncate turns a
        read of its mapping into SIGBUS.
        """
        if not self.size:
            yield b""
            return
        with mmap.mmap(self.fd, self.size, prot=mmap.PROT_READ) as mapping:
            yield mapping

    def read(self) -> bytes:
        """Return the contents."""
        return os.pread(self.fd, self.size, 0)

    def shared(self) -> "Blob":
        """Return the same sealed contents as a blob of its own, which outlives this one."""
        assert self._sealed
        return Blob(sealed=(os.dup(self.fd), self.size))

    def close(self) -> None:
        """Give the memory back."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
