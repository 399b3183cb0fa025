"""What Picture Optimizer calls our errors."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.http.dialect import Wording
from pixmill.http.record import Record

#: The published sentences (PO-10 to PO-12); where they are silent, our choice (PO-15 to PO-17).
ERRORS: Mapping[type[errors.Error], Wording] = {
    errors.BadInput: Wording(400, "invalid_request"),
    errors.WrongContentType: Wording(
        415,
        "unsupported_media_type",
        "Send images as multipart/form-data, everything else as application/json.",
    ),
    errors.MissingFile: Wording(400, "missing_images"),
    errors.FileTooLarge: Wording(413, "file_too_large"),
    errors.TooManyFiles: Wording(400, "too_many_images"),
    errors.UploadIncomplete: Wording(400, "upload_incomplete"),
    errors.BadOption: Wording(400, "invalid_parameter"),
    errors.WordsDoNotFit: Wording(400, "metadata_too_long"),
    errors.DoesNotFit: Wording(422, "does_not_fit"),
    errors.BadUrl: Wording(400, "invalid_url"),
    errors.FetchFailed: Wording(400, "fetch_failed"),
    errors.ImageNotFound: Wording(400, "image_not_found"),
    errors.UnreadableImage: Wording(422, "unreadable_image"),
    errors.UnsupportedFormat: Wording(415, "unsupported_format"),
    errors.TooManyPixels: Wording(413, "too_many_pixels"),
    errors.TooCostly: Wording(422, "too_costly"),
    errors.Refused: Wording(403, "forbidden"),
    errors.BadKey: Wording(401, "invalid_api_key", "Invalid API key"),  # PO-10
    errors.KeyInactive: Wording(403, "api_key_inactive", "API key is inactive"),  # PO-12
    errors.QuotaExceeded: Wording(402, "quota_exceeded"),
    errors.InsufficientCredits: Wording(402, "insufficient_credits"),  # PO-11
    errors.RateLimited: Wording(429, "rate_limited"),
    errors.NotFound: Wording(404, "not_found"),
    errors.SessionNotFound: Wording(404, "session_not_found", "Session not found"),
    errors.SessionExpired: Wording(410, "session_expired", "Session expired"),
    errors.DeductionNotFound: Wording(404, "deduction_not_found"),
    errors.ResultGone: Wording(410, "file_expired"),
    errors.MethodNotAllowed: Wording(405, "method_not_allowed"),
    errors.Conflict: Wording(409, "conflict"),
    errors.DeductionUsed: Wording(409, "deduction_used"),
    errors.Busy: Wording(503, "server_busy"),
    errors.StorageFull: Wording(503, "storage_full"),
    errors.VisionUnavailable: Wording(503, "vision_unavailable"),
    errors.VisionFailed: Wording(502, "vision_failed"),
    errors.Error: Wording(500, "internal_error"),
}

#: Said with everything that was found without a model (PO-56).
NO_VISION = (
    "No vision model is configured on this server. What is told was measured, or is in the file "
    "already; nothing was charged."
)


def word(error: errors.Error, wording: Wording) -> Response:
    """Return the answer that tells of *error* (PO-13)."""
    headers: dict[str, str] = {}
    match error:
        case errors.RateLimited() | errors.Busy():
            headers["Retry-After"] = str(error.retry_after)
        case errors.MethodNotAllowed():
            headers["Allow"] = ", ".join(error.allowed)
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Bearer realm="picture-optimizer"'
    return JSONResponse(body(error, wording), wording.status, headers=headers)


def body(error: errors.Error, wording: Wording | None = None) -> dict[str, Any]:
    """Return what is said of *error*, also where it is told of one image among many."""
    wording = wording or error.look_up(ERRORS)
    return {"error": wording.message or str(error), "code": wording.code}


def kept(code: str, message: str) -> tuple[Wording, dict[str, Any]]:
    """Return the wording of a failure that was written down, and what is said of it."""
    kind = errors.kind_of(code)
    wording = next(ERRORS[each] for each in kind.__mro__ if each in ERRORS)
    return wording, {"error": wording.message or message, "code": wording.code}


def moment(at: datetime) -> str:
    """Return *at*, which is in UTC, to the second: 2026-07-01T00:00:00Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def decorate(response: Response, _record: Record) -> None:
    """Keep answers out of every cache that would show them to somebody else."""
    response.headers.setdefault("Cache-Control", "no-store")
