"""The base of the URLs that are printed in answers."""

import re

from starlette.requests import HTTPConnection

#: A host as it may be printed: a name, or an address, and perhaps a port (RFC 3986 §3.2).
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")


def base(connection: HTTPConnection, *, public_url: str) -> str:
    """
    Return what URLs of this server begin with: *public_url*, or where the request was sent to.

    Without a *public_url* the caller's own Host, or what a proxy says of it, is believed (OG-28):
    it is only told to the one who sent it.
    """
    if public_url:
        return public_url.rstrip("/")
    headers = connection.headers
    host = _first(headers.get("x-forwarded-host")) or headers.get("host", "")
    scheme = _first(headers.get("x-forwarded-proto")) or connection.scope["scheme"]
    if not _HOST.fullmatch(host):
        host = "localhost"
    return f"{scheme if scheme in {'http', 'https'} else 'http'}://{host}"


def _first(value: str | None) -> str:
    return (value or "").partition(",")[0].strip().lower()
