"""
The Optimagio dialect.

    POST /api/optimize            multipart ``image``, or ``url`` in a form or in JSON
                                  (+ format, compression, width, height, …)      -> 200, JSON
    GET  /api/files/{id}/{name}   what ``optimized_url`` leads to, without a key -> 200, image bytes
    X-API-Key: opt_...            or Authorization: Bearer opt_...

Errors are ``{"error": text, "code": code, "details": {…}, "request_id": id}``. OG-n, here and
below, are the rows of docs/contracts.md. `pixmill.http.native` says what Pixmill adds.
"""

from pixmill import errors
from pixmill.dialects.optimagio import answers, handlers, reference, words
from pixmill.http.dialect import Dialect, Operation

DIALECT = Dialect(
    name="optimagio",
    title="Optimagio",
    description="Optimize an image by file or by URL; the answer says where the result is.",
    operations=(
        Operation(
            method="POST",
            path="/api/optimize",
            handler=handlers.optimize,
            summary="Optimize an image, by file or by URL",
            description="Compresses, converts and resizes. The result can be had at "
            "`optimized_url` for a day. In the same format and size it never has more bytes than "
            "the upload. Work that was done before is not charged again.",
            spends=True,
            free_repeats=True,  # OG-25
            form=reference.FIELDS,
            kinds=handlers.KINDS,
            success=reference.OPTIMIZED,
            faults=(
                errors.MissingFile,
                errors.MissingInput,
                errors.BadUrl,
                errors.FetchFailed,
                errors.UnknownFormat,
                errors.UnknownLevel,
                errors.BadQuality,
                errors.BadDimensions,
                errors.BadOption,
                errors.DoesNotFit,
                errors.UnreadableImage,
                errors.TooCostly,
                errors.StorageFull,
            ),
        ),
        Operation(
            method="GET",
            path=answers.FILE_PATH,
            handler=handlers.file,
            summary="Download a result",
            description="The `signature` in the query of an `optimized_url` is all that is needed.",
            authority="link",
            path_parameters={
                "id": {"type": "string", "format": "uuid"},
                "name": {"type": "string", "description": "Any name."},
            },
            success=reference.FILE,
            faults=(errors.NotFound, errors.ResultGone, errors.RateLimited),
        ),
    ),
    credentials=handlers.key,
    security=reference.security,
    errors=words.ERRORS,
    word=words.word,
    error_schema=reference.ERROR,
    decorate=words.decorate,
    hosts=frozenset({"optimagio.com", "api.optimagio.dev"}),  # OG-1, OG-2
    key_prefixes=("opt_",),
    path_prefixes=("/api/optimize", "/api/files/", "/api/v1/optimize/", "/api/v1/jobs"),
)
