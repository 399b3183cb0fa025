"""What goes wrong, as exceptions: by what somebody can do about it."""

from typing import Any


class PixmillError(Exception):
    """
    The server did not do what it was asked for.

    *code* is the server's word, documented with its API; *status* is that of HTTP, None when there
    was no answer; *request_id* finds the request in the server's log.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        request_id: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.details = details or {}


class Refused(PixmillError):
    """The request, or the picture, cannot be used."""


class Unauthorized(PixmillError):
    """The API key is missing or not valid."""


class Forbidden(PixmillError):
    """The plan does not allow it."""


class NotFound(PixmillError):
    """There is nothing by that name, or not any more."""


class Conflict(PixmillError):
    """It is not the time for that."""


class RateLimited(PixmillError):
    """Too many requests in too short a time, also after waiting as often as was allowed."""


class QuotaExceeded(PixmillError):
    """The allowance of the month is used up."""


class ServerFailed(PixmillError):
    """The server has too much to do, or is broken, also after trying again."""


class ConnectionFailed(PixmillError):
    """The server cannot be reached, or its answers do not arrive, also after trying again."""


_BY_STATUS: dict[int, type[PixmillError]] = {
    401: Unauthorized,
    402: QuotaExceeded,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    429: RateLimited,
}


def failure(status: int, body: object, *, request_id: str | None, fallback: str) -> PixmillError:
    """Return what an answer with *status* and the JSON *body* means."""
    said = body if isinstance(body, dict) else {}
    code = str(said.get("code") or "unknown")
    message = str(said.get("error") or said.get("message") or fallback)
    kind = _BY_STATUS.get(status, ServerFailed if status >= 500 else Refused)
    if code == "quota_exceeded":
        kind = QuotaExceeded
    details = said.get("details")
    return kind(
        message,
        code=code,
        status=status,
        request_id=str(said["request_id"]) if "request_id" in said else request_id,
        details=details if isinstance(details, dict) else None,
    )
