"""
Everything that can go wrong, in one tree.

* Error
  x BadInput              the caller sent something that cannot be used
    + WrongContentType  + FileTooLarge  + TooManyFiles  + UploadIncomplete
    + MissingFile
      - MissingInput
    + BadOption
      - UnknownFormat  - MissingFormat  - BadQuality  - BadDimensions  - MissingDimensions
      - UnknownLevel  - MissingBackground
      - WordsDoNotFit  - WordsNotSupported
      - BadUrl
      - MissingIdempotencyKey  - BadIdempotencyKey  - MissingBatchName
    + FetchFailed  + StoreFailed  + ImageNotFound
    + UnreadableImage
      - UnsupportedFormat  - TooManyPixels  - TooCostly
  x Refused               the caller may not do this
    + BadKey
      - KeyInactive
    + BadCredentials  + TooManySignIns  + SignUpClosed
    + KeyLimitReached  + QuotaExceeded  + RateLimited  + InsufficientCredits
    + GuestLimitReached  + ForeignForm
  x NotFound              there is nothing by that name
    + MethodNotAllowed  + ResultGone  + JobNotFound  + BatchNotFound  + DeductionNotFound
    + TicketGone  + SessionNotFound
      - SessionExpired
  x Conflict              something by that name is there already, or it is not the time for that
    + BatchFull  + BatchClosed  + BatchNotReady  + ResultsGone
    + IdempotencyInProgress  + IdempotencyConflict  + DeductionUsed
  x Busy                  all places are taken; try again later
    + Unavailable
      - StorageFull
    + VisionUnavailable
  x VisionFailed          a model has looked at the picture, and has no words for it
  x Internal              a bug, or a broken machine: the only one that pages anyone

No class here knows about HTTP: one and the same error is a 415 in one dialect and a 500 in another.
Each dialect owns its table (`pixmill.http.dialect.Dialect.errors`).

The first line of a class's docstring is its default message, so ``python -OO`` is not supported.
"""

from pixmill.errors.base import Error
from pixmill.errors.failures import (
    Busy,
    Internal,
    StorageFull,
    Unavailable,
    VisionFailed,
    VisionUnavailable,
)
from pixmill.errors.inputs import (
    BadDimensions,
    BadIdempotencyKey,
    BadInput,
    BadOption,
    BadQuality,
    BadUrl,
    DoesNotFit,
    FetchFailed,
    FileTooLarge,
    ImageNotFound,
    MissingBackground,
    MissingBatchName,
    MissingDimensions,
    MissingFile,
    MissingFormat,
    MissingIdempotencyKey,
    MissingInput,
    StoreFailed,
    TooCostly,
    TooManyFiles,
    TooManyPixels,
    UnknownFormat,
    UnknownLevel,
    UnreadableImage,
    UnsupportedFormat,
    UploadIncomplete,
    WordsDoNotFit,
    WordsNotSupported,
    WrongContentType,
)
from pixmill.errors.refusals import (
    BadCredentials,
    BadKey,
    BatchClosed,
    BatchFull,
    BatchNotFound,
    BatchNotReady,
    Conflict,
    DeductionNotFound,
    DeductionUsed,
    ForeignForm,
    GuestLimitReached,
    IdempotencyConflict,
    IdempotencyInProgress,
    InsufficientCredits,
    JobNotFound,
    KeyInactive,
    KeyLimitReached,
    MethodNotAllowed,
    NotFound,
    PlanWithoutApi,
    QuotaExceeded,
    RateLimited,
    Refused,
    ResultGone,
    ResultsGone,
    SessionExpired,
    SessionNotFound,
    SignUpClosed,
    TicketGone,
    TooManySignIns,
)

__all__ = [
    "BadCredentials",
    "BadDimensions",
    "BadIdempotencyKey",
    "BadInput",
    "BadKey",
    "BadOption",
    "BadQuality",
    "BadUrl",
    "BatchClosed",
    "BatchFull",
    "BatchNotFound",
    "BatchNotReady",
    "Busy",
    "Conflict",
    "DeductionNotFound",
    "DeductionUsed",
    "DoesNotFit",
    "Error",
    "FetchFailed",
    "FileTooLarge",
    "ForeignForm",
    "GuestLimitReached",
    "IdempotencyConflict",
    "IdempotencyInProgress",
    "ImageNotFound",
    "InsufficientCredits",
    "Internal",
    "JobNotFound",
    "KeyInactive",
    "KeyLimitReached",
    "MethodNotAllowed",
    "MissingBackground",
    "MissingBatchName",
    "MissingDimensions",
    "MissingFile",
    "MissingFormat",
    "MissingIdempotencyKey",
    "MissingInput",
    "NotFound",
    "PlanWithoutApi",
    "QuotaExceeded",
    "RateLimited",
    "Refused",
    "ResultGone",
    "ResultsGone",
    "SessionExpired",
    "SessionNotFound",
    "SignUpClosed",
    "StorageFull",
    "StoreFailed",
    "TicketGone",
    "TooCostly",
    "TooManyFiles",
    "TooManyPixels",
    "TooManySignIns",
    "Unavailable",
    "UnknownFormat",
    "UnknownLevel",
    "UnreadableImage",
    "UnsupportedFormat",
    "UploadIncomplete",
    "VisionFailed",
    "VisionUnavailable",
    "WordsDoNotFit",
    "WordsNotSupported",
    "WrongContentType",
    "kind_of",
]


def kind_of(code: str) -> type[Error]:
    """Return the class with that *code*; Internal for one that there was in another version."""
    kinds = [Error]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return next((kind for kind in kinds if kind.code == code), Internal)
