"""From the JSON that Smolpix takes to a URL and the engine's options."""

from collections.abc import Mapping
from math import floor

from pixmill import errors
from pixmill.engine.types import AUTO, Options
from pixmill.http import fields

#: What `AUTO` chooses from here; nothing else is ever an answer (SM-12, SM-19).
FORMATS = ("webp", "avif")

QUALITY = 80
MAX_WIDTH = 1920

#: Pixmill's own fields. `smart` is one of this API's, and there is nothing for `accept` to add.
NATIVE = ("target", "mode", "max_bytes")


def url(given: Mapping[str, object]) -> str:
    """Return where the image is. Raises BadUrl when nothing says it, or BadOption (SM-21)."""
    value = fields.text(given, "url")
    if value is None:
        raise errors.BadUrl('"url" is required.')
    return value


def options(given: Mapping[str, object]) -> Options:
    """Return what is asked for. Raises BadOption."""
    return Options(
        format=_format(given),
        accept=FORMATS,
        quality=_quality(given),
        smart=fields.truth(given, "smart", default=True),
        width=_max_width(given),
    )


def _format(given: Mapping[str, object]) -> str:
    value = (fields.text(given, "format") or AUTO).lower()
    if value not in (AUTO, *FORMATS):
        raise errors.UnknownFormat(f'"format" must be {AUTO}, {" or ".join(FORMATS)}.')
    return value


def _quality(given: Mapping[str, object]) -> int:
    wrong = errors.BadQuality('"quality" must be a number from 1 to 100.')
    try:
        value = fields.number(given, "quality")
    except ValueError as error:
        raise wrong from error
    if value is None:
        return QUALITY
    if not 1 <= value <= 100:
        raise wrong
    return _rounded(value)


def _max_width(given: Mapping[str, object]) -> int:
    wrong = errors.BadDimensions('"maxWidth" must be a number of at least 1.')
    try:
        value = fields.number(given, "maxWidth")
    except ValueError as error:
        raise wrong from error
    if value is None:
        return MAX_WIDTH
    if value < 1:
        raise wrong
    return _rounded(value)


def _rounded(value: float) -> int:
    return floor(value + 0.5)  # SM-20; round() would take 80.5 to 80
