"""The words of a picture, as a form has them."""

from collections.abc import Mapping

from pixmill import errors
from pixmill.engine.words.types import MOST_KEYWORDS, MOST_LONG, MOST_SHORT
from pixmill.http import fields
from pixmill.services.sessions.types import Texts
from pixmill.services.vision.filenames import LENGTH, slug
from pixmill.services.vision.text import clean
from pixmill.services.vision.types import Lengths

#: What people call each, and how many characters it may have.
LABELS: Mapping[str, tuple[str, int]] = {
    "title": ("Title", MOST_SHORT),
    "filename": ("File name", LENGTH),
    "alt": ("Alternative text", Lengths().alt),
    "caption": ("Caption", MOST_SHORT),
    "keywords": ("Keywords", MOST_LONG),
    "description": ("Description", MOST_LONG),
}


def shown(texts: Texts | None) -> Mapping[str, str]:
    """Return *texts* as the fields of a form have them."""
    texts = texts or Texts()
    return {
        "title": texts.title or "",
        "alt": texts.alt or "",
        "caption": texts.caption or "",
        "description": texts.description or "",
        "keywords": ", ".join(texts.keywords),
        "filename": texts.filename or "",
    }


def read(form: Mapping[str, object]) -> Texts:
    """Return what somebody has typed. Raises BadOption for what is too long."""
    said = {name: _text(form, name) for name in LABELS}
    keywords = tuple(dict.fromkeys(filter(None, map(clean, (said["keywords"] or "").split(",")))))
    if len(keywords) > MOST_KEYWORDS:
        raise errors.BadOption(f"There can be at most {MOST_KEYWORDS} keywords.")
    filename = slug(said["filename"]) if said["filename"] else None
    if said["filename"] and filename is None:
        raise errors.BadOption("The file name needs letters or digits.")
    return Texts(
        title=said["title"],
        alt=said["alt"],
        caption=said["caption"],
        description=said["description"],
        filename=filename,
        keywords=keywords,
    )


def _text(form: Mapping[str, object], name: str) -> str | None:
    label, most = LABELS[name]
    value = clean(fields.text(form, name) or "")
    if len(value) > most:
        raise errors.BadOption(f"{label}: at most {most:,} characters.")
    return value or None
