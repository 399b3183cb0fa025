"""The fields that image calls have in common: format, quality and sides, whatever API asks."""

from collections.abc import Collection, Mapping

from pixmill import errors
from pixmill.engine.types import AUTO
from pixmill.http import fields

_ALIASES = {"jpg": "jpeg"}  # OP-30


def format_(given: Mapping[str, object], name: str, formats: Collection[str]) -> str | None:
    """Return which of *formats*, or `AUTO`, the field *name* says. Raises UnknownFormat."""
    value = fields.text(given, name)
    return None if value is None else known_format(value, name, formats)


def known_format(value: str, name: str, formats: Collection[str]) -> str:
    """Return which of *formats*, or `AUTO`, *value* of field *name* is. Raises UnknownFormat."""
    plain = value.strip().lower()
    plain = _ALIASES.get(plain, plain)
    if plain not in (*formats, AUTO):
        raise errors.UnknownFormat(f'"{name}" must be one of {", ".join(formats)}, or {AUTO}.')
    return plain


def quality(given: Mapping[str, object]) -> int | None:
    """Return the field ``quality``, from 1 to 100. Raises BadQuality."""
    try:
        value = fields.whole(given, "quality")
    except ValueError as error:
        raise errors.BadQuality from error
    if value is not None and not 1 <= value <= 100:
        raise errors.BadQuality
    return value


def side(given: Mapping[str, object], name: str, *, most: int | None = None) -> int | None:
    """Return the field as pixels, at least 1 and at most *most*. Raises BadDimensions."""
    bounds = "of at least 1" if most is None else f"from 1 to {most}"
    wrong = errors.BadDimensions(f'"{name}" must be a whole number {bounds}.')
    try:
        value = fields.whole(given, name)
    except ValueError as error:
        raise wrong from error
    if value is not None and (value < 1 or (most is not None and value > most)):
        raise wrong
    return value
