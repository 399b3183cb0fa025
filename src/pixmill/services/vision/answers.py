"""What is made of a model's answer: fields that are clean, short and checked, or an error."""

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import from_json

from pixmill import errors
from pixmill.services.vision.filenames import slug
from pixmill.services.vision.text import clean, cut
from pixmill.services.vision.types import TEXT_FIELDS, Described, Partial, Style, TextField

#: Characters of the longest answer that is read.
LENGTH = 32_768

#: Characters by which a field must have grown to be worth telling. It also keeps back the first
#: words, by which one knows a refusal.
STEP = 16

# What some models think aloud before they answer.
_THINKING = re.compile(r"\A\s*<think>.*?(</think>|\Z)", re.DOTALL)

# A refusal where the words should be. An apology alone is none: it may be what a sign says.
_APOLOGY = re.compile(
    r"(i['’]m|i am|we['’]re) (very |so )?sorry\b|sorry, |apologies\b|as an ai\b|unfortunately, i\b"
    r"|i (cannot|can['’]t|can not|am unable|am not able|won['’]t)\b|i['’]m (unable|not able)\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(assist|help|comply|describe|identify|provide|process|view|see|access|analy[sz]e|fulfill)\b",
    re.IGNORECASE,
)

# A screen reader has said that it is an image.
_OPENING = re.compile(
    r"((an?|the|this) )?(image|picture|photo|photograph) (of|showing|depicting) (?=\w)",
    re.IGNORECASE,
)

_EXTENSION = re.compile(r"\.(jpe?g|png|webp|avif|gif|hei[cf]|tiff?|bmp|jxl)\s*$", re.IGNORECASE)
_SEPARATORS = re.compile("[,;、，；]")  # noqa: RUF001 - the ones that are meant


#: How an answer begins that is meant for no ears: half an object, perhaps.
_CODE = ("{", "[", "```")


class Unusable(Exception):
    """An answer without the JSON object that was asked for."""


def _separated(value: object) -> object:
    """Turn ``"a, b"`` into a list, as small models write one."""
    return _SEPARATORS.split(value) if isinstance(value, str) else value


class _Answer(BaseModel):
    model_config = ConfigDict(strict=True)

    alt: str
    title: str | None = None
    caption: str | None = None
    description: str | None = None
    filename: str | None = None
    keywords: Annotated[list[str] | None, BeforeValidator(_separated)] = None


_FIELDS = frozenset({*_Answer.model_fields, "object"})


def _spoken(answer: str) -> str:
    """Return the part of *answer* that is one."""
    return _THINKING.sub("", answer[:LENGTH], count=1)


def described(answer: str, style: Style) -> Described:
    """
    Return what *answer* says in its JSON object.

    Raises Unusable when there is none, or another than was asked for; VisionFailed when the model
    has said nothing, or that it will not.
    """
    if not (said := _spoken(answer).strip()):
        raise Unusable("an empty answer")
    try:
        # Whatever stands around it: some models wrap it in words or a code block.
        whole = said[said.index("{") : said.rindex("}") + 1]
        read = _Answer.model_validate(from_json(whole))
    except ValidationError as error:
        fields = {str(found["loc"][0]) if found["loc"] else "object" for found in error.errors()}
        raise Unusable(f"wrong: {', '.join(sorted(fields & _FIELDS))}") from None
    except ValueError:
        raise Unusable("no JSON object") from None
    texts = {name: field_text(name, getattr(read, name) or "", style) for name in TEXT_FIELDS}
    alt = texts["alt"]
    if not alt:
        raise errors.VisionFailed(detail="an empty alt")
    return Described(
        alt=alt,
        title=texts["title"],
        caption=texts["caption"],
        description=texts["description"],
        filename=filename(read.filename, texts["title"], alt),
        keywords=_keywords(read.keywords or [], style),
    )


def sentence(answer: str, style: Style) -> Described:
    """Return what a model says that cannot answer with JSON: no more than alt and caption."""
    said = _spoken(answer).strip()
    alt = None if said.startswith(_CODE) else field_text("alt", said, style)
    if not alt:
        raise errors.VisionFailed(detail="no sentence")
    return Described(alt=alt, caption=field_text("caption", said, style))


def field_text(name: TextField, text: str, style: Style) -> str | None:
    """Return *text* as the field *name* may have it; None without a word. Raises VisionFailed."""
    line = clean(text[:LENGTH])
    if (apology := _APOLOGY.match(line)) and _REFUSED.search(line, apology.end()):
        raise errors.VisionFailed(detail="a refusal in words")
    if name == "alt" and (opening := _OPENING.match(line)):
        line = line[opening.end() :]
        line = line[:1].upper() + line[1:]
    line = cut(line, getattr(style.lengths, name))
    return line if any(map(str.isalnum, line)) else None


def filename(*candidates: str | None) -> str | None:
    """Return the name that the first of *candidates* makes which makes one."""
    for text in candidates:
        if text and (name := slug(_EXTENSION.sub("", text))):
            return name
    return None


def _keywords(keywords: list[str], style: Style) -> tuple[str, ...]:
    """Return *keywords*, no two of them alike. What separates them in files splits them here."""
    found: dict[str, str] = {}
    for text in keywords:
        for part in _SEPARATORS.split(text[:LENGTH]):
            word = cut(clean(part).lstrip("#").strip(), style.lengths.keyword)
            if any(map(str.isalnum, word)):
                found.setdefault(word.casefold(), word)
    return tuple(found.values())[: style.lengths.keywords]


class Partials:
    """Finds the fields in an answer that is still being written."""

    def __init__(self, style: Style) -> None:
        self._style = style
        self._read = 0
        self._told: dict[TextField, str] = {}

    def of(self, answer: str) -> list[Partial]:
        """Return the fields that have grown, in *answer* as far as it is known."""
        if abs(len(answer) - self._read) < STEP:
            return []
        self._read = len(answer)
        said = _spoken(answer)
        if "{" not in said:
            return []
        try:
            found = from_json(said[said.index("{") :], allow_partial="trailing-strings")
        except ValueError:
            return []
        fields = found if isinstance(found, dict) else {}
        return [
            partial
            for name in TEXT_FIELDS
            if isinstance(text := fields.get(name), str) and (partial := self.field(name, text))
        ]

    def field(self, name: TextField, text: str) -> Partial | None:
        """Return the field *name* if *text* has more of it than was told."""
        if (
            len(text) < STEP
            or text.lstrip().startswith(_CODE)
            or _APOLOGY.match(clean(text[:LENGTH]))
        ):
            return None
        known = field_text(name, text, self._style)
        if known is None or known == self._told.get(name):
            return None
        self._told[name] = known
        return Partial(field=name, text=known)
