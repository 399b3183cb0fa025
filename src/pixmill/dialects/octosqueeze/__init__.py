"""
The OctoSqueeze dialect.

    POST /api/v1/compress                   multipart ``file``, or JSON ``url``   -> 200, JSON
    POST /api/v1/compress-batch             JSON ``items``, each with a ``url``   -> 200, JSON
    GET  /api/v1/status/{id}                                                      -> 200, JSON
    GET  /api/v1/download/{id}                                                    -> 200, the file
    GET  /api/v1/download/{id}/{signature}  no key: as in a ``download_url``      -> 200, the file
    GET  /api/v1/usage                                                            -> 200, JSON
    GET  /api/v1/account                                                          -> 200, JSON
    Authorization: Bearer os_...

Successes are ``{"success": true, "data": {...}}``, errors ``{"success": false, "error": {"code",
"message"}}`` and more. Every answer has ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset``. OS-n,
here and below, are the rows of docs/contracts.md.
"""

from fastapi.security import HTTPBearer
from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.octosqueeze import batches, handlers, reference, words
from pixmill.http import credentials
from pixmill.http.dialect import Dialect, Operation
from pixmill.http.record import Record
from pixmill.services.limits import Allowance

#: Said for "any number of requests", so that typed clients keep working.
_UNLIMITED = Allowance(limit=2_147_483_647, remaining=2_147_483_647, reset_seconds=0)


def _decorate(response: Response, record: Record) -> None:
    """Say what is left of the minute, whatever the answer (OS-85, OS-92)."""
    left = record.allowance or _UNLIMITED
    response.headers["X-RateLimit-Limit"] = str(left.limit)
    response.headers["X-RateLimit-Remaining"] = str(left.remaining)
    response.headers["X-RateLimit-Reset"] = str(left.reset_seconds)
    response.headers.setdefault("Cache-Control", "no-store")


DIALECT = Dialect(
    name="octosqueeze",
    title="OctoSqueeze",
    description="Compress images, sent or named by a URL; the answer says where to download them.",
    operations=(
        Operation(
            method="POST",
            path="/api/v1/compress",
            handler=handlers.compress,
            summary="Compress an image, and optionally convert it",
            description="Either `file` or `url`. Metadata is kept unless `strip_metadata` is said. "
            "The result never has more bytes than the upload, unless another format or size is "
            "asked for.",
            spends=True,
            form=reference.FORM,
            kinds=("multipart", "json", "urlencoded"),
            success=reference.RESULT,
            faults=(
                errors.MissingFile,
                errors.BadOption,
                errors.BadUrl,
                errors.FetchFailed,
                errors.UnreadableImage,
                errors.UnsupportedFormat,
            ),
        ),
        Operation(
            method="POST",
            path="/api/v1/compress-batch",
            handler=batches.compress_batch,
            summary="Compress up to 100 images from URLs",
            description="Answers when all are done, or after 120 seconds; with the header `Prefer: "
            "wait=N` after N. What is not done by then goes on, and can be asked for by its id. "
            "One that fails does not spoil the others.",
            spends=True,
            form=reference.BATCH_FORM,
            kinds=batches.KINDS,
            required=("items",),
            success=reference.BATCH,
            faults=(errors.TooManyFiles, errors.BadOption, errors.BadUrl),
        ),
        Operation(
            method="GET",
            path="/api/v1/status/{id}",
            handler=handlers.status,
            summary="What came of an image",
            description="For a week, also when the result has expired. An image of a batch is "
            "told of as in the batch's answer.",
            path_parameters={"id": reference.ID},
            success=reference.STATUS,
            faults=(errors.NotFound,),
        ),
        Operation(
            method="GET",
            path="/api/v1/download/{id}",
            handler=handlers.download,
            summary="Download a result",
            description="Only with a key of the account that it was made for.",
            path_parameters={"id": reference.ID},
            success=reference.FILE,
            faults=(errors.ResultGone,),
        ),
        Operation(
            method="GET",
            path="/api/v1/download/{id}/{signature}",
            handler=handlers.signed_download,
            summary="Download a result by its link",
            description="The `download_url` of an answer. Needs no key.",
            authority="link",
            path_parameters={"id": reference.ID, "signature": reference.SIGNATURE},
            success=reference.FILE,
            faults=(errors.ResultGone,),
        ),
        Operation(
            method="GET",
            path="/api/v1/usage",
            handler=handlers.usage,
            summary="Usage of the current month",
            description="Only images that were answered with success are counted.",
            success=reference.USAGE,
        ),
        Operation(
            method="GET",
            path="/api/v1/account",
            handler=handlers.account,
            summary="The account and its limits",
            description="Of the key that asks.",
            success=reference.ACCOUNT,
        ),
    ),
    credentials=credentials.any_key,
    security=HTTPBearer(
        scheme_name="OctoSqueeze key", description="A key: os_...", auto_error=False
    ),
    errors=words.ERRORS,
    word=words.word,
    error_schema=reference.ERROR,
    decorate=_decorate,
    tell=batches.tell,
    shows_allowance=True,
    hosts=frozenset({"api.octosqueeze.com"}),
    key_prefixes=("os_",),
    path_prefixes=(
        "/api/v1/compress",
        "/api/v1/status",
        "/api/v1/download",
        "/api/v1/usage",
        "/api/v1/account",
    ),
)
