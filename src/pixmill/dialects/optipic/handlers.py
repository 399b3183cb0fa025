"""OptiPic's operations: parse, call, write."""

from collections.abc import Callable, Mapping

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.optipic import options, words
from pixmill.engine.types import Options
from pixmill.http import disposition, native
from pixmill.http.dialect import Call

#: Said for "any number of requests", so that typed clients keep working (OP-67).
UNLIMITED = 2_147_483_647


async def compress(call: Call) -> Response:
    """Make an image smaller, and another format where one is asked for."""
    return await _optimized(call, options.compress_options)


async def convert(call: Call) -> Response:
    """Make an image another format."""
    return await _optimized(call, options.convert_options)


async def resize(call: Call) -> Response:
    """Make an image another size."""
    return await _optimized(call, options.resize_options)


async def usage(call: Call) -> Response:
    """Tell what the key was used for this month."""
    month = await call.services.usage.month(caller=call.caller)
    return JSONResponse(
        {
            "period": month.period,
            "requests": month.requests,
            "limit": UNLIMITED if month.limit is None else month.limit,
            "remaining": UNLIMITED if month.remaining is None else month.remaining,
            "overage_requests": month.overage_requests,
            "overage_cost_usd": words.dollars(month.overage_cost_microusd),
            "reset_at": words.moment(month.reset_at),
        }
    )


async def _optimized(call: Call, parse: Callable[[Mapping[str, object]], Options]) -> Response:
    limit = min(words.MAX_FILE_SIZE, call.caller.plan.max_file_size)
    async with call.bodies.form(call.request, max_file_size=limit) as form:
        upload = form.file
        if upload is None:
            raise errors.MissingFile
        wish = native.wish(parse(form.fields), form.fields, call.request)
        outcome = await call.services.optimization.run(
            caller=call.caller, blob=upload.blob, options=wish.options
        )
    before, after = outcome.original_size, len(outcome.data)
    call.record.made(original_size=before, result_size=after)
    return Response(
        outcome.data,
        media_type=outcome.mime,
        headers={
            "Content-Disposition": disposition.inline(upload.filename, outcome.extension),
            "X-Original-Size": str(before),
            "X-Compressed-Size": str(after),
            "X-Savings-Percent": words.savings_percent(before, after),
            "X-Width": str(outcome.width),
            "X-Height": str(outcome.height),
            **native.headers(outcome, wish),
        },
    )
