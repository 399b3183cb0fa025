"""What Optimagio calls our errors, and how it says what is left of a minute."""

from collections.abc import Mapping
from datetime import datetime
from math import ceil
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill import clock, errors
from pixmill.dialects.optimagio.options import CHUNK_FILES
from pixmill.http import request_ids
from pixmill.http.dialect import Wording
from pixmill.http.record import Record
from pixmill.services.jobs.types import Failure

#: Ids of missing results that an answer names at most.
MOST_NAMED = 1000

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
    errors.MissingInput: Wording(400, "missing_input"),
    errors.FileTooLarge: Wording(413, "file_too_large"),
    errors.TooManyFiles: Wording(
        400,
        "too_many_files",
        f"A chunk has at most {CHUNK_FILES} files; send the others in the next.",
    ),
    errors.UploadIncomplete: Wording(400, "upload_incomplete"),
    errors.BadOption: Wording(400, "invalid_parameter"),
    errors.UnknownFormat: Wording(400, "invalid_format"),
    errors.UnknownLevel: Wording(400, "invalid_compression"),
    errors.BadQuality: Wording(400, "invalid_quality"),
    errors.BadDimensions: Wording(400, "invalid_dimensions"),
    errors.DoesNotFit: Wording(422, "does_not_fit"),
    errors.BadUrl: Wording(400, "invalid_url"),
    errors.MissingBatchName: Wording(
        400,
        "missing_client_batch_id",
        'Send a "client_batch_id", the same with each chunk of a batch.',
    ),
    errors.MissingIdempotencyKey: Wording(400, "missing_idempotency_key"),
    errors.BadIdempotencyKey: Wording(400, "invalid_idempotency_key"),
    errors.FetchFailed: Wording(422, "fetch_failed"),
    errors.UnreadableImage: Wording(422, "decode_failed"),
    errors.TooCostly: Wording(504, "processing_timeout"),  # OG-42
    errors.Refused: Wording(403, "forbidden"),
    errors.BadKey: Wording(401, "unauthorized"),
    errors.KeyLimitReached: Wording(403, "key_limit_reached"),
    errors.QuotaExceeded: Wording(429, "quota_exceeded"),
    errors.RateLimited: Wording(429, "rate_limited"),
    errors.NotFound: Wording(404, "not_found"),
    errors.JobNotFound: Wording(404, "job_not_found"),
    errors.BatchNotFound: Wording(404, "batch_not_found"),
    errors.MethodNotAllowed: Wording(405, "method_not_allowed"),
    errors.ResultGone: Wording(410, "result_expired"),
    errors.Conflict: Wording(409, "conflict"),
    errors.BatchFull: Wording(409, "batch_full"),
    errors.BatchClosed: Wording(409, "batch_closed"),
    errors.BatchNotReady: Wording(409, "batch_not_ready"),
    errors.ResultsGone: Wording(409, "results_expired"),
    errors.IdempotencyConflict: Wording(409, "idempotency_conflict"),  # OG-57
    errors.IdempotencyInProgress: Wording(409, "idempotency_in_progress"),  # OG-56
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
        case errors.Busy() | errors.IdempotencyInProgress():
            headers["Retry-After"] = str(error.retry_after)
        case errors.BadKey():
            headers["WWW-Authenticate"] = 'Bearer realm="optimagio"'  # OG-10
    return JSONResponse(body, wording.status, headers=headers)


def said(error: errors.Error) -> tuple[str, str]:
    """Return the code and the sentence for *error* where it is told of one file among many."""
    wording = error.look_up(ERRORS)
    return wording.code, wording.message or str(error)


def failure(failure: Failure) -> tuple[str, str]:
    """Return the code and the sentence for a *failure* that was written down."""
    wording = next(ERRORS[kind] for kind in failure.kind.__mro__ if kind in ERRORS)
    return wording.code, wording.message or failure.message


def moment(at: datetime) -> str:
    """Return *at*, which is in UTC, to the second: 2026-07-01T00:00:00Z."""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


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
    details: dict[str, Any] = {}
    match error:
        case errors.FileTooLarge():
            details = {"limit": error.limit}
        case errors.QuotaExceeded():
            reset_at = moment(error.reset_at)
            details = {"limit": error.limit, "used": error.used, "reset_at": reset_at}
        case errors.RateLimited():
            details = {
                "limit": error.limit,
                "used": error.used,
                "window": error.window,
                "retry_after": error.retry_after,
            }
        case errors.MethodNotAllowed():
            details = {"allowed": list(error.allowed)}
        case errors.ResultsGone():
            named = list(error.missing[:MOST_NAMED])
            details = {"missing": named, "missing_count": len(error.missing)}
        case errors.UnreadableImage():
            details = {"reason": error.code}  # which of the kinds it is
    return details
