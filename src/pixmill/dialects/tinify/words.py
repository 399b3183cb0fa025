"""What Tinify calls our errors."""

from collections.abc import Mapping
from math import ceil

from starlette.responses import JSONResponse, Response

from pixmill import clock, errors
from pixmill.http.dialect import Wording

_BAD_REQUEST = "Bad request"
_TOO_LARGE = "Request entity too large"

#: The names are Tinify's where one is known from its clients and from what their users report.
ERRORS: Mapping[type[errors.Error], Wording] = {
    errors.BadInput: Wording(400, _BAD_REQUEST),
    errors.MissingFile: Wording(400, "InputMissing", "Input file is empty."),
    errors.FileTooLarge: Wording(413, _TOO_LARGE),
    errors.TooManyPixels: Wording(413, _TOO_LARGE),
    errors.BadUrl: Wording(400, "Source not found"),
    errors.FetchFailed: Wording(400, "Source not found"),
    errors.UnsupportedFormat: Wording(415, "Unsupported media type", "File type is not supported."),
    errors.UnreadableImage: Wording(415, "DecodeError"),
    errors.BadKey: Wording(401, "Unauthorized", "Credentials are invalid."),
    errors.Refused: Wording(403, "Forbidden"),
    errors.QuotaExceeded: Wording(429, "TooManyRequests", "Your monthly limit has been exceeded."),
    errors.RateLimited: Wording(429, "TooManyRequests"),
    errors.NotFound: Wording(404, "Not found", "Resource not found or expired."),
    errors.MethodNotAllowed: Wording(405, "Method not allowed"),
    errors.Conflict: Wording(409, "Conflict"),
    errors.Busy: Wording(503, "ServiceUnavailable"),
    errors.Error: Wording(500, "InternalServerError"),
}


def word(error: errors.Error, wording: Wording) -> Response:
    """Return the answer that tells of *error*."""
    headers: dict[str, str] = {}
    match error:
        case errors.QuotaExceeded():
            seconds = (error.reset_at - clock.now()).total_seconds()
            headers["Retry-After"] = str(max(1, ceil(seconds)))
        case errors.RateLimited() | errors.Busy():
            headers["Retry-After"] = str(error.retry_after)
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Basic realm="tinify"'
    body = {"error": wording.code, "message": wording.message or str(error)}
    return JSONResponse(body, wording.status, headers=headers)
