"""Optimagio's jobs: one image that is worked on while nobody holds a connection."""

import asyncio
import json
from collections.abc import Mapping

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.optimagio import answers, images, intake, options, replies
from pixmill.http import fields, native
from pixmill.http.dialect import Call
from pixmill.http.fingerprints import fingerprint
from pixmill.http.multipart import Form, Upload
from pixmill.http.uploads import Part
from pixmill.services.cache import digest_of
from pixmill.services.idempotency import Claim, Remembered
from pixmill.services.jobs.types import Accepted, Item, Job, Order

NAME = "optimagio"

#: Said with a job that is not over (OG-76).
SOON = {"Retry-After": "1"}


async def submit_job(call: Call) -> Response:
    """Accept an image as a job."""
    async with images.form(call) as form:
        return await queue(call, form)


async def job(call: Call) -> Response:
    """Say how a job stands, and what came of it."""
    report = await call.services.jobs.find(
        id_=call.request.path_params["id"], account_id=call.caller.account.id
    )
    answer = answers.job(report, links=answers.Links.of(call))
    return JSONResponse(answer, headers=SOON if answer["progress"] < 100 else None)


async def cancel_job(call: Call) -> Response:
    """Cancel a job on which nobody works yet (OG-77)."""
    report = await call.services.jobs.cancel(
        id_=call.request.path_params["id"], account_id=call.caller.account.id
    )
    return JSONResponse(answers.job(report, links=answers.Links.of(call)))


async def queue(call: Call, form: Form) -> Response:
    """Accept the image of *form* as a job; if it has an ``Idempotency-Key``, once."""
    if not replies.key(call):
        return _sent(await _accepted(call, form, None, ""))
    async with replies.claimed(call) as begun:
        contents = await _contents(call, form)
        if isinstance(begun, Remembered):
            remembered = call.services.idempotency.replay(begun, fingerprint=contents)
            return _sent(remembered.body, headers=replies.REPLAYED)
        return _sent(await _accepted(call, form, begun, contents))


async def _contents(call: Call, form: Form) -> str:
    """Return the fingerprint of the request."""
    parts = []
    if form.file:
        blob = form.file.blob
        digest = await asyncio.to_thread(digest_of, blob)
        name = form.file.filename
        parts = [Part(index=0, field="image", filename=name, size=blob.size, digest=digest)]
    request = call.request
    return fingerprint(
        method=request.method, path=request.url.path, fields=form.fields, parts=parts
    )


async def _accepted(call: Call, form: Form, claim: Claim | None, contents: str) -> str:
    """Accept the image of *form* as a job, and return the answer."""
    order = Order(
        dialect=NAME,
        base_url=call.base_url,
        items=[await _item(call, form)],
        free_repeats=True,  # OG-25
        webhook_url=webhook_url(call, form.fields),
    )
    links = answers.Links.of(call)

    def write(accepted: Accepted) -> str:
        return replies.write(answers.queued(_only(accepted), links=links))

    idempotency = call.services.idempotency
    accepted = await call.services.jobs.submit(
        caller=call.caller,
        order=order,
        receipt=idempotency.receipt(claim, fingerprint=contents, status=202, write=write),
    )
    return write(accepted)


async def _item(call: Call, form: Form) -> Item:
    """Return what is to be worked on, after what can be seen of it now was checked."""
    parsed = options.wanted(form.fields)
    wanted = (native.wish(parsed, form.fields, call.request).options,)
    committed = fields.truth(form.fields, "storage_commit", default=False)
    found = images.source(form)
    call.services.quotas.check(caller=call.caller)
    if isinstance(found, Upload):
        blob = found.blob
        await asyncio.to_thread(call.services.optimization.check, blob=blob, options=wanted[0])
        return Item(
            wanted=wanted,
            key=await call.services.uploads.keep(blob),
            size=blob.size,
            filename=found.filename,
            committed=committed,
        )
    call.services.fetcher.check(found)
    return Item(wanted=wanted, url=found, filename=intake.named(found), committed=committed)


def webhook_url(call: Call, given: Mapping[str, object]) -> str | None:
    """Return where the end is to be told (OG-78). Raises BadUrl."""
    url = fields.text(given, "webhook_url")
    if url:
        call.services.webhooks.check(url)
    return url


def _only(accepted: Accepted) -> Job:
    [item] = accepted.items
    if isinstance(item, errors.Error):
        raise item
    return item


def _sent(body: str, *, headers: Mapping[str, str] | None = None) -> Response:
    location = json.loads(body)["status_url"]
    return replies.send(body, headers={"Location": location, **(headers or {})})
