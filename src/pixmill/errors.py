"""
Everything that can go wrong, in one tree.

* Error
  x BadInput              the caller sent something that cannot be used
    + WrongContentType  + FileTooLarge  + TooManyFiles  + UploadIncomplete
    + MissingFile
      - MissingInput
    + BadOption
      - UnknownFormat  - MissingFormat  - BadQuality  - BadDimensions  - MissingDimensions
      - UnknownLevel
      - BadUrl
      - MissingIdempotencyKey  - BadIdempotencyKey  - MissingBatchName
    + FetchFailed
    + UnreadableImage
      - UnsupportedFormat  - TooManyPixels  - TooCostly
  x Refused               the caller may not do this
    + BadKey  + KeyLimitReached  + QuotaExceeded  + RateLimited
  x NotFound              there is nothing by that name
    + MethodNotAllowed  + ResultGone  + JobNotFound  + BatchNotFound
  x Conflict              something by that name is there already, or it is not the time for that
    + BatchFull  + BatchClosed  + BatchNotReady  + ResultsGone
    + IdempotencyInProgress  + IdempotencyConflict
  x Busy                  all places are taken; try again later
    + Unavailable
      - StorageFull
  x Internal              a bug, or a broken machine: the only one that pages anyone

No class here knows about HTTP: one and the same error is a 415 in one dialect and a 500 in another.
Each dialect owns its table (`pixmill.http.dialect.Dialect.errors`).

The first line of a class's docstring is its default message, so ``python -OO`` is not supported.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, Literal, TypeVar

T = TypeVar("T")


class Error(Exception):
    """
    Something went wrong.

    Superclass of all expected failures; never raised directly. ``str(error)`` is safe to show to
    the caller: it names no path, address or library. Anything else goes into *detail*, which is
    logged and never sent.
    """

    code: ClassVar[str] = "error"

    def __init__(self, message: str | None = None, *, detail: str = "") -> None:
        super().__init__(message or (self.__doc__ or "").strip().split("\n", 1)[0])
        self.detail = detail

    def look_up(self, table: Mapping[type["Error"], T]) -> T:
        """Return the row for this class, or for its nearest ancestor in *table*."""
        return next(table[cls] for cls in type(self).__mro__ if cls in table)


def kind_of(code: str) -> type[Error]:
    """Return the class with that *code*; Internal for one that there was in another version."""
    kinds = [Error]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((kind for kind in kinds if kind.code == code), Internal)


class BadInput(Error):
    """The request cannot be used."""

    code = "bad_input"


class WrongContentType(BadInput):
    """The body has another content type than this call takes."""

    code = "wrong_content_type"


class MissingFile(BadInput):
    """The body has no file."""

    code = "missing_file"


class MissingInput(MissingFile):
    """The request has neither a file nor a URL."""

    code = "missing_input"


class FileTooLarge(BadInput):
    """The file has more bytes than the plan allows."""

    code = "file_too_large"

    def __init__(self, *, limit: int, detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Bytes that would have been allowed.
        self.limit = limit


class TooManyFiles(BadInput):
    """The request has more files than one may have."""

    code = "too_many_files"


class UploadIncomplete(BadInput):
    """The body ended early, or came too slowly."""

    code = "upload_incomplete"


class BadOption(BadInput):
    """A parameter has a value that it cannot have."""

    code = "bad_option"


class UnknownFormat(BadOption):
    """The format asked for is not one that can be written."""

    code = "unknown_format"


class MissingFormat(BadOption):
    """The call needs a format to convert to."""

    code = "missing_format"


class BadQuality(BadOption):
    """The quality is not a whole number from 1 to 100."""

    code = "bad_quality"


class UnknownLevel(BadOption):
    """The level of compression is not one that there is."""

    code = "unknown_level"


class BadDimensions(BadOption):
    """The width or height is not one that can be made."""

    code = "bad_dimensions"


class MissingDimensions(BadOption):
    """The call needs a width or a height."""

    code = "missing_dimensions"


class DoesNotFit(BadOption):
    """No look makes the image that small; allow more bytes, a smaller size or another format."""

    code = "does_not_fit"


class BadUrl(BadOption):
    """The URL is not a plain http or https URL."""

    code = "bad_url"


class MissingIdempotencyKey(BadOption):
    """The request needs an "Idempotency-Key" header, so that it can be repeated safely."""

    code = "missing_idempotency_key"


class BadIdempotencyKey(BadOption):
    """An "Idempotency-Key" has 1 to 255 visible ASCII characters."""

    code = "bad_idempotency_key"


class MissingBatchName(BadOption):
    """The request does not say which batch it is for."""

    code = "missing_batch_name"


class FetchFailed(BadInput):
    """The URL could not be fetched."""

    code = "fetch_failed"


class UnreadableImage(BadInput):
    """The image could not be processed."""

    code = "unreadable_image"


class UnsupportedFormat(UnreadableImage):
    """The file is not an image of a supported format."""

    code = "unsupported_format"


class TooManyPixels(UnreadableImage):
    """The image has more pixels, frames or a longer side than the server takes."""

    code = "too_many_pixels"


class TooCostly(UnreadableImage):
    """The image took more time or memory than the server gives to one image."""

    code = "too_costly"


class Refused(Error):
    """The caller may not do this."""

    code = "refused"


class BadKey(Refused):
    """The API key is missing or not valid."""

    code = "bad_key"


class KeyLimitReached(Refused):
    """The account has as many active keys as its plan allows."""

    code = "key_limit_reached"


class PlanWithoutApi(Refused):
    """The plan of this account does not include the API; choose one that does."""

    code = "plan_without_api"


class QuotaExceeded(Refused):
    """The allowance of this month is used up."""

    code = "quota_exceeded"

    def __init__(self, *, limit: int, used: int, reset_at: datetime) -> None:
        super().__init__()
        self.limit = limit
        self.used = used
        #: The first instant of the next period, in UTC.
        self.reset_at = reset_at


class RateLimited(Refused):
    """Too many requests in too short a time; try again later."""

    code = "rate_limited"

    def __init__(
        self, *, limit: int, used: int, retry_after: int, window: Literal["minute", "day"]
    ) -> None:
        super().__init__()
        self.limit = limit
        self.used = used
        #: Seconds after which there is room again.
        self.retry_after = retry_after
        self.window = window


class NotFound(Error):
    """There is nothing here by that name."""

    code = "not_found"


class MethodNotAllowed(NotFound):
    """This path does not answer to that method."""

    code = "method_not_allowed"

    def __init__(self, *, allowed: tuple[str, ...]) -> None:
        super().__init__()
        self.allowed = allowed


class ResultGone(NotFound):
    """The result was deleted when its time was over."""

    code = "result_gone"


class JobNotFound(NotFound):
    """There is no job with this id."""

    code = "job_not_found"


class BatchNotFound(NotFound):
    """There is no batch with this id."""

    code = "batch_not_found"


class Conflict(Error):
    """There is something by that name already."""

    code = "conflict"


class BatchFull(Conflict):
    """The batch has as many files as a batch may have; begin another one."""

    code = "batch_full"


class BatchClosed(Conflict):
    """The batch was closed and takes no more files; begin another one."""

    code = "batch_closed"


class BatchNotReady(Conflict):
    """Nothing of the batch is done yet; try again shortly."""

    code = "batch_not_ready"


class ResultsGone(Conflict):
    """Some results were deleted when their time was over."""

    code = "results_gone"

    def __init__(self, *, missing: tuple[str, ...], detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Ids of the jobs whose results they were.
        self.missing = missing


class IdempotencyInProgress(Conflict):
    """A request with the same "Idempotency-Key" is still being answered; try again shortly."""

    code = "idempotency_in_progress"

    def __init__(self, *, retry_after: int = 5, detail: str = "") -> None:
        super().__init__(detail=detail)
        #: Seconds after which another try makes sense.
        self.retry_after = retry_after


class IdempotencyConflict(Conflict):
    """The "Idempotency-Key" was used before, for a request with other contents."""

    code = "idempotency_conflict"


class Busy(Error):
    """The server has as much work as it takes on; try again shortly."""

    code = "busy"

    def __init__(
        self, message: str | None = None, *, retry_after: int = 5, detail: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        #: Seconds after which another try makes sense.
        self.retry_after = retry_after


class Unavailable(Busy):
    """The server cannot keep its books at the moment; try again shortly."""

    code = "unavailable"


class StorageFull(Unavailable):
    """There is no room to store the result at the moment; try again later."""

    code = "storage_full"


class Internal(Error):
    """Something went wrong on this side."""

    code = "internal"
