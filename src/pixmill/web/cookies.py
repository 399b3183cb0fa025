"""
The cookies of the website: who is signed in, what to say once, and light or dark.

``__Host-`` (RFC 6265bis §4.1.3.2) makes a browser take a cookie only over an encrypted connection
(or from this very machine), from this very host, and show it to no other.
"""

import base64
import binascii
import ipaddress
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from pixmill.http import origin
from pixmill.web import printable

Theme = Literal["light", "dark", ""]

_PREFIX = "__Host-"
_SIGN_IN = "pixmill"
_TOLD = "pixmill-told"
#: Set by app.js; nobody gains anything by forging it.
_THEME = "pixmill-theme"

#: Seconds that a page has to say what it was given to say.
_TOLD_AGE = 60
#: Characters of it that fit.
_TOLD_LENGTH = 600


@dataclass(frozen=True, slots=True)
class Told:
    """What one page wants the next one to say."""

    text: str
    fault: bool = False  #: something did not work


def is_secure(request: HTTPConnection, *, public_url: str) -> bool:
    """Say whether a browser that sends *request* keeps cookies meant for safe connections only."""
    parts = urlsplit(origin.base(request, public_url=public_url))
    return parts.scheme == "https" or _is_this_machine(parts.hostname or "")


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def sign_in(
    response: Response, token: str, *, secure: bool, expires_at: datetime, now: datetime
) -> None:
    """Let the browser keep *token* until then."""
    _set(response, _SIGN_IN, token, secure=secure, max_age=int((expires_at - now).total_seconds()))


def sign_out(response: Response, *, secure: bool) -> None:
    """Let the browser forget who is signed in."""
    _set(response, _SIGN_IN, "", secure=secure, max_age=0)


def token_of(request: HTTPConnection, *, secure: bool) -> str:
    """Return the token of a sign-in that the browser has; it may be over."""
    return request.cookies.get(_name(_SIGN_IN, secure=secure), "")


def tell(response: Response, told: Told, *, secure: bool) -> None:
    """Give the next page something to say."""
    # A browser drops what is over 4 KiB. So no character takes more than the four bytes of UTF-8,
    # or the two of a quotation mark: one that cannot be printed would take six, as an escape.
    text = printable.line(told.text)[:_TOLD_LENGTH]
    facts = json.dumps(asdict(Told(text=text, fault=told.fault)), ensure_ascii=False)
    value = base64.urlsafe_b64encode(facts.encode()).decode()
    _set(response, _TOLD, value, secure=secure, max_age=_TOLD_AGE)


def told_of(request: HTTPConnection, *, secure: bool) -> Told | None:
    """Return what the page before wanted to say."""
    value = request.cookies.get(_name(_TOLD, secure=secure), "")
    try:
        facts = json.loads(base64.urlsafe_b64decode(value)) if value else {}
        return Told(text=str(facts["text"]), fault=facts["fault"] is True) if facts else None
    except (ValueError, binascii.Error, KeyError, TypeError):
        return None  # not ours


def forget_told(response: Response, *, secure: bool) -> None:
    """Say it only once."""
    _set(response, _TOLD, "", secure=secure, max_age=0)


def theme_of(request: HTTPConnection) -> Theme:
    """Return whether somebody has chosen light or dark."""
    match request.cookies.get(_THEME):
        case "light":
            return "light"
        case "dark":
            return "dark"
    return ""


def _set(response: Response, name: str, value: str, *, secure: bool, max_age: int) -> None:
    response.set_cookie(
        _name(name, secure=secure),
        value,
        max_age=max_age,
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _name(name: str, *, secure: bool) -> str:
    return f"{_PREFIX}{name}" if secure else name
