"""
The Tinify dialect.

    POST /shrink       the image, or JSON ``{"source": {"url": ...}}``  -> 201, JSON and Location
    GET  /output/{id}  no key                                            -> 200, the image
    GET, POST /output/{id}  JSON ``resize``, ``convert``, ``transform``,
                            ``preserve``, ``store``                      -> 200, the image
    GET  /keys/{key}                                                     -> 200
    Authorization: Basic base64(api:KEY)

Errors are ``{"error": name, "message": text}``. Whoever is known hears in ``Compression-Count``
what was used this month, also with errors. docs/adr/0030 says what was decided where the published
reference is silent.
"""

from fastapi.security import HTTPBasic
from starlette.responses import Response

from pixmill import errors
from pixmill.dialects.tinify import handlers, reference, words
from pixmill.http import credentials
from pixmill.http.dialect import Dialect, Operation
from pixmill.http.record import Record

_IMAGE_FAULTS = (errors.UnreadableImage, errors.UnsupportedFormat)
_OUTPUT_FAULTS = (errors.NotFound, errors.BadOption, errors.StoreFailed)


def _decorate(response: Response, record: Record) -> None:
    response.headers.setdefault("Cache-Control", "no-store")
    if record.used is not None:
        response.headers["Compression-Count"] = str(record.used)


DIALECT = Dialect(
    name="tinify",
    title="Tinify",
    description="Compress an image, and ask for it in other sizes and formats afterwards.",
    operations=(
        Operation(
            method="POST",
            path="/shrink",
            handler=handlers.shrink,
            summary="Compress an image",
            description="The body is the image, whatever its `Content-Type` says, or JSON with "
            "`source.url`. Counts as one compression.",
            spends=True,
            form=reference.SOURCE,
            kinds=("json",),
            created=reference.SHRUNK,
            faults=(errors.MissingFile, errors.BadUrl, errors.FetchFailed, *_IMAGE_FAULTS),
        ),
        Operation(
            method="GET",
            path="/output/{id}",
            handler=handlers.output,
            summary="Download a compressed image",
            description="Needs no key: the `Location` that a shrink answered with is enough. With "
            "a JSON body it is the same as POST, and does need one.",
            authority="either",
            path_parameters={"id": reference.ID},
            success=reference.IMAGE,
            faults=(*_OUTPUT_FAULTS, errors.BadKey),
        ),
        Operation(
            method="POST",
            path="/output/{id}",
            handler=handlers.make,
            summary="Resize, convert or store a compressed image",
            description="Made from the upload. Each of `resize` and `convert` counts as one more "
            "compression; `transform`, `preserve` and `store` do not count.",
            hidden=True,
            spends=True,
            free_repeats=True,
            form=reference.COMMANDS,
            kinds=("json",),
            path_parameters={"id": reference.ID},
            success=reference.IMAGE,
            faults=(*_OUTPUT_FAULTS, *_IMAGE_FAULTS),
        ),
        Operation(
            method="GET",
            path="/keys/{key}",
            handler=handlers.key,
            summary="Check a key",
            description="Of the account whose key asks.",
            hidden=True,
            path_parameters={"key": reference.KEY},
            success=reference.KEY_STATUS,
            faults=(errors.NotFound,),
        ),
    ),
    credentials=credentials.any_key,
    security=HTTPBasic(
        scheme_name="Tinify key", description="User `api`, a key as password.", auto_error=False
    ),
    errors=words.ERRORS,
    word=words.word,
    error_schema=reference.ERROR,
    decorate=_decorate,
    hosts=frozenset({"api.tinify.com", "api.tinypng.com"}),
    path_prefixes=("/shrink", "/output", "/keys"),
)
