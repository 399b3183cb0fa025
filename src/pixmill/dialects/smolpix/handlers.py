"""Smolpix's one operation: parse, call, write."""

from starlette.responses import JSONResponse, Response

from pixmill.dialects.smolpix import options, words
from pixmill.http import intake, native
from pixmill.http.bodies import Kind
from pixmill.http.dialect import Call

#: How a body may be written (SM-10).
KINDS: tuple[Kind, ...] = ("json",)


async def optimize(call: Call) -> Response:
    """Make the image at a URL smaller."""
    async with call.bodies.form(call.request, max_file_size=0, kinds=KINDS) as form:
        given = form.fields
    url = options.url(given)
    wish = native.wish(options.options(given), given, call.request, names=options.NATIVE)
    limit = min(words.MAX_FILE_SIZE, call.caller.plan.max_file_size)
    async with intake.fetched(call, url, max_size=limit) as image:
        outcome = await call.services.optimization.run(
            caller=call.caller, blob=image.blob, options=wish.options
        )
    call.record.made(original_size=outcome.original_size, result_size=len(outcome.data))
    return JSONResponse(words.optimized(outcome))
