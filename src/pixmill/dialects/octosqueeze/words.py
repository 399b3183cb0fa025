"""What OctoSqueeze calls our errors, and how it writes numbers and moments."""

from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import clock, errors
from pixmill.http.dialect import Wording
from pixmill.services.jobs.types import Failure

#: What the page calls a megabyte (OS-93).
MEGABYTE = 1024 * 1024

#: Said of a download that is not there, or not any more (OS-64).
NO_FILE = "File not found"

#: The published codes and messages (OS-87 to OS-91); where they are silent, our choice. Bad input
#: is 400, as published, though clients would take 422 as well (OS-31 to OS-33).
ERRORS: Mapping[type[errors.Error], Wording] = {
    errors.BadInput: Wording(400, "validation_failed"),
    errors.WrongContentType: Wording(
        400, "validation_failed", "Send multipart/form-data, or application/json with a url."
    ),
    errors.MissingFile: Wording(
        400, "validation_failed", "The file field is required when url is not present."
    ),
    errors.FileTooLarge: Wording(413, "file_too_large", "File too large."),
    errors.FetchFailed: Wording(400, "url_fetch_failed"),
    errors.UnreadableImage: Wording(400, "validation_failed"),
    errors.UnsupportedFormat: Wording(
        400, "invalid_file_type", "Unsupported file type. Please upload JPEG, PNG, or WebP."
    ),
    errors.Refused: Wording(403, "forbidden"),
    errors.BadKey: Wording(401, "unauthenticated", "Invalid or missing API key"),
    errors.QuotaExceeded: Wording(429, "usage_limit_exceeded", "Monthly usage limit reached"),
    errors.RateLimited: Wording(429, "rate_limited", "Too many requests"),
    errors.NotFound: Wording(404, "not_found"),
    errors.ResultGone: Wording(404, "not_found", NO_FILE),
    errors.MethodNotAllowed: Wording(405, "method_not_allowed"),
    errors.Conflict: Wording(409, "conflict"),
    errors.Busy: Wording(503, "service_unavailable"),
    errors.Error: Wording(500, "processing_failed"),
}


def word(error: errors.Error, wording: Wording) -> Response:
    """
    Return the answer that tells of *error*.

    It has every shape that one of the official clients looks for (OS-5 to OS-9).
    """
    told = _told(error, wording)
    body = {"success": False, "error": told, **told, "state": "error"}
    headers: dict[str, str] = {}
    match error:
        case errors.QuotaExceeded():
            seconds = (error.reset_at - clock.now()).total_seconds()
            headers["Retry-After"] = str(max(1, ceil(seconds)))
        case errors.RateLimited() | errors.Busy():
            headers["Retry-After"] = str(error.retry_after)  # OS-86, OS-90
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Bearer realm="octosqueeze"'
    return JSONResponse(body, wording.status, headers=headers)


def told(error: errors.Error) -> dict[str, str]:
    """Return code and message of *error*, for an answer that is a success in the main."""
    return _told(error, error.look_up(ERRORS))


def failed(failure: Failure) -> dict[str, str]:
    """Return code and message of what went wrong with a job."""
    wording = next(ERRORS[kind] for kind in failure.kind.__mro__ if kind in ERRORS)
    return {"code": wording.code, "message": wording.message or failure.message}


def _told(error: errors.Error, wording: Wording) -> dict[str, str]:
    code, message = wording.code, wording.message or str(error)
    match error:
        case errors.FileTooLarge():
            message = f"File too large. The maximum is {megabytes(error.limit)} MB."
        case errors.RateLimited(window="day"):
            # A client that is told `rate_limited` waits and tries again; this it gives up (OS-89).
            code, message = "daily_limit_exceeded", "Daily limit exceeded"
    return {"code": code, "message": message}


def savings_percent(before: int, after: int) -> int:
    """Return by how much *after* is smaller, in whole percent; negative when larger (OS-37)."""
    return round(100 * (before - after) / before)


def megabytes(size: int) -> int | float:
    """Return bytes as megabytes: whole ones as published, others with two decimals."""
    return size // MEGABYTE if size % MEGABYTE == 0 else round(size / MEGABYTE, 2)


def moment(at: datetime) -> str:
    """Return *at* as the published answers have it: 2024-01-15T10:30:00Z (OS-57)."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def envelope(data: Mapping[str, Any]) -> JSONResponse:
    """Return *data* as every success is answered (OS-4)."""
    return JSONResponse({"success": True, "data": data})
