"""Files on this machine: which ones are meant, and how they are read and replaced whole."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
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
class Found:
    """A file that is meant."""

    name: str  #: as somebody has named it, or its folder
    path: Path  #: behind all links
    error: str | None = None  #: why there is nothing to read


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A file as it was."""

    data: bytes = field(repr=False)
    status: os.stat_result


def find(paths: Sequence[Path]) -> list[Found]:
    """
    Return the files *paths* and the pictures below those that are folders, each once.

    In folders, hidden names and symbolic links are passed over: a link may lead anywhere. Nothing
    is raised for what cannot be read; a folder without pictures is an error, too.
    """
    found: dict[Path, Found] = {}
    for path in paths:
        for each in _meant(path):
            found.setdefault(each.path, each)
    return list(found.values())


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


def write(path: Path, data: bytes) -> None:
    """Write *data* so that *path* is at all times as it was or whole. Raises OSError."""
    _write(path, data, None)


def replace(path: Path, data: bytes, *, was: os.stat_result) -> None:
    """
    Write *data* in place of the file that *was* there, with its mode and, if allowed, its owner.

    Raises Conflict when somebody has changed it, and OSError, also for a file that may not be
    written: that its folder may be is not meant to be a way around.
    """
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    _write(path, data, was)


def _meant(path: Path) -> Iterator[Found]:
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError up to Python 3.12
        yield _missing(path, error)
        return
    if not real.is_dir():
        yield Found(name=str(path), path=real)
        return
    some = False
    for each in _below(path):
        some = True
        yield each
    if not some:
        yield Found(name=str(path), path=real, error="There are no pictures in this folder.")


def _below(folder: Path) -> Iterator[Found]:
    failed: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=failed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent) / name
            if (
                not name.startswith(".")
                and path.suffix.lower() in SUFFIXES
                and not path.is_symlink()
            ):
                yield Found(name=str(path), path=path.resolve())
    for error in failed:
        yield _missing(Path(error.filename), error)


def _missing(path: Path, error: Exception) -> Found:
    reason = error.strerror if isinstance(error, OSError) else None
    return Found(name=str(path), path=path.absolute(), error=reason or "This cannot be read.")


def _write(path: Path, data: bytes, was: os.stat_result | None) -> None:
    # Hidden, so that nobody takes it for a picture; short, so that every folder has room for it.
    part = path.with_name(f".pixmill-{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    mode = 0o666 if was is None else 0o600
    try:
        with open(os.open(part, flags, mode), "wb") as file:  # noqa: PTH123 - of a descriptor
            file.write(data)
            file.flush()
            if was is not None:
                _resemble(file.fileno(), was)
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
