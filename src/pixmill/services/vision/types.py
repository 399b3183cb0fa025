"""The words of vision: how to describe, what a description is, and who gives one."""

import re
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from pixmill import errors

#: What a model writes as running text; file name and keywords are known only at its end.
TextField = Literal["title", "alt", "caption", "description"]
TEXT_FIELDS: tuple[TextField, ...] = ("title", "alt", "caption", "description")

#: Who found the words of a picture, when no model did.
LOCAL = "local"

#: Characters of the longest house style that is taken; it goes with every picture.
HOUSE_STYLE_LENGTH = 4_000

# Language, script, region and so on, as BCP 47 has them, without looking up which exist.
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """The most characters of each field; longer text is cut at a word."""

    title: int = 80
    alt: int = 125  #: PO-57: what screen readers say in one go
    caption: int = 300
    description: int = 1_000
    keyword: int = 50
    keywords: int = 15  #: how many there are

    def __post_init__(self) -> None:
        assert all(getattr(self, name) > 0 for name in self.__slots__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """
    How a description is to be written.

    Raises BadOption when *language* is not a tag of BCP 47, or *house_style* too long.
    """

    language: str = "en"  #: a tag of BCP 47, such as ``pt-BR``
    house_style: str = ""  #: what the publisher says of wording and tone
    lengths: Lengths = Lengths()

    def __post_init__(self) -> None:
        if not _LANGUAGE.fullmatch(self.language):
            raise errors.BadOption('The language must be a tag such as "en" or "pt-BR".')
        if len(self.house_style) > HOUSE_STYLE_LENGTH:
            raise errors.BadOption(
                f"The house style must have at most {HOUSE_STYLE_LENGTH} characters."
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """The beginning of one field, all of it that is known; replaces what was said of it before."""

    field: TextField
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What a model says of a picture. Plain text, no markup; None is what it did not say."""

    alt: str
    title: str | None = None
    caption: str | None = None
    description: str | None = None
    filename: str | None = (
        None  #: without an extension, as `pixmill.services.vision.filenames` has it
    )
    keywords: tuple[str, ...] = ()


class Vision(Protocol):
    """Somebody who can see."""

    @property
    def name(self) -> str:
        """Return the kind of provider: ``openai`` or ``local``."""

    @property
    def model(self) -> str:
        """Return the model's name, for "made by"."""

    def describe(
        self, picture: bytes, *, style: Style, hints: Sequence[str] = ()
    ) -> AsyncGenerator[Partial | Described, None]:
        """
        Describe *picture*, a JPEG of at most 768 pixels a side without metadata.

        Yields the fields as they grow, if the model streams, and a `Described` at last. Close what
        is not read to its end (`contextlib.aclosing`): the model then stops. *hints* are words that
        came with the picture, such as its file's name; they may be wrong.

        Raises VisionFailed for a picture that gets no description, VisionUnavailable when no model
        can be asked at the moment.
        """

    async def check(self) -> str | None:
        """
        Return what there is to say of the model, if it can be asked. Raises VisionUnavailable.

        Nobody's picture is shown to it, and no answer is waited for long.
        """

    async def close(self) -> None:
        """Stop what is going on, and let go of connections or of the model."""
