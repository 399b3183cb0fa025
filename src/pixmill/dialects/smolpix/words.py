"""What Smolpix calls our errors, and how it writes a result."""

import base64
from collections.abc import Mapping
from math import ceil
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import clock, errors
from pixmill.http.dialect import Wording
from pixmill.services.outcome import Outcome

#: Largest file that is fetched, in bytes, whatever the plan allows (SM-23).
MAX_FILE_SIZE = 25 * 1024 * 1024

#: The published statuses and what is said with them (SM-37 to SM-41). The codes but LIMIT_REACHED
#: are our choice (SM-45), as is SERVER_BUSY: there is nothing published for "not at the moment".
ERRORS: Mapping[type[errors.Error], Wording] = {
    errors.BadInput: Wording(400, "BAD_REQUEST"),
    errors.WrongContentType: Wording(
        400, "BAD_REQUEST", "The body must be JSON, with Content-Type: application/json."
    ),
    errors.FileTooLarge: Wording(400, "BAD_REQUEST", "The image has more than 25 MB."),
    errors.Refused: Wording(403, "FORBIDDEN"),
    errors.BadKey: Wording(401, "UNAUTHORIZED", "Missing or invalid API key"),
    errors.PlanWithoutApi: Wording(403, "FORBIDDEN", "API access requires Pro plan or higher"),
    errors.KeyLimitReached: Wording(403, "KEY_LIMIT_REACHED"),
    errors.QuotaExceeded: Wording(429, "LIMIT_REACHED", "Monthly image limit reached"),
    errors.RateLimited: Wording(429, "LIMIT_REACHED", "Rate limit exceeded"),
    errors.NotFound: Wording(404, "NOT_FOUND"),
    errors.MethodNotAllowed: Wording(405, "METHOD_NOT_ALLOWED"),
    errors.Conflict: Wording(400, "BAD_REQUEST"),
    errors.Busy: Wording(503, "SERVER_BUSY"),
    errors.Error: Wording(500, "SERVER_ERROR", "Internal server error during optimization"),
}


def word(error: errors.Error, wording: Wording) -> Response:
    """Return the answer that tells of *error* (SM-36, SM-47)."""
    body: dict[str, Any] = {
        "success": False,
        "error": _message(error, wording),
        "code": wording.code,
    }
    headers: dict[str, str] = {}
    match error:
        case errors.QuotaExceeded():
            body |= {"used": error.used, "limit": error.limit}
            seconds = (error.reset_at - clock.now()).total_seconds()
            headers["Retry-After"] = str(max(1, ceil(seconds)))
        case errors.RateLimited():
            body |= {"used": error.used, "limit": error.limit}
            headers["Retry-After"] = str(error.retry_after)  # SM-46
        case errors.Busy():
            headers["Retry-After"] = str(error.retry_after)
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Bearer realm="smolpix"'
    return JSONResponse(body, wording.status, headers=headers)


def _message(error: errors.Error, wording: Wording) -> str:
    if isinstance(error, errors.FileTooLarge) and error.limit != MAX_FILE_SIZE:
        return f"The image has more than {error.limit} bytes."
    return wording.message or str(error)


def optimized(outcome: Outcome) -> dict[str, Any]:
    """Return what is said of a result (SM-26 to SM-31), and how it was made, which is ours."""
    before, after = outcome.original_size, len(outcome.data)
    savings = max(0, before - after)  # SM-34
    said: dict[str, Any] = {
        "success": True,
        "originalSize": before,
        "optimizedSize": after,
        "savings": savings,
        "savingsPercent": (200 * savings + before) // (2 * before),  # rounded half up
        "format": outcome.format,
        "width": outcome.width,
        "height": outcome.height,
        "data": base64.b64encode(outcome.data).decode("ascii"),
        "contentType": outcome.mime,
        "how": outcome.how,
    }
    if outcome.score is not None:
        said["score"] = round(outcome.score, 2)
    return said
