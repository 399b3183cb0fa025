"""Sizes and shares as people write them: ``200kB``, ``5%``."""

import re

from pixmill.cli.optimize.types import Savings

_UNITS = {
    "": 1,
    "b": 1,
    "k": 1000,
    "kb": 1000,
    "m": 1000**2,
    "mb": 1000**2,
    "kib": 1024,
    "mib": 1024**2,
}
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([a-z]*)")
_SHARE = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,6})?) ?%")


def size(text: str) -> int:
    """Return the bytes that *text* names: 1 kB is 1000, 1 KiB 1024. Raises ValueError."""
    found = _SIZE.fullmatch(text.strip().lower())
    if not found or found[2] not in _UNITS:
        raise ValueError(f"{text!r} is no size such as 200kB or 1.5MiB.")
    return round(float(found[1]) * _UNITS[found[2]])


def savings(text: str) -> Savings:
    """Return what ``5%``, ``2kB`` or ``5%,1kB`` asks for. Raises ValueError."""
    share, least = 0.0, 0
    for part in text.split(","):
        if found := _SHARE.fullmatch(part.strip()):
            share = float(found[1]) / 100
        else:
            least = size(part)
    if share > 1:
        raise ValueError("No more than 100% can be saved.")
    return Savings(share=share, size=least)
