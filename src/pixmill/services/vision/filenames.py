"""Names for files, made of words in any script: safe in a URL, on any disk, and only once each."""

import re
from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from anyascii import anyascii

#: Characters of the longest name (PO-57).
LENGTH = 80

#: More of a text than this never matters for a name.
_READ = 1_000

_APOSTROPHES = re.compile("['’ʼ`´]")  # noqa: RUF001 - the ones that are meant
_OTHERS = re.compile("[^a-z0-9]+")

#: Devices of Windows, which no file may be called whatever its extension.
_RESERVED = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")


def slug(text: str) -> str | None:
    """
    Return *text* as ``^[a-z0-9]+(-[a-z0-9]+)*$`` of at most `LENGTH` characters.

    Other scripts are transliterated (PO-57). None when there is nothing left.
    """
    words = _APOSTROPHES.sub("", text[:_READ])
    name = _OTHERS.sub("-", anyascii(words).lower()).strip("-")
    if len(name) > LENGTH:
        head, dash, _ = name[: LENGTH + 1].rpartition("-")
        name = head if dash else name[:LENGTH]
    if _RESERVED.fullmatch(name):
        name = f"file-{name}"
    return name or None


def local_name(title: str | None, filename: str) -> str | None:
    """Return a name for a file made of what is known of it without a model (PO-57)."""
    return (slug(title) if title else None) or slug(PurePosixPath(filename).stem)


def unique(names: Iterable[str], *, taken: Collection[str] = ()) -> list[str]:
    """
    Return *names* with ``-2``, ``-3`` and so on behind those that were there before (PO-82).

    A number is passed over that would make a name one of *taken*, or somebody else's own. Names
    that differ only in case are one and the same on many machines.
    """
    names = list(names)
    given = {name.casefold() for name in taken}
    own = {name.casefold() for name in names}
    numbers: dict[str, int] = {}
    result = []
    for name in names:
        chosen, first = name, name.casefold()
        while (key := chosen.casefold()) in given or (chosen != name and key in own):
            numbers[first] = numbers.get(first, 1) + 1
            chosen = _numbered(name, numbers[first])
        given.add(key)
        result.append(chosen)
    return result


def _numbered(name: str, number: int) -> str:
    """Return *name* with *number*, no longer than the longest may be, or than it was."""
    end = f"-{number}"
    return name[: max(len(name), LENGTH) - len(end)].rstrip("-") + end
