"""
That a form was sent from a page of ours, by the person who sees it.

Two checks, each enough by itself: the browser says where a form came from (`Origin`, RFC 6454 §7;
`Sec-Fetch-Site`), and a form of somebody who is signed in carries what only our pages know.
"""

import hmac
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.http import origin
from pixmill.services.secret import Secret

#: The field of a form, and the header of a script's request.
FIELD = "csrf"
HEADER = "x-csrf-token"

_PURPOSE = "pixmill website 1: forms"


def token(secret: Secret, sign_in: str) -> str:
    """Return what the forms of the one with that sign-in carry."""
    return hmac.digest(secret.derive(_PURPOSE), sign_in.encode(), "sha256").hex()


def check_origin(request: HTTPConnection, *, public_url: str) -> None:
    """Raise ForeignForm when the browser says that another site sent this."""
    headers = request.headers
    sent_from = headers.get("origin")
    if sent_from is None:
        # No browser of today leaves out both; what is no browser has nobody's cookies.
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise errors.ForeignForm
        return
    # Not the scheme: a proxy may end TLS and not say so.
    own = {urlsplit(origin.base(request, public_url=public_url)).netloc, headers.get("host", "")}
    if _netloc(sent_from) not in {netloc.lower() for netloc in own if netloc}:
        raise errors.ForeignForm


def check(request: HTTPConnection, form: Mapping[str, object], *, expected: str) -> None:
    """Raise ForeignForm unless the form, or a header, carries *expected*."""
    sent = form.get(FIELD) or request.headers.get(HEADER, "")
    if not isinstance(sent, str) or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise errors.ForeignForm


def _netloc(sent_from: str) -> str:
    try:
        return urlsplit(sent_from).netloc.lower()
    except ValueError:
        return ""
