"""`pixmill.toml`: options of `pixmill optimize` that a project always wants."""

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NAME = "pixmill.toml"

#: What a repository that somebody has only looked at must not decide: where pictures and keys go,
#: and to which file something is added.
FORBIDDEN = frozenset({"server", "api-key-env", "config", "summary-md"})

#: Options that name places; in the file they are meant from where it lies, and lie below that.
_PATHS = frozenset({"output", "cache-file"})

#: Options that may be given several times.
_LISTS = frozenset({"include", "exclude"})


@dataclass(frozen=True, slots=True)
class Option:
    """An option of the command line."""

    parameter: str  #: its name in the program
    flag: bool


class BadConfiguration(Exception):
    """The file says what cannot be."""


def nearest(folder: Path) -> Path | None:
    """Return the configuration that holds in *folder*: its own, or that of a folder above it."""
    for place in (folder, *folder.parents):
        if (place / NAME).is_file():
            return place / NAME
    return None


def read(path: Path, options: Mapping[str, Option]) -> dict[str, Any]:
    """
    Return what *path* says, by parameter; *options* are all that there are, by name.

    Raises BadConfiguration.
    """
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadConfiguration(error.strerror or "It cannot be read.") from error
    except ValueError as error:  # also of what is no UTF-8
        raise BadConfiguration(f"It is no TOML: {error}") from error
    for name in content:
        if name != "optimize":
            raise BadConfiguration(_unknown(name, ["optimize"]))
    section = content.get("optimize", {})
    if not isinstance(section, dict):
        raise BadConfiguration("[optimize] must be a table.")
    known = sorted(options.keys() - FORBIDDEN)
    values = {}
    for written, value in section.items():
        name = written.replace("_", "-")
        if name in FORBIDDEN:
            raise BadConfiguration(f"{written} is only for the command line.")
        if name not in known:
            raise BadConfiguration(_unknown(written, known))
        option = options[name]
        values[option.parameter] = _value(written, name, value, path.parent, flag=option.flag)
    return values


def _value(written: str, name: str, value: Any, folder: Path, *, flag: bool) -> Any:  # noqa: ANN401 - whatever stands in a file
    if flag != isinstance(value, bool):
        kind = "true or false" if flag else "a text or a number"
        raise BadConfiguration(f"{written} must be {kind}.")
    if isinstance(value, list):
        if not all(isinstance(each, str) for each in value):
            raise BadConfiguration(f"{written} must be a list of texts.")
        return value if name in _LISTS else ",".join(value)
    if not isinstance(value, bool | str | int | float):
        raise BadConfiguration(f"{written} must be a text or a number.")
    if name in _LISTS:
        return [str(value)]
    return _below(written, folder / str(value), folder) if name in _PATHS else value


def _below(written: str, path: Path, folder: Path) -> str:
    """Return *path*, which no ``..`` and no link may lead out of *folder*."""
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):  # a loop of links, a zero in the name
        inside = False
    if not inside:
        raise BadConfiguration(f"{written} must be below the folder of this file.")
    return str(path)


def _unknown(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"There is no {name}." + (f" Is {near[0]} meant?" if near else "")
