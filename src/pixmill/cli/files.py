"""Files on this machine: how commands read them, and write them so that they are always whole."""

import errno
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path

from pixmill import errors

#: What the names of pictures end with, where a folder is looked through.
SUFFIXES = frozenset(
    f".{ending}"
    for ending in (
        *("jpg", "jpeg", "jpe", "jfif", "png", "apng", "webp", "avif", "gif"),
        *("heic", "heif", "tif", "tiff", "bmp"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file as it was."""

    data: bytes = field(repr=False)
    status: os.stat_result


def read(path: Path, *, most: int | None = None) -> Read:
    """Return the regular file *path*. Raises OSError, and BadInput for others or above *most*."""
    # A pipe that nobody writes into would be waited for.
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123 - of a descriptor
        status = os.fstat(file.fileno())
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(status.st_mode):
            raise errors.BadInput("This is not a regular file.")
        if most is not None and status.st_size > most:
            raise errors.BadInput(f"The file has more than {most:,} bytes.")
        return Read(data=file.read(), status=status)


def write(
    path: Path,
    data: bytes,
    *,
    like: os.stat_result | None = None,
    dates: bool = False,
    durable: bool = True,
) -> None:
    """
    Write *data* so that *path* is at all times as it was or whole. Raises OSError.

    With *like*, only those may read it who may read that file; with *dates*, it gets its dates. A
    *durable* file is on the disk when this returns, and not only on its way there.
    """
    _write(path, data, like=like, was=None, dates=dates, durable=durable)


def replace(
    path: Path, data: bytes, *, was: os.stat_result, dates: bool = False, durable: bool = True
) -> None:
    """
    Write *data* in place of the file that *was* there, with its mode and, if allowed, its owner.

    Raises Conflict when somebody has changed it, and OSError, also for a file that may not be
    written: that its folder may be is not meant to be a way around.
    """
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    _write(path, data, like=None, was=was, dates=dates, durable=durable)


def _write(
    path: Path,
    data: bytes,
    *,
    like: os.stat_result | None,
    was: os.stat_result | None,
    dates: bool,
    durable: bool,
) -> None:
    # Hidden, so that nobody takes it for a picture; short, so that every folder has room for it.
    part = path.with_name(f".pixmill-{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    mode = 0o600 if was else 0o666 if like is None else stat.S_IMODE(like.st_mode) & 0o777
    try:
        with open(os.open(part, flags, mode), "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(data)
            file.flush()
            if was is not None:
                _resemble(file.fileno(), was)
            if dates and (model := was or like):
                os.utime(file.fileno(), ns=(model.st_atime_ns, model.st_mtime_ns))
            if durable:
                os.fsync(file.fileno())
        if was is not None:
            _check(path, was)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _resemble(descriptor: int, was: os.stat_result) -> None:
    """Give a new file the owner, if that is allowed, and the mode of another."""
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (was.st_uid, was.st_gid):
        try:
            os.fchown(descriptor, was.st_uid, was.st_gid)
        except PermissionError:
            # Bits for another owner or group would give rights away.
            os.fchmod(descriptor, stat.S_IMODE(was.st_mode) & 0o777)
            return
    os.fchmod(descriptor, stat.S_IMODE(was.st_mode))


def _check(path: Path, was: os.stat_result) -> None:
    """Raise Conflict if *path* is no longer what it *was*."""
    now = path.stat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (was.st_ino, was.st_size, was.st_mtime_ns):
        raise errors.Conflict("The file was changed in the meantime.")
