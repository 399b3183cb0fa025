"""Text from a stranger: what cannot be seen is taken out, and what is too long is cut."""

import re
import unicodedata

#: Format characters without which words of some scripts, and emoji, come out wrong.
_NEEDED = frozenset("\u200c\u200d\u200e\u200f")

#: Categories of Unicode that are no text: control, format, private, surrogate, unassigned.
_OTHER = "C"

_SPACES = re.compile(r"\s+")
_ENDS = " ,;:–—-"


def clean(text: str) -> str:
    """
    Return *text* as one line of visible characters, in NFC.

    Control characters go, and those that turn text around or hide in it.
    """
    visible = "".join(
        char
        for char in _SPACES.sub(" ", text)
        if char in _NEEDED or unicodedata.category(char)[0] != _OTHER
    )
    return _SPACES.sub(" ", unicodedata.normalize("NFC", visible)).strip()


def cut(text: str, length: int) -> str:
    """
    Return at most *length* characters of *text*, cut between two words where there are words.

    Where there are none, as in Chinese, no accent or part of an emoji is cut off its character.
    """
    if len(text) <= length:
        return text
    head, space, _ = text[: length + 1].rpartition(" ")
    if space and len(head) >= length // 2:
        return head.rstrip(_ENDS) or head
    end = length
    while end > 1 and _joined(text, end):
        end -= 1
    return text[:end]


def _joined(text: str, at: int) -> bool:
    """Say whether what is before *at*, and what is after, make one character together."""
    return unicodedata.category(text[at])[0] == "M" or "\u200d" in text[at - 1 : at + 1]
