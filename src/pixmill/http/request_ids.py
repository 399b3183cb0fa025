"""The name of a request, which its answer carries and its log lines repeat."""

import secrets
import string
from contextvars import ContextVar

_ALPHABET = string.ascii_lowercase + string.digits

#: The request that is being answered, or "" outside of any.
current: ContextVar[str] = ContextVar("request_id", default="")


def new() -> str:
    """Return ``req_`` and 14 lower-case letters and digits (OP-22)."""
    return "req_" + "".join(secrets.choice(_ALPHABET) for _ in range(14))
