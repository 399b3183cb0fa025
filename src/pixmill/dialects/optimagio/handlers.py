"""Optimagio's operations on one image: parse, call, write."""

from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.optimagio import answers, images, jobs, options
from pixmill.http import credentials, fields, native
from pixmill.http.dialect import Call
from pixmill.http.downloads import download


def key(connection: HTTPConnection) -> str | None:
    """Return the key that *connection* brings; of two, that in ``X-API-Key`` (OG-9)."""
    return (
        credentials.header(connection)
        or credentials.bearer(connection)
        or credentials.basic(connection)
    )


async def optimize(call: Call) -> Response:
    """Make an image smaller, another format or another size, and say where the result is."""
    async with images.form(call) as form:
        if fields.truth(form.fields, "async", default=False):  # OG-74
            return await jobs.queue(call, form)
        parsed = options.wanted(form.fields)
        committed = fields.truth(form.fields, "storage_commit", default=False)  # OG-21
        async with images.opened(call, form) as upload:
            wish = native.wish(parsed, form.fields, call.request)
            kept = await call.services.optimization.keep(
                caller=call.caller,
                blob=upload.blob,
                options=wish.options,
                filename=upload.filename,
                committed=committed,
                charge_again=False,  # OG-25
            )
    stored = kept.stored
    call.record.made(
        original_size=stored.original_size, result_size=stored.size, cached=kept.cached
    )
    return JSONResponse(
        answers.optimized(stored, cached=kept.cached, links=answers.Links.of(call)),
        headers={"Vary": "Accept"} if wish.negotiated else None,
    )


async def file(call: Call) -> Response:
    """Send a result to whoever has the link to it."""
    await _count_read(call)
    stored = await call.services.results.linked(
        id_=call.request.path_params["id"], token=call.request.query_params.get("signature", "")
    )
    return await download(call.request, stored, call.services.results, show="inline")


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
