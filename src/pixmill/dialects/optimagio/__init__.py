"""
The Optimagio dialect.

    POST /api/optimize            multipart ``image``, or ``url`` in a form or in JSON
                                  (+ format, compression, width, height, …)      -> 200, JSON
    GET  /api/files/{id}/{name}   what ``optimized_url`` leads to, without a key -> 200, image bytes
    POST /api/v1/jobs             the same, later (also ``async=true`` above)    -> 202, JSON
    GET  /api/v1/jobs/{id}        how it stands; DELETE cancels it               -> 200, JSON
    POST /api/v1/optimize/batch   multipart ``files``, or ``urls``; client_batch_id,
                                  Idempotency-Key                                -> 202, JSON
    GET  /api/v1/optimize/batch/{id}             how it stands                   -> 200, JSON
                               …/complete        nothing is added any more       -> 200, JSON
                               …/events          the same as it happens          -> 200, SSE
                               …/zip, /download  all results                     -> 200, ZIP
    X-API-Key: opt_...            or Authorization: Bearer opt_...

Errors are ``{"error": text, "code": code, "details": {…}, "request_id": id}``. OG-n, here and
below, are the rows of docs/contracts.md. `pixmill.http.native` says what Pixmill adds.
"""

from pixmill.dialects.optimagio import handlers, operations, reference, schemas, webhooks, words
from pixmill.http.dialect import Dialect

DIALECT = Dialect(
    name="optimagio",
    title="Optimagio",
    description="Optimize an image by file or by URL, now or later, alone or in batches; the "
    "answer says where the result is.",
    operations=operations.OPERATIONS,
    credentials=handlers.key,
    security=reference.security,
    errors=words.ERRORS,
    word=words.word,
    error_schema=schemas.ERROR,
    decorate=words.decorate,
    tell=webhooks.tell,
    hosts=frozenset({"optimagio.com", "api.optimagio.dev"}),  # OG-1, OG-2
    key_prefixes=("opt_",),
    path_prefixes=("/api/optimize", "/api/files/", "/api/v1/optimize/", "/api/v1/jobs"),
)
