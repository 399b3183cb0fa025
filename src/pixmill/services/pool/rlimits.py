"""Limits on what a codec process may use up."""

import os
import resource
from pathlib import Path

#: The worker's socket, a job's two files, and room for what a codec library opens inside itself.
_OPEN_FILES = 64

#: Threads of one user. Counted over all containers of a machine that use the same number, hence
#: far above what a codec starts; it keeps a process from filling the machine's process table.
_THREADS = 4096


def apply(*, memory_size: int, output_size: int, own_user: bool) -> None:
    """
    Limit this process to *memory_size* more address space and files of *output_size* bytes.

    Reads /proc, so it comes before Landlock. The number of threads is limited only for a process
    that has a user of its own. Raises OSError or ValueError where a limit cannot be set.
    """
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    _limit(resource.RLIMIT_FSIZE, output_size)
    if own_user:
        _limit(resource.RLIMIT_NPROC, _THREADS)
    _limit(resource.RLIMIT_AS, _address_space() + memory_size)


def prefer_as_victim() -> None:
    """Ask the kernel to take this process, not the server, when the machine's memory runs out."""
    Path("/proc/self/oom_score_adj").write_text("500")


def _limit(kind: int, value: int) -> None:
    """Set both the limit and its ceiling, so that it cannot be raised again."""
    ceiling = resource.getrlimit(kind)[1]
    if ceiling != resource.RLIM_INFINITY:
        value = min(value, ceiling)
    resource.setrlimit(kind, (value, value))


def _address_space() -> int:
    """Return the bytes of address space in use, most of which are mapped libraries."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
