"""Which picture formats a caller takes: named one by one, or by an Accept header."""

import re
from collections.abc import Iterable
from urllib.request import parse_http_list

from python_multipart.multipart import parse_options_header

from pixmill import errors

#: What `auto` may choose from.
FORMATS = ("jpeg", "png", "webp", "avif", "gif")

#: What ``image/*`` or ``*/*`` stands for beside types that are named. Browsers name the formats
#: that only some of them show, and leave to a wildcard those that all of them do.
EVERYWHERE = ("jpeg", "png", "gif")

_ALIASES = {"jpg": "jpeg"}
_ZERO = re.compile(rb"0(\.0{0,3})?")


def named(names: Iterable[str]) -> tuple[str, ...]:
    """Return the formats that *names* or types (image/…) stand for. Raises ValueError."""
    found = {_format(name) for name in names if name.strip()}
    if not found or not found <= set(FORMATS):
        raise ValueError(names)
    return tuple(name for name in FORMATS if name in found)


def accepted(header: str) -> tuple[str, ...]:
    """
    Return the formats that an Accept *header* allows (RFC 9110, section 12.5.1).

    A header that names no picture type allows all that it does not exclude. Raises UnknownFormat
    when nothing is left.
    """
    wanted = _ranges(header)
    anything = wanted.get("image/*", wanted.get("*/*"))
    if any(wanted[kind] for kind in wanted if kind.startswith("image/") and kind != "image/*"):
        rest: tuple[str, ...] = EVERYWHERE if anything else ()
    else:
        rest = () if anything is False else FORMATS
    found = tuple(name for name in FORMATS if wanted.get(f"image/{name}", name in rest))
    if not found:
        raise errors.UnknownFormat(f'The "Accept" header allows none of {", ".join(FORMATS)}.')
    return found


def _ranges(header: str) -> dict[str, bool]:
    """Return the media ranges in *header*, and whether each is wanted: its weight is not zero."""
    found = {}
    for each in parse_http_list(header):
        kind, parameters = parse_options_header(each)
        media_range = kind.decode("latin-1").strip().lower()
        if media_range.startswith("image/"):
            media_range = f"image/{_format(media_range)}"
        found[media_range] = not _ZERO.fullmatch(parameters.get(b"q", b"1").strip())
    return found


def _format(name: str) -> str:
    plain = name.strip().lower().removeprefix("image/")
    return _ALIASES.get(plain, plain)
