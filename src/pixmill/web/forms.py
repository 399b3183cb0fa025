"""What people type into forms."""

from pixmill import errors
from pixmill.http import fields
from pixmill.web.page import Visit


def text(visit: Visit, name: str) -> str:
    """Return the field, trimmed; nothing when it is empty or missing."""
    return fields.text(visit.form, name) or ""


def secret(visit: Visit, name: str) -> str:
    """Return the field as it was typed, spaces too."""
    value = visit.form.get(name)
    return value if isinstance(value, str) else ""


def whole(visit: Visit, name: str, *, label: str) -> int | None:
    """Return the field as a whole number, which people know as *label*. Raises BadOption."""
    try:
        return fields.whole(visit.form, name)
    except ValueError as error:
        raise errors.BadOption(f"{label} must be a whole number.") from error


def id_of(visit: Visit, name: str = "id") -> str:
    """Return an id in the path. Raises NotFound for what cannot be one."""
    found = visit.path[name]
    if not (found.isascii() and found.isprintable() and len(found) <= 200):
        raise errors.NotFound
    return found


def page_number(visit: Visit) -> int:
    """Return which page of a long list is asked for, from 1."""
    asked = visit.query.get("page", "1")
    return max(1, int(asked)) if asked.isascii() and asked.isdigit() and len(asked) < 7 else 1


def local_path(asked: str, *, default: str) -> str:
    """Return *asked* if it is a path of this website, and not a way to another one."""
    plain = asked.startswith("/") and not asked.startswith("//")
    # Browsers drop tabs and newlines from addresses, and take \ for /.
    clean = asked.isprintable() and "\\" not in asked
    return asked if plain and clean else default
