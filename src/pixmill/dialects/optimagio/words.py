"""What Optimagio calls our errors, and how it says what is left of a minute."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import clock, errors
from pixmill.dialects.optimagio.answers import moment
from pixmill.http import request_ids
from pixmill.http.dialect import Wording
from pixmill.http.record import Record

#: "Explicit error codes" are promised (OG-83) and not published; these are OG-88's, and ours.
ERRORS: Mapping[type[errors.Error], Wording] = {
    errors.BadInput: Wording(400, "invalid_request"),
    errors.WrongContentType: Wording(
        415,
        "unsupported_media_type",
        "The body must be multipart/form-data, application/x-www-form-urlencoded or "
        "application/json.",
    ),
    errors.MissingFile: Wording(400, "missing_file", 'There is no file in the field "image".'),
    errors.MissingInput: Wording(
        400, "missing_input", 'Send a file in the field "image", or a "url".'
    ),
    errors.FileTooLarge: Wording(413, "file_too_large"),
    errors.UploadIncomplete: Wording(400, "upload_incomplete"),
    errors.BadOption: Wording(400, "invalid_parameter"),
    errors.UnknownFormat: Wording(400, "invalid_format"),
    errors.UnknownLevel: Wording(400, "invalid_compression"),
    errors.BadQuality: Wording(400, "invalid_quality"),
    errors.BadDimensions: Wording(400, "invalid_dimensions"),
    errors.DoesNotFit: Wording(422, "does_not_fit"),
    errors.BadUrl: Wording(400, "invalid_url"),
    errors.FetchFailed: Wording(422, "fetch_failed"),
    errors.UnreadableImage: Wording(422, "decode_failed"),
    errors.TooCostly: Wording(504, "processing_timeout"),  # OG-42
    errors.Refused: Wording(403, "forbidden"),
    errors.BadKey: Wording(401, "unauthorized"),
    errors.KeyLimitReached: Wording(403, "key_limit_reached"),
    errors.QuotaExceeded: Wording(429, "quota_exceeded"),
    errors.RateLimited: Wording(429, "rate_limited"),
    errors.NotFound: Wording(404, "not_found"),
    errors.MethodNotAllowed: Wording(405, "method_not_allowed"),
    errors.ResultGone: Wording(410, "result_expired"),
    errors.Conflict: Wording(409, "conflict"),
    errors.Busy: Wording(503, "server_busy"),
    errors.StorageFull: Wording(503, "storage_full"),
    errors.Error: Wording(500, "internal_error"),
}


def word(error: errors.Error, wording: Wording) -> Response:
    """Return the answer that tells of *error* (OG-87)."""
    details = _details(error)
    body: dict[str, Any] = {
        "error": wording.message or str(error),
        "code": wording.code,
        "details": details,
        "request_id": request_ids.current.get(),
    }
    headers: dict[str, str] = {}
    match error:
        case errors.QuotaExceeded():
            body |= details  # OG-86 does not say where
            seconds = (error.reset_at - clock.now()).total_seconds()
            headers["Retry-After"] = str(max(1, ceil(seconds)))
        case errors.RateLimited():
            headers = allowance(error.limit, 0, error.retry_after)
            headers["Retry-After"] = str(error.retry_after)
        case errors.Busy():
            headers["Retry-After"] = str(error.retry_after)
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Bearer realm="optimagio"'  # OG-10
    return JSONResponse(body, wording.status, headers=headers)


def decorate(response: Response, record: Record) -> None:
    """Say what is left of the minute, with every answer to a caller whose requests are limited."""
    response.headers.setdefault("Cache-Control", "no-store")
    left = record.allowance
    if left:
        response.headers.update(allowance(left.limit, left.remaining, left.reset_seconds))


def allowance(limit: int, remaining: int, reset_seconds: int) -> dict[str, str]:
    """Return the headers that say how many requests are left (OG-86)."""
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(reset_seconds),
    }


def _details(error: errors.Error) -> dict[str, Any]:
    match error:
        case errors.FileTooLarge():
            return {"limit": error.limit}
        case errors.QuotaExceeded():
            return {"limit": error.limit, "used": error.used, "reset_at": moment(error.reset_at)}
        case errors.RateLimited():
            return {
                "limit": error.limit,
                "used": error.used,
                "window": error.window,
                "retry_after": error.retry_after,
            }
        case errors.MethodNotAllowed():
            return {"allowed": list(error.allowed)}
        case errors.UnreadableImage():
            return {"reason": error.code}  # which of the kinds it is
    return {}
