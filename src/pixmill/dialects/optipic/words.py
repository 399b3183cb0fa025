"""What OptiPic calls our errors, and how it writes numbers and moments."""

from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import clock, errors
from pixmill.http.dialect import Wording

#: Largest file, in bytes, whatever the plan allows (OP-76, OP-82).
MAX_FILE_SIZE = 20 * 1024 * 1024

#: The published codes and messages (OP-69 to OP-75); where they are silent, our choice.
ERRORS: Mapping[type[errors.Error], Wording] = {
    errors.BadInput: Wording(400, "invalid_request"),
    errors.WrongContentType: Wording(
        400, "invalid_content_type", "Request must use multipart/form-data."
    ),
    errors.MissingFile: Wording(400, "missing_file", 'No "file" field in multipart body.'),
    errors.FileTooLarge: Wording(413, "file_too_large", "File exceeds 20 MB limit."),
    errors.UploadIncomplete: Wording(400, "upload_incomplete"),
    errors.BadOption: Wording(400, "invalid_parameter"),
    errors.UnknownFormat: Wording(400, "invalid_format"),
    errors.MissingFormat: Wording(400, "missing_format", 'Convert requires a "to" format.'),
    errors.BadQuality: Wording(400, "invalid_quality"),
    errors.BadDimensions: Wording(400, "invalid_dimensions"),
    errors.MissingDimensions: Wording(
        400, "missing_dimensions", "Resize requires width or height."
    ),
    # Yes, 500: in this API an upload that cannot be decoded is a failure of the processing.
    errors.UnreadableImage: Wording(500, "processing_error", "Image could not be processed."),
    errors.Refused: Wording(403, "forbidden"),
    errors.BadKey: Wording(401, "invalid_api_key", "Missing or invalid API key."),
    errors.QuotaExceeded: Wording(
        429,
        "rate_limit_exceeded",
        "Monthly request limit reached. Upgrade to Pay-as-you-go at opti.pictures/pricing",
    ),
    errors.RateLimited: Wording(429, "rate_limit_exceeded"),
    errors.NotFound: Wording(404, "not_found"),
    errors.MethodNotAllowed: Wording(405, "method_not_allowed"),
    errors.Conflict: Wording(409, "conflict"),
    errors.Busy: Wording(503, "server_busy"),
    errors.Error: Wording(500, "processing_error"),
}


def word(error: errors.Error, wording: Wording) -> Response:
    """Return the answer that tells of *error* (OP-68)."""
    body: dict[str, Any] = {"error": wording.code, "message": _message(error, wording)}
    headers: dict[str, str] = {}
    match error:
        case errors.QuotaExceeded():
            body |= {"limit": error.limit, "reset_at": moment(error.reset_at)}
            seconds = (error.reset_at - clock.now()).total_seconds()
            headers["Retry-After"] = str(max(1, ceil(seconds)))  # OP-79
        case errors.RateLimited():
            body |= {"limit": error.limit}
            headers["Retry-After"] = str(error.retry_after)
        case errors.Busy():
            headers["Retry-After"] = str(error.retry_after)
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Bearer realm="optipic"'  # OP-8
    return JSONResponse(body, wording.status, headers=headers)


def _message(error: errors.Error, wording: Wording) -> str:
    match error:
        case errors.FileTooLarge() if error.limit != MAX_FILE_SIZE:
            return f"File exceeds the limit of {error.limit} bytes."
        case errors.UnreadableImage() if type(error) is not errors.UnreadableImage:
            return f"{wording.message} {error}"  # which of the reasons it is (OP-81)
    return wording.message or str(error)


def savings_percent(before: int, after: int) -> str:
    """Return by how much *after* is smaller, with one decimal; negative when larger (OP-26)."""
    # Adding zero turns a "-0.0" into "0.0".
    return f"{round(100 * (before - after) / before, 1) + 0:.1f}"


def dollars(microusd: int) -> float:
    """Return micro-dollars as dollars; the published example has a plain 0 for nothing."""
    return microusd / 1_000_000 if microusd else 0


def moment(at: datetime) -> str:
    """Return *at* as the published answers have it: 2026-07-01T00:00:00.000Z (OP-64)."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
