"""Which files are meant, where paths and folders are named."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pixmill.cli.files import SUFFIXES


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A file that is meant."""

    name: str  #: as somebody has named it, or its folder
    path: Path  #: behind all links
    error: str | None = None  #: why there is nothing to read


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
