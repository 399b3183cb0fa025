"""The text fields of a form, as numbers and truth values."""

import re
from collections.abc import Mapping

from pixmill import errors

_TRUE = frozenset({"true", "1", "yes", "on"})
_FALSE = frozenset({"false", "0", "no", "off"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,18}")


def text(fields: Mapping[str, str], name: str) -> str | None:
    """Return the field without surrounding space; an empty one counts as not sent (OP-34)."""
    return fields.get(name, "").strip() or None


def whole(fields: Mapping[str, str], name: str) -> int | None:
    """Return the field as a whole number. Raises ValueError when it is something else."""
    value = text(fields, name)
    if value is None:
        return None
    if not _WHOLE.fullmatch(value):
        raise ValueError(name)
    return int(value)


def truth(fields: Mapping[str, str], name: str, *, default: bool) -> bool:
    """Return the field as true or false (OP-33). Raises BadOption when it is neither."""
    value = text(fields, name)
    if value is None:
        return default
    if value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise errors.BadOption(f'"{name}" must be true or false.')
