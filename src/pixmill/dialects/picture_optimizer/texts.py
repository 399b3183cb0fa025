"""What Picture Optimizer calls the words of a picture, and which it takes from callers."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pixmill import errors
from pixmill.engine.words.types import MOST_KEYWORDS, MOST_LONG, MOST_SHORT
from pixmill.services.sessions.types import Texts
from pixmill.services.vision.filenames import slug
from pixmill.services.vision.text import clean
from pixmill.services.vision.types import Lengths

#: Characters of each text (PO-57, and what files are given).
LONGEST: Mapping[str, int] = {
    "title": MOST_SHORT,
    "alt": Lengths().alt,
    "caption": MOST_SHORT,
    "description": MOST_LONG,
}

#: All that is said of a picture (PO-44).
FIELDS = (*LONGEST, "filename", "seoTags")

#: Characters of a value that is read at all.
_READ = 20_000

_EXTENSION = re.compile(r"\.(jpe?g|png|webp|avif|gif|heic|tiff?|bmp)$", re.IGNORECASE)


def metadata(texts: Texts | None) -> dict[str, Any] | None:
    """Return what is said of a picture, as it is told."""
    if texts is None:
        return None
    return {
        "title": texts.title,
        "alt": texts.alt,
        "caption": texts.caption,
        "description": texts.description,
        "filename": texts.filename,
        "seoTags": list(texts.keywords),
    }


def merged(given: object, known: Texts | None) -> Texts:
    """Return *known* with the fields that are *given*; null says nothing. Raises BadOption."""
    if not isinstance(given, dict):
        raise errors.BadOption('"metadata" must be an object.')
    if unknown := given.keys() - set(FIELDS):
        name = clean(min(map(str, unknown)))[:80]
        raise errors.BadOption(f'"metadata" has no field "{name}"; it has {", ".join(FIELDS)}.')
    changes: dict[str, Any] = {
        name: _text(given[name], name, most) for name, most in LONGEST.items() if name in given
    }
    if "filename" in given:
        changes["filename"] = _filename(given["filename"])
    if "seoTags" in given:
        changes["keywords"] = _keywords(given["seoTags"])
    return replace(known or Texts(), **changes)


def _text(value: object, name: str, most: int) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise errors.BadOption(f'"{name}" must be a text or null.')
    text = clean(value) if len(value) <= _READ else value
    if len(text) > most:
        raise errors.BadOption(f'"{name}" must have at most {most} characters.')
    return text or None


def _filename(value: object) -> str | None:
    """Return a name for files, without an extension; it is made safe and not refused (PO-57)."""
    if value is None or value == "":
        return None
    name = slug(_EXTENSION.sub("", value)) if isinstance(value, str) else None
    if name is None:
        raise errors.BadOption('"filename" must be a text with letters or digits.')
    return name


def _keywords(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    wrong = errors.BadOption(
        f'"seoTags" must be a list of at most {MOST_KEYWORDS} texts, of at most {MOST_LONG} '
        "characters together."
    )
    if not isinstance(value, list) or len(value) > MOST_KEYWORDS:
        raise wrong
    if not all(isinstance(each, str) and len(each) <= MOST_LONG for each in value):
        raise wrong
    keywords = tuple(dict.fromkeys(filter(None, map(clean, value))))
    if sum(map(len, keywords)) > MOST_LONG:
        raise wrong
    return keywords
