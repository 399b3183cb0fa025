"""What a camera notes in EXIF: when a picture was taken, and with what."""

import re
import struct
from dataclasses import dataclass
from datetime import datetime

from pixmill.engine.containers.tiff import Entry, Tiff
from pixmill.engine.probe.exif import PREFIX
from pixmill.errors import UnreadableImage

_MAKE, _MODEL, _MORE = 0x010F, 0x0110, 0x8769
_TAKEN, _OFFSET = 0x9003, 0x9011

_WHEN = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)")
_ZONE = re.compile(r"[+-](0\d|1[0-4]):[0-5]\d")

#: Characters of the longest name of a camera.
MOST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Shot:
    """How a picture was taken. What is None is not known."""

    taken: str | None = None  #: ``2024-05-01T10:11:12`` on the camera's clock, ``+02:00`` if known
    make: str | None = None
    model: str | None = None


def read(exif: bytes) -> Shot:
    """Return what the TIFF structure *exif* says; one that is broken says nothing."""
    try:
        structure = Tiff(exif.removeprefix(PREFIX))
        first = structure.directory(structure.first)
        pointer = structure.numbers(first.get(_MORE))
        more = structure.directory(pointer[0]) if pointer else {}
        return Shot(
            taken=_taken(structure, more),
            make=_name(structure, first.get(_MAKE)),
            model=_name(structure, first.get(_MODEL)),
        )
    except (UnreadableImage, struct.error):
        return Shot()


def _taken(structure: Tiff, fields: dict[int, Entry]) -> str | None:
    found = _WHEN.match(_text(structure, fields.get(_TAKEN)))
    if not found:
        return None
    try:
        year, month, day, hour, minute, second = map(int, found.groups())
        # Cameras know no time zones.
        taken = datetime(year, month, day, hour, minute, second)  # noqa: DTZ001
    except ValueError:  # zeros, for a clock that was not set
        return None
    offset = _text(structure, fields.get(_OFFSET)).strip()
    return taken.isoformat() + (offset if _ZONE.fullmatch(offset) else "")


def _name(structure: Tiff, entry: Entry | None) -> str | None:
    shown = "".join(each for each in _text(structure, entry) if each.isprintable())
    return " ".join(shown.split())[:MOST] or None


def _text(structure: Tiff, entry: Entry | None) -> str:
    value = structure.content(entry) or b""
    return value.partition(b"\0")[0].decode("utf-8", "replace")
