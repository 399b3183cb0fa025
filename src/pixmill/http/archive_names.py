"""What files are called in an archive: as their owners named them, but safe and only once each."""

import re
import unicodedata

#: Bytes of a name in UTF-8: what most file systems take.
NAME_SIZE = 255
#: Bytes that are left for the number of a duplicate.
_NUMBER_SIZE = 12

#: What a file is called that has no name.
NAMELESS = "image"

# Control characters, those that turn text around or cannot be seen, and what Windows forbids.
_UNSAFE = re.compile(
    r'[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"*:<>?|]+'
)

#: Devices of Windows, which no file may be called, whatever comes after a dot.
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(\..*)?", re.IGNORECASE
)


class Names:
    """Gives each file of one archive a name of its own."""

    def __init__(self) -> None:
        #: The names that were given, each with the last number of its duplicates.
        self._given: dict[str, int] = {}

    def give(self, filename: str | None, extension: str) -> str:
        """
        Return a name after *filename* with another *extension*, such as ``.webp``.

        Names that differ only in case are one and the same on many machines. A duplicate gets
        ``-1``, ``-2`` and so on before its extension (OG-70).
        """
        stem = _stem(filename, extension)
        name = f"{stem}{extension}"
        first = key = _folded(name)
        while key in self._given:
            # A number that is passed over was somebody's own name, so this is no long search.
            self._given[first] += 1
            name = f"{stem}-{self._given[first]}{extension}"
            key = _folded(name)
        self._given[key] = 0
        return name


def _stem(filename: str | None, extension: str) -> str:
    """Return *filename* without folders, extension and what could do harm."""
    # A lone surrogate has no place in UTF-8.
    text = (filename or "").encode("utf-8", "replace").decode()
    last = re.split(r"[\\/]", text)[-1]
    name = unicodedata.normalize("NFC", _UNSAFE.sub("_", last)).strip(" .")
    head, dot, tail = name.rpartition(".")
    # What comes after a dot is not always an extension: "1. Our house".
    stem = head if dot and tail.isalnum() and len(tail) <= 5 else name
    size = NAME_SIZE - _NUMBER_SIZE - len(extension.encode())
    stem = stem.encode()[:size].decode("utf-8", "ignore").strip(" .") or NAMELESS
    return f"_{stem}" if _RESERVED.fullmatch(stem) else stem


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())
