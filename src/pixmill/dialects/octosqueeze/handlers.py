"""OctoSqueeze's operations: parse, call, write."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.responses import Response

from pixmill import clock, errors
from pixmill.dialects.octosqueeze import answers, items, options, words
from pixmill.dialects.octosqueeze.options import Asked
from pixmill.engine.types import Options
from pixmill.http import fields
from pixmill.http.dialect import Call
from pixmill.http.downloads import download as send
from pixmill.http.intake import fetched
from pixmill.http.multipart import Form, Upload
from pixmill.services.results import Stored

log = logging.getLogger(__name__)

#: What an id looks like. Anything else is no id, and the database need not hear of it.
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def compress(call: Call) -> Response:
    """Make an image smaller, or another format, and keep it for a day."""
    limit = call.caller.plan.max_file_size
    async with call.bodies.form(
        call.request, max_file_size=limit, kinds=("multipart", "json", "urlencoded")
    ) as form:
        asked = options.asked(form.fields, call.request)
        async with _image(call, form, max_size=limit) as upload:
            main = await _keep(call, upload, asked.options)
            variants = await _variants(call, upload, asked, main)
    data = {**asked.labels, **answers.result(answers.links(call), main)}
    return words.envelope(data | {"formats": variants} if variants else data)


async def status(call: Call) -> Response:
    """Tell of an image that was compressed before, or that is still to be."""
    links = answers.links(call)
    try:
        report = await call.services.jobs.find(id_=_id(call), account_id=call.caller.account.id)
    except errors.NotFound:
        return words.envelope(answers.earlier(links, await _own(call)))
    return words.envelope(items.item(links, report))


async def download(call: Call) -> Response:
    """Send an image to the account that it was compressed for."""
    try:
        return await send(call.request, await _own(call), call.services.results)
    except errors.NotFound as error:
        raise errors.NotFound(words.NO_FILE) from error


async def signed_download(call: Call) -> Response:
    """Send an image to whoever has the link."""
    at = call.request.path_params
    try:
        stored = await call.services.results.linked(id_=at["id"], token=at["signature"])
        return await send(call.request, stored, call.services.results)
    except errors.NotFound as error:
        raise errors.NotFound(words.NO_FILE) from error


async def usage(call: Call) -> Response:
    """Tell what was used this month, and today."""
    caller = call.caller
    month = await call.services.usage.month(caller=caller, per=caller.plan.quota_per)
    today = await call.services.limits.today(caller=caller)
    return words.envelope(answers.usage(caller, month, today))


async def account(call: Call) -> Response:
    """Tell who is served, and under which terms."""
    caller, now = call.caller, clock.now()
    keys = await call.services.keys.all(account=caller.account.id)
    active = [
        key
        for key in keys
        if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
    ]
    return words.envelope(answers.account(caller, active_keys=len(active)))


@asynccontextmanager
async def _image(call: Call, form: Form, *, max_size: int) -> AsyncIterator[Upload]:
    """Give the file that was sent, or what is at the URL that was (OS-13, OS-14)."""
    if form.file:
        yield form.file
        return
    url = fields.text(form.fields, "url")
    if url is None:
        raise errors.MissingFile
    async with fetched(call, url, max_size=max_size) as upload:
        yield upload


async def _keep(call: Call, upload: Upload, wanted: Options) -> Stored:
    kept = await call.services.optimization.keep(
        caller=call.caller, blob=upload.blob, options=wanted, filename=upload.filename
    )
    stored = kept.stored
    call.record.made(
        original_size=stored.original_size, result_size=stored.size, cached=kept.cached
    )
    return stored


async def _variants(call: Call, upload: Upload, asked: Asked, main: Stored) -> dict[str, Any]:
    """
    Return the image in each of the formats that were listed (OS-34).

    The main result has been charged for, so none of the others can make the call fail: what went
    wrong is told in its place.
    """
    links = answers.links(call)

    async def variant(name: str) -> dict[str, Any]:
        if name == asked.options.format:
            return answers.variant(links, main)
        try:
            return answers.variant(links, await _keep(call, upload, asked.of(name)))
        except errors.Error as error:
            level = logging.ERROR if isinstance(error, errors.Internal) else logging.INFO
            log.log(level, "no %s: %s", name, error, extra={"detail": error.detail})
            return {"error": words.told(error)}

    made = await asyncio.gather(*map(variant, asked.formats))
    return dict(zip(asked.formats, made, strict=True))


async def _own(call: Call) -> Stored:
    """Return the caller's result whose id is in the path. Raises NotFound (OS-58)."""
    return await call.services.results.find(id_=_id(call), account_id=call.caller.account.id)


def _id(call: Call) -> str:
    id_: str = call.request.path_params["id"]
    if not _ID.fullmatch(id_):
        raise errors.NotFound
    return id_
