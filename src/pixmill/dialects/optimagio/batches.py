"""Optimagio's batches, once something is in them: how they stand, and what came of them."""

from starlette.responses import JSONResponse, Response

from pixmill.dialects.optimagio import answers, paging
from pixmill.http.dialect import Call
from pixmill.services.batches import Progress


async def batch(call: Call) -> Response:
    """Say how a batch stands, and how each item of a page of it does (OG-67)."""
    page = paging.page(call.request.query_params)
    progress = await find(call)
    reports = await call.services.batches.items(
        batch=progress.batch, start=page.start, limit=page.limit + 1, state=page.state
    )
    more = str(reports[page.limit].job.number) if len(reports) > page.limit else None
    links = answers.Links.of(call)
    return JSONResponse(
        {
            **answers.batch(progress, links=links),
            "items": [answers.item(report, links=links) for report in reports[: page.limit]],
            "next_cursor": more,
        }
    )


async def close_batch(call: Call) -> Response:
    """Say that nothing is added to a batch any more (OG-66)."""
    progress = await call.services.batches.close(
        name=call.request.path_params["id"], account_id=call.caller.account.id
    )
    return JSONResponse(answers.batch(progress, links=answers.Links.of(call)))


async def find(call: Call) -> Progress:
    """Return the batch that the path names. Raises BatchNotFound."""
    return await call.services.batches.find(
        name=call.request.path_params["id"], account_id=call.caller.account.id
    )
