"""Optimagio's operations: parse, call, write."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.optimagio import answers, options
from pixmill.http import credentials, fields, native
from pixmill.http.bodies import Kind
from pixmill.http.dialect import Call
from pixmill.http.downloads import download
from pixmill.http.intake import fetched
from pixmill.http.multipart import Form, Upload

#: How a request may be written, and what its file may be called (OG-15, OG-30).
KINDS: tuple[Kind, ...] = ("multipart", "urlencoded", "json")
FILE_FIELDS = ("image", "file")


def key(connection: HTTPConnection) -> str | None:
    """Return the key that *connection* brings; of two, that in ``X-API-Key`` (OG-9)."""
    return (
        credentials.header(connection)
        or credentials.bearer(connection)
        or credentials.basic(connection)
    )


async def optimize(call: Call) -> Response:
    """Make an image smaller, another format or another size, and say where the result is."""
    limit = call.caller.plan.max_file_size  # OG-89
    async with call.bodies.form(
        call.request, max_file_size=limit, file_fields=FILE_FIELDS, kinds=KINDS
    ) as form:
        parsed = options.wanted(form.fields)
        committed = fields.truth(form.fields, "storage_commit", default=False)  # OG-21
        async with _image(call, form, max_size=limit) as upload:
            parsed = await asyncio.to_thread(options.settled, parsed, upload.blob)
            wish = native.wish(parsed, form.fields, call.request)
            kept = await call.services.optimization.keep(
                caller=call.caller,
                blob=upload.blob,
                options=wish.options,
                filename=upload.filename,
                committed=committed,
                charge_again=False,  # OG-25
            )
    call.record.original_size = kept.stored.original_size
    call.record.result_size = kept.stored.size
    return JSONResponse(
        answers.optimized(call, kept), headers={"Vary": "Accept"} if wish.negotiated else None
    )


async def file(call: Call) -> Response:
    """Send a result to whoever has the link to it."""
    await _count_read(call)
    stored = await call.services.results.linked(
        id_=call.request.path_params["id"], token=call.request.query_params.get("signature", "")
    )
    return await download(call.request, stored, call.services.results, show="inline")


@asynccontextmanager
async def _image(call: Call, form: Form, *, max_size: int) -> AsyncIterator[Upload]:
    """Give the image that *form* brings or names (OG-31 to OG-33)."""
    url = fields.text(form.fields, "url")
    by_file = fields.truth(form.fields, "accept_file", default=False)
    if url and not by_file:
        async with fetched(call, url, max_size=max_size) as upload:
            yield upload
    elif form.file:
        yield form.file
    else:
        raise errors.MissingFile if by_file else errors.MissingInput


async def _count_read(call: Call) -> None:
    """
    Count the download to the key of a caller who sends one although none is needed (OG-84).

    A download without a key counts for nobody: pages that show a result would use up its owner's
    reads.
    """
    try:
        caller = await call.services.keys.authenticate(presented=key(call.request))
    except errors.BadKey:
        return
    call.record.key_id = caller.key.id
    call.record.allowance = await call.services.limits.spend_read(caller=caller)
