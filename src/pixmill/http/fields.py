"""The fields of a form or of a JSON object, as text, numbers and truth values."""

import re
from collections.abc import Mapping

from pixmill import errors

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?")


def text(fields: Mapping[str, object], name: str) -> str | None:
    """
    Return the field without surrounding space; an empty one counts as not sent (OP-34).

    A number or truth value of a JSON object is returned as a form would have it. Raises BadOption
    for a list or an object.
    """
    match fields.get(name):
        case None:
            return None
        case str(value):
            return value.strip() or None
        case bool(value):
            return str(value).lower()
        case float(value) if value.is_integer():
            return str(int(value))  # JSON does not tell 80.0 from 80
        case int(value) | float(value):
            return str(value)
    raise errors.BadOption(f'"{name}" must be a single value.')


def whole(fields: Mapping[str, object], name: str) -> int | None:
    """Return the field as a whole number. Raises ValueError when it is something else."""
    value = text(fields, name)
    if value is None:
        return None
    if not _WHOLE.fullmatch(value):
        raise ValueError(name)
    return int(value)


def number(fields: Mapping[str, object], name: str) -> float | None:
    """Return the field as a number. Raises ValueError when it is something else, or not finite."""
    value = text(fields, name)
    if value is None:
        return None
    if not _NUMBER.fullmatch(value):
        raise ValueError(name)
    return float(value)


def truth(fields: Mapping[str, object], name: str, *, default: bool) -> bool:
    """Return the field as true or false (OP-33). Raises BadOption when it is neither."""
    value = text(fields, name)
    if value is None:
        return default
    if value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise errors.BadOption(f'"{name}" must be true or false.')
