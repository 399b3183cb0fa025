"""Who runs work on a SQLite file: one process at a time, as the kernel sees it."""

import fcntl
import os
from pathlib import Path

from pixmill import errors


class Role:
    """
    The right to run the work that is in the SQLite file at *path*.

    A lock on a file beside it. The kernel gives it back when its holder dies, however that happens,
    so a restart never waits for a process that is gone; and it is not on the database itself, whose
    locks are SQLite's.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + ".executor")
        self._fd = -1

    def take(self) -> None:
        """Take it. Raises Internal while another process has it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(fd)
            raise errors.Internal(
                "Another process runs the jobs of this SQLite database. Stop it first, give this "
                "one its own data directory, or use PostgreSQL, where any number may run.",
                detail=str(self._path),
            ) from error
        self._fd = fd

    def give_back(self) -> None:
        """Let the next one have it."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
