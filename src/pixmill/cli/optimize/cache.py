"""
What was found out before, by what pictures hold and not by where they are or how old.

The file can be committed, or carried from one build machine to the next. It holds nothing but
hashes, sizes and scores.
"""

import fcntl
import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pixmill import errors
from pixmill.cli import files
from pixmill.cli.optimize.types import EXTENSIONS, Order

NAME = ".pixmill-cache.json"

#: Version of the file; one of another version is taken for an empty one.
VERSION = 1

#: What the file begins with, whatever is damaged further on.
_BEGIN = re.compile(rb'\s*\{\s*"version"\s*:\s*\d+\s*,\s*"entries"\s*:\s*\{')
_FIRST = f'{{"version":{VERSION},"entries":{{'

#: Entries that are kept, the newest; about 10 MB of file.
MOST = 50_000


class NotACache(errors.BadInput):
    """This is no cache of Pixmill, so it is not replaced."""

    code = "not_a_cache"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What came of a picture in one format."""

    format: str
    size: int
    sha256: str | None = None  #: of the result; None when the picture is better as it is
    reason: str | None = None  #: why it is
    how: str | None = None
    score: float | None = None


def digest(data: bytes) -> str:
    """Return what names *data*."""
    return hashlib.sha256(data).hexdigest()


def key_of(sha256: str, order: Order, format_: str, engine: str) -> str:
    """Return what is equal for equal work on the picture with *sha256*."""
    look = asdict(order.look)
    look["accept"] = sorted(order.look.accept)
    parts = {
        "picture": sha256,
        "look": look,
        "format": format_,
        "here": order.place.kind == "here",
        "savings": asdict(order.savings),
        "engine": engine,
    }
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:40]


class Cache:
    """
    Entries of the file at *path*, and those that this run adds; without *path*, only the latter.

    What is damaged is *remark*ed, and the file is begun anew. Raises NotACache for another file.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._new: dict[str, Entry] = {}
        self._known, self.remark = _load(path) if path else ({}, None)
        self._results = {entry.sha256 for entry in self._known.values()}

    def get(self, key: str) -> Entry | None:
        """Return what is known."""
        return self._new.get(key) or self._known.get(key)

    def put(self, key: str, entry: Entry) -> None:
        """Remember *entry*."""
        self._new[key] = entry
        self._results.add(entry.sha256)

    def made(self, sha256: str | None) -> bool:
        """Say whether the file with *sha256* is a result of some picture."""
        return sha256 is not None and sha256 in self._results

    def save(self) -> None:
        """
        Add what is new to the file, and to what other runs have added meanwhile.

        Raises OSError, and NotACache when the file has become something else.
        Not durable: what a crash takes away is found out again.
        """
        if not self._path or not self._new:
            return
        with _alone(self._path.parent):
            self._known = _load(self._path)[0] | self._new
            self._new = {}
            kept = list(self._known.items())[-MOST:]
            # A line for each, so that version control can merge.
            lines = ",\n".join(f"{json.dumps(key)}:{_text(entry)}" for key, entry in kept)
            text = f"{_FIRST}\n{lines}\n}}}}\n"
            files.write(self._path, text.encode(), durable=False)


def _text(entry: Entry) -> str:
    said = {name: value for name, value in asdict(entry).items() if value is not None}
    return json.dumps(said, separators=(",", ":"))


def _load(path: Path) -> tuple[dict[str, Entry], str | None]:
    try:
        data = files.read(path).data
    except FileNotFoundError:
        return {}, None
    except OSError as error:
        raise NotACache(error.strerror) from error
    except errors.BadInput as error:
        raise NotACache(str(error)) from error
    if not data.strip():
        return {}, None
    try:
        content = json.loads(data)
    except (ValueError, RecursionError):
        if not _BEGIN.match(data) and not _FIRST.encode().startswith(data):
            raise NotACache from None
        return {}, "The cache file is damaged; it is begun anew."
    entries = content.get("entries") if isinstance(content, dict) else None
    if not isinstance(entries, dict) or not isinstance(content.get("version"), int):
        raise NotACache
    if content["version"] != VERSION:
        return {}, "The cache file is of another version; it is begun anew."
    read = {key: _entry(value) for key, value in entries.items()}
    return {key: entry for key, entry in read.items() if entry}, None


def _entry(value: Any) -> Entry | None:  # noqa: ANN401 - whatever stands in a file
    """Return what *value* says, if it could be ours."""
    try:
        entry = Entry(**value)
    except TypeError:
        return None
    kinds = {
        "format": str,
        "size": int,
        "sha256": str | None,
        "reason": str | None,
        "how": str | None,
        "score": int | float | None,
    }
    sound = all(isinstance(getattr(entry, name), kind) for name, kind in kinds.items())
    return entry if sound and entry.format in EXTENSIONS else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other runs from writing in the meantime, where the file system can."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
