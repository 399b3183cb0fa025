"""Which files are meant: those that are named, below folders, and by patterns."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from pixmill.cli.files import SUFFIXES
from pixmill.cli.optimize.patterns import compiled, is_pattern, matcher
from pixmill.cli.optimize.types import EXTENSIONS, Place, Source

#: What is read but not written: in place there is nothing to be done with them.
_ONLY_READ = frozenset({".heic", ".heif", ".tif", ".tiff", ".bmp"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How folders are looked through."""

    recursive: bool = True
    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def wants(self, path: PurePath) -> bool:
        """Say whether *path*, below the folder that is looked through, is meant."""
        included = not self.include or matcher(self.include)(path)
        return included and not matcher(self.exclude)(path)


def find(
    paths: Sequence[str], search: Search, *, place: Place, formats: Sequence[str]
) -> list[Source]:
    """
    Return the files that *paths* mean, each once, in their order and then by name.

    In folders and for patterns, hidden names and symbolic links are passed over: a link may lead
    anywhere. So is the folder that results go to. Results of an earlier run that lie beside
    pictures are no pictures. Nothing is raised for what cannot be read.
    """
    passed = place.folder.resolve() if place.folder else None
    found: dict[Path, Source] = {}
    for text in paths:
        for source in _meant(text, search, passed, in_place=place.kind == "here"):
            if source.error or not _is_result(Path(source.name), place, formats):
                found.setdefault(source.path, source)
    return list(found.values())


def _is_result(name: Path, place: Place, formats: Sequence[str]) -> bool:
    if place.kind == "suffix":
        return name.stem.endswith(place.suffix)
    endings = {f".{ending}" for each in formats for ending in (each, EXTENSIONS.get(each, each))}
    return place.kind == "beside" and name.suffix.lower() in endings


def _meant(text: str, search: Search, passed: Path | None, *, in_place: bool) -> Iterator[Source]:
    path = Path(text)
    if is_pattern(text) and not os.path.lexists(path):
        sources = _matching(path, search, passed)
        reason = "Nothing matches this pattern."
    elif path.is_dir():
        sources = _below(path, search, passed, in_place=in_place)
        reason = "There are no pictures in this folder."
    else:
        if search.wants(path):
            yield _named(path)
        return
    some = False
    for each in sources:
        some = True
        yield each
    if not some:
        yield Source(name=text, path=path.absolute(), relative=Path(path.name), error=reason)


def _named(path: Path) -> Source:
    relative = Path(path.name)
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError) as error:  # a loop of links is a RuntimeError up to Python 3.12
        reason = error.strerror if isinstance(error, OSError) else None
        reason = reason or "This cannot be read."
        return Source(name=str(path), path=path.absolute(), relative=relative, error=reason)
    return Source(name=str(path), path=real, relative=relative)


def _below(
    folder: Path, search: Search, passed: Path | None, *, in_place: bool
) -> Iterator[Source]:
    suffixes = SUFFIXES - _ONLY_READ if in_place else SUFFIXES
    for path in _walk(folder, passed, recursive=search.recursive):
        if isinstance(path, OSError):
            yield _unreadable(path)
            continue
        relative = path.relative_to(folder)
        if path.suffix.lower() in suffixes and search.wants(relative):
            yield Source(name=str(path), path=path.resolve(), relative=relative)


def _matching(pattern: Path, search: Search, passed: Path | None) -> Iterator[Source]:
    plain = [part for part in pattern.parts if not is_pattern(part)]
    begin = next(place for place, part in enumerate(pattern.parts) if is_pattern(part))
    folder = Path(*plain[:begin])
    wanted = compiled("/".join(pattern.parts[begin:]))
    for path in _walk(folder, passed, recursive=True):
        if isinstance(path, OSError):
            yield _unreadable(path)
            continue
        relative = path.relative_to(folder)
        if wanted.fullmatch(relative.as_posix()) and search.wants(relative):
            yield Source(name=str(path), path=path.resolve(), relative=relative)


def _walk(folder: Path, passed: Path | None, *, recursive: bool) -> Iterator[Path | OSError]:
    """Give all files below *folder* by name, and what went wrong."""
    failed: list[OSError] = []
    for parent, folders, names in os.walk(folder, onerror=failed.append):
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and Path(parent, name).resolve() != passed
        )
        for name in sorted(names):
            path = Path(parent, name)
            if not name.startswith(".") and not path.is_symlink():
                yield path
    yield from failed


def _unreadable(error: OSError) -> Source:
    path = Path(error.filename)
    reason = error.strerror or "This cannot be read."
    return Source(name=str(path), path=path.absolute(), relative=Path(path.name), error=reason)
