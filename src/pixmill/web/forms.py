"""What people type into forms."""

from pixmill import errors
from pixmill.http import fields
from pixmill.web import printable
from pixmill.web.page import Visit


def text(visit: Visit, name: str) -> str:
    """Return the field as one line of text; nothing when it is empty or missing."""
    return printable.line(fields.text(visit.form, name) or "")


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


def asked(visit: Visit, name: str) -> str:
    """Return what the address asks for by that name, as one line of text."""
    return printable.line(visit.query.get(name, ""))


def before(visit: Visit) -> int | None:
    """Return the number before which entries of a history are asked for; None: the last ones."""
    number = asked(visit, "before")
    return int(number) if number.isascii() and number.isdigit() and len(number) < 16 else None


def page_number(visit: Visit) -> int:
    """Return which page of a long list is asked for, from 1."""
    number = visit.query.get("page", "1")
    return max(1, int(number)) if number.isascii() and number.isdigit() and len(number) < 7 else 1


def local_path(wanted: str, *, default: str) -> str:
    """Return *wanted* if it is a path of this website, and not a way to another one."""
    plain = wanted.startswith("/") and not wanted.startswith("//")
    # Browsers drop tabs and newlines from addresses, and take \ for /.
    clean = wanted.isprintable() and "\\" not in wanted
    return wanted if plain and clean else default
