"""
The Picture Optimizer dialect.

    POST /v1/sessions, /v1/sessions/upload   multipart ``images[]``, or JSON ``urls``  -> 200, JSON
    GET, DELETE /v1/sessions/{id}            POST …/upload adds images                 -> 200, JSON
    POST /v1/analyze, …/analyze              JSON ``sessionId``, ``images``            -> 200, SSE
                      …/analyze-single       one image                                 -> 200, JSON
    GET  …/analysis, …/results               PATCH …/images/{id}/metadata              -> 200, JSON
    POST /v1/export, …/export                JSON ``settings`` and the same            -> 200, SSE
                     …/sample                what that would give                      -> 200, JSON
    GET  …/events                            what happens in the session               -> 200, SSE
    GET  …/files/{name}, …/download          one file, or all of them                  -> 200, bytes
    GET  /v1/credits/balance, /v1/constants  POST /v1/credits/check                    -> 200, JSON
    X-API-Key: sk-...                        or Authorization: Bearer sk-...

All of it is also below ``/image-forge-api``. Errors are ``{"error": text, "code": code}``. PO-n,
here and below, are the rows of docs/contracts.md.
"""

from pixmill.dialects.picture_optimizer import operations, reference, schemas, webhooks, words
from pixmill.http.dialect import Dialect

DIALECT = Dialect(
    name="picture_optimizer",
    title="Picture Optimizer",
    description="Sessions of images: upload, have them described, correct that, export, download.",
    operations=operations.OPERATIONS,
    credentials=reference.key,
    security=reference.security,
    errors=words.ERRORS,
    word=words.word,
    error_schema=schemas.ERROR,
    decorate=words.decorate,
    tell=webhooks.tell,
    hosts=frozenset({"optimizepicture.com", "api.optimizepicture.com"}),
    key_prefixes=("sk-",),
    path_prefixes=(
        "/v1/sessions",
        "/v1/analyze",
        "/v1/export",
        "/v1/files/",
        "/v1/credits/",
        "/v1/constants",
        "/image-forge-api/",
    ),
)
