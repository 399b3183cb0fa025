"""Where a request carries its API key."""

import base64
import binascii

from starlette.requests import HTTPConnection


def any_key(connection: HTTPConnection) -> str | None:
    """Return the key from wherever it is: bearer token, Basic password or X-API-Key (OP-7)."""
    return bearer(connection) or basic(connection) or header(connection)


def bearer(connection: HTTPConnection) -> str | None:
    """Return the token of ``Authorization: Bearer``."""
    return _scheme(connection, "bearer")


def basic(connection: HTTPConnection) -> str | None:
    """Return the password of ``Authorization: Basic``, or the user name where there is none."""
    encoded = _scheme(connection, "basic")
    if not encoded:
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return password or user or None


def header(connection: HTTPConnection) -> str | None:
    """Return what ``X-API-Key`` holds."""
    return connection.headers.get("x-api-key", "").strip() or None


def _scheme(connection: HTTPConnection, name: str) -> str | None:
    # RFC 9110, section 11.1: the name of a scheme is matched without regard to case.
    match connection.headers.get("authorization", "").split(maxsplit=1):
        case [scheme, credentials] if scheme.lower() == name:
            return credentials.strip()
    return None
