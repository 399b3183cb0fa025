"""Where results go: no two pictures write one file, and none outside of the folder asked for."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pixmill import errors
from pixmill.cli.optimize.types import AUTO, EXTENSIONS, SAME, Place, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A picture, and where its results go."""

    source: Source
    folder: Path
    own: str  #: name of a result in the picture's own format
    stem: str  #: of the names of all other results

    def target(self, format_: str) -> Path:
        """Return where the result in *format_* goes."""
        extension = EXTENSIONS[format_]
        ending = Path(self.own).suffix.lower()
        if ending in {f".{extension}", f".{format_}"}:
            return self.folder / self.own
        return self.folder / f"{self.stem}.{extension}"

    def targets(self, formats: Sequence[str]) -> set[Path]:
        """Return where results could go when *formats* are asked for."""
        if {AUTO, SAME} & set(formats):
            return {self.folder / self.own, *map(self.target, EXTENSIONS)}
        return set(map(self.target, formats))


def plan(sources: Sequence[Source], place: Place, formats: Sequence[str]) -> list[Planned]:
    """
    Return where the results of each of *sources* go.

    That depends on the names alone, and not on which picture is done first: of ``a.jpg`` and
    ``a.png`` in one folder, the results in other formats are ``a.jpg.webp`` and ``a.png.webp``.
    What takes the same name even so gets a number.
    """
    homes = [_home(each, place) for each in sources]
    alike = Counter(_key(folder / name.stem) for folder, name in set(homes))
    # In place each has a file of its own; elsewhere no picture is written over.
    taken = set[str]() if place.kind == "here" else {_key(each.path) for each in sources}
    planned = []
    for source, (folder, name) in zip(sources, homes, strict=True):
        alone = alike[_key(folder / name.stem)] == 1
        for candidate in _candidates(source, folder, name, alone=alone):
            claimed = {_key(each) for each in candidate.targets(formats)}
            if place.kind == "here" or not claimed & taken:
                break
        taken |= claimed
        planned.append(candidate)
    return planned


def check(target: Path, place: Place) -> None:
    """Refuse *target* when a link leads it out of the folder of results. Raises BadInput."""
    if place.folder and not target.parent.resolve().is_relative_to(place.folder.resolve()):
        raise errors.BadInput("A link leads out of the folder for results.")


def _home(source: Source, place: Place) -> tuple[Path, Path]:
    """Return the folder for results of *source*, and the name that they have there."""
    if place.kind == "here":
        return source.path.parent, Path(source.path.name)
    if place.folder:
        return place.folder.absolute() / source.relative.parent, Path(source.relative.name)
    given = Path(source.name)
    return given.absolute().parent, Path(f"{given.stem}{place.suffix}{given.suffix}")


def _candidates(source: Source, folder: Path, name: Path, *, alone: bool) -> Iterator[Planned]:
    stem = name.stem if alone else name.name
    yield Planned(source=source, folder=folder, own=name.name, stem=stem)
    for number in count(2):
        stem = f"{name.stem}-{number}"
        yield Planned(source=source, folder=folder, own=f"{stem}{name.suffix}", stem=stem)


def _key(path: Path) -> str:
    """Return what is equal for names that some file systems take for one."""
    return str(path).casefold()
