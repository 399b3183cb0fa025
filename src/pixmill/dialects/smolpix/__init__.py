"""
The Smolpix dialect.

    POST /api/v1/optimize   JSON ``url`` (+ format, quality, maxWidth, smart)   -> 200, JSON
    Authorization: Bearer pk_live_...

The image comes as base64 in ``data``. Errors are ``{"success": false, "error": text, "code":
code}``. SM-n, here and below, are the rows of docs/contracts.md. `pixmill.http.native` says what
Pixmill adds.
"""

from fastapi.security import HTTPBearer
from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.smolpix import handlers, reference, words
from pixmill.http import credentials
from pixmill.http.dialect import Dialect, Operation
from pixmill.http.record import Record


def _decorate(response: Response, _record: Record) -> None:
    response.headers.setdefault("Cache-Control", "no-store")


DIALECT = Dialect(
    name="smolpix",
    title="Smolpix",
    description="Optimize the image at a URL; the answer is JSON with the image as base64.",
    operations=(
        Operation(
            method="POST",
            path="/api/v1/optimize",
            handler=handlers.optimize,
            summary="Optimize the image at a URL",
            description="The result is WebP or AVIF, and at most 1920 pixels wide unless "
            "`maxWidth` says otherwise. Nothing is enlarged.",
            spends=True,
            form=reference.FIELDS,
            kinds=handlers.KINDS,
            required=("url",),
            success=reference.OPTIMIZED,
            faults=(
                errors.BadUrl,
                errors.FetchFailed,
                errors.UnknownFormat,
                errors.BadQuality,
                errors.BadOption,
                errors.UnreadableImage,
            ),
        ),
    ),
    credentials=credentials.any_key,
    security=HTTPBearer(
        scheme_name="Smolpix key", description="A key: pk_live_...", auto_error=False
    ),
    errors=words.ERRORS,
    word=words.word,
    error_schema=reference.ERROR,
    decorate=_decorate,
    hosts=frozenset({"smolpix.co"}),
    key_prefixes=("pk_live_",),
    path_prefixes=("/api/v1/optimize",),
)
