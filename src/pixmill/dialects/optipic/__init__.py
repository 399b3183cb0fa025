"""
The OptiPic dialect.

    POST /v1/compress   multipart ``file`` (+ format, quality, strip_exif)   -> 200, image bytes
    POST /v1/convert    multipart ``file``, ``to`` (+ quality, strip_exif)   -> 200, image bytes
    POST /v1/resize     multipart ``file``, ``width`` and/or ``height``      -> 200, image bytes
    GET  /v1/usage                                                           -> 200, JSON
    Authorization: Bearer op_live_...

Images come with ``X-Original-Size``, ``X-Compressed-Size`` and ``X-Savings-Percent``. Errors are
``{"error": code, "message": text}``. OP-n, here and below, are the rows of docs/contracts.md.
`pixmill.http.native` says what Pixmill adds.
"""

from fastapi.security import HTTPBearer
from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.optipic import handlers, reference, words
from pixmill.http import credentials, native
from pixmill.http.dialect import Dialect, Operation
from pixmill.http.record import Record

_FAULTS = (
    errors.MissingFile,
    errors.UnknownFormat,
    errors.BadQuality,
    errors.BadOption,
    errors.UnreadableImage,
)


def _decorate(response: Response, _record: Record) -> None:
    response.headers.setdefault("Cache-Control", "no-store")  # OP-24


DIALECT = Dialect(
    name="optipic",
    title="OptiPic",
    description="Compress, convert and resize images; the answer is the image.",
    operations=(
        Operation(
            method="POST",
            path="/v1/compress",
            handler=handlers.compress,
            summary="Compress an image, and optionally convert it",
            description="The answer never has more bytes than the upload, unless another format "
            "is asked for. HEIC becomes JPEG. Animations are kept where the format can.",
            spends=True,
            form={
                "file": reference.FILE,
                "format": reference.FORMAT,
                "quality": reference.QUALITY,
                "strip_exif": reference.STRIP_EXIF,
                **native.FIELDS,
            },
            required=("file",),
            success=reference.IMAGE,
            faults=_FAULTS,
        ),
        Operation(
            method="POST",
            path="/v1/convert",
            handler=handlers.convert,
            summary="Convert an image to another format",
            description="The same format is allowed, and compresses the image.",
            spends=True,
            form={
                "file": reference.FILE,
                "to": reference.TARGET,
                "quality": reference.QUALITY,
                "strip_exif": reference.STRIP_EXIF,
                **native.FIELDS,
            },
            required=("file", "to"),
            success=reference.IMAGE,
            faults=(*_FAULTS, errors.MissingFormat),
        ),
        Operation(
            method="POST",
            path="/v1/resize",
            handler=handlers.resize,
            summary="Resize an image",
            description="Width or height alone keep the aspect ratio; both together do not. "
            "A size larger than the image's own is made, too.",
            spends=True,
            form={
                "file": reference.FILE,
                "width": reference.SIDE,
                "height": reference.SIDE,
                "format": reference.FORMAT,
                "quality": reference.QUALITY,
                "strip_exif": reference.STRIP_EXIF,
                **native.FIELDS,
            },
            required=("file",),
            success=reference.IMAGE,
            faults=(*_FAULTS, errors.BadDimensions, errors.MissingDimensions),
        ),
        Operation(
            method="GET",
            path="/v1/usage",
            handler=handlers.usage,
            summary="Usage of the current month",
            description="Only images that were answered with success are counted.",
            success=reference.USAGE,
        ),
    ),
    credentials=credentials.any_key,
    security=HTTPBearer(
        scheme_name="OptiPic key", description="A key: op_live_...", auto_error=False
    ),
    errors=words.ERRORS,
    word=words.word,
    error_schema=reference.ERROR,
    decorate=_decorate,
    hosts=frozenset({"api.opti.pictures"}),
    key_prefixes=("op_live_",),
    path_prefixes=("/v1/",),
)
