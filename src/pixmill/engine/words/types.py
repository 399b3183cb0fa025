"""The words of a picture, and what a file has become that carries them."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from pixmill.errors import WordsDoNotFit

#: Characters of the longest title, alternative text, caption or copyright.
MOST_SHORT = 1_000
#: Characters of the longest description, and of all keywords together.
MOST_LONG = 5_000
MOST_KEYWORDS = 200

#: What XML cannot hold (XML 1.0, 2.2), and what ends a text in EXIF.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What is said of a picture. What is None or empty is not said."""

    title: str | None = None
    alt: str | None = None  #: for those who cannot see the picture
    caption: str | None = None  #: the line under the picture
    description: str | None = None  #: all there is to tell
    keywords: tuple[str, ...] = ()
    copyright: str | None = None

    def cleaned(self) -> "Words":
        """Return this without blank texts and without characters that XML cannot hold."""
        return Words(
            title=_cleaned(self.title),
            alt=_cleaned(self.alt),
            caption=_cleaned(self.caption),
            description=_cleaned(self.description),
            keywords=tuple(filter(None, map(_cleaned, self.keywords))),
            copyright=_cleaned(self.copyright),
        )

    def fitting(self) -> "Words":
        """Return this without what is longer than `check` allows."""
        return Words(
            title=_fitting(self.title, MOST_SHORT),
            alt=_fitting(self.alt, MOST_SHORT),
            caption=_fitting(self.caption, MOST_SHORT),
            description=_fitting(self.description, MOST_LONG),
            keywords=self.keywords if _fit(self.keywords) else (),
            copyright=_fitting(self.copyright, MOST_SHORT),
        )

    def check(self) -> None:
        """Raise WordsDoNotFit when any of this is longer than files are given."""
        if self != self.fitting():
            raise WordsDoNotFit(
                f"A description has at most {MOST_LONG} characters, any other text {MOST_SHORT}; "
                f"there are at most {MOST_KEYWORDS} keywords, of {MOST_LONG} characters together."
            )

    def over(self, other: "Words") -> "Words":
        """Return these words, and *other*'s where there is none."""
        return Words(
            title=self.title or other.title,
            alt=self.alt or other.alt,
            caption=self.caption or other.caption,
            description=self.description or other.description,
            keywords=self.keywords or other.keywords,
            copyright=self.copyright or other.copyright,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A file with words in it."""

    data: bytes = field(repr=False)
    #: What its owner should know, as codes. ``c2pa_invalidated``: the file has a C2PA manifest,
    #: which is signed for the file as it was. ``xmp_replaced``: the file had XMP that no program
    #: can read, and has lost it.
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocks:
    """The pieces of a file that can hold words."""

    xmp: tuple[bytes, ...] = ()  #: packets, of which the first goes before the others
    exif: bytes | None = None  #: TIFF structure, perhaps with JPEG's prefix
    iptc: bytes | None = None  #: ``Photoshop 3.0`` and its resources


#: Returns the XMP packet of a file, None if it has none, with the words in it.
Merger = Callable[[bytes | None], bytes]

C2PA_INVALIDATED = "c2pa_invalidated"
XMP_REPLACED = "xmp_replaced"


def _cleaned(text: str | None) -> str | None:
    text = _FORBIDDEN.sub("", text or "")
    return text if text.strip() else None


def _fitting(text: str | None, most: int) -> str | None:
    return text if text is not None and len(text) <= most else None


def _fit(keywords: tuple[str, ...]) -> bool:
    return len(keywords) <= MOST_KEYWORDS and sum(map(len, keywords)) <= MOST_LONG
