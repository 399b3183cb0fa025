"""One picture: sent, made small, and had back."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.http.attention import while_wanted
from pixmill.http.downloads import confined, download
from pixmill.services import guests
from pixmill.services.keys import Caller
from pixmill.services.results import Stored
from pixmill.web import csrf, faults
from pixmill.web.page import Visit
from pixmill.web.pages.tool import options, results


async def optimize(visit: Visit) -> Response:
    """Make a picture small: a script is told about it, a form without one gets it."""

    async def handle(request: Request) -> Response:
        return await _optimized(replace(visit, request=request))

    return await while_wanted(handle, visit.request)


async def result(visit: Visit) -> Response:
    """Send a result to whoever has the link to it, to be saved, or with ``view`` to be shown."""
    visit.record.path = results.PATH  # what people call their files is not for the log
    stored = await visit.services.results.linked(
        id_=visit.path["id"], token=visit.query.get("signature", "")
    )
    response = await download(
        visit.request,
        stored,
        visit.services.results,
        show="inline" if "view" in visit.query else "attachment",
    )
    return confined(response)


async def _optimized(visit: Visit) -> Response:
    async with _admitted(visit) as caller:
        visit.record.key_id, visit.record.account_id = caller.key.id, caller.account.id
        try:
            stored = await _kept(visit, caller)
        except errors.Error:
            _count(visit, failed=1)
            raise
    _count(visit)
    found = visit.services.results
    if not faults.wants_json(visit.request):
        return visit.redirect(results.link(stored, found))
    left = None
    if visit.visitor is None:
        left = await visit.services.guests.left(address=visit.address)
    return JSONResponse(results.told(stored, found, left=left))


@asynccontextmanager
async def _admitted(visit: Visit) -> AsyncIterator[Caller]:
    """Give in whose name the picture is worked on, if they may, before anything of it is read."""
    if visit.visitor is None:
        try:
            async with visit.services.guests.admit(address=visit.address) as guest:
                yield guest
        except errors.BadKey as error:  # the account that guests share is disabled
            raise errors.Refused("Sign in to have pictures made small here.") from error
        return
    caller = await visit.spend()
    visit.services.quotas.check(caller=caller)
    yield caller


async def _kept(visit: Visit, caller: Caller) -> Stored:
    async with visit.bodies.form(
        visit.request, max_file_size=caller.plan.max_file_size, file_fields=("image",)
    ) as form:
        if visit.visitor:
            csrf.check(visit.request, form.fields, expected=visit.csrf)
        if form.file is None:
            raise errors.MissingFile("Choose a picture first.")
        kept = await visit.services.optimization.keep(
            caller=caller,
            blob=form.file.blob,
            options=options.wanted(form.fields, visit.request),
            filename=form.file.filename,
            charge_again=False,
            lifetime=None if visit.visitor else guests.LIFETIME,
        )
    stored = kept.stored
    visit.record.made(
        original_size=stored.original_size, result_size=stored.size, cached=kept.cached
    )
    return stored


def _count(visit: Visit, *, failed: int = 0) -> None:
    """Count the picture among what the account did in a browser."""
    record = visit.record
    visit.services.traffic.count(
        account_id=record.account_id,
        key_id=record.key_id,
        api=record.dialect,
        requests=record.images,
        cached=record.cached,
        errors=failed,
        bytes_in=record.original_size,
        bytes_out=record.result_size,
    )
