"""Tinify's operations: parse, call, write."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.dialects.tinify import commands
from pixmill.http import fields, intake
from pixmill.http.bodies import json_object
from pixmill.http.dialect import Call
from pixmill.http.downloads import download
from pixmill.http.multipart import FIELDS_SIZE
from pixmill.services.buckets import Target
from pixmill.services.outcome import Outcome
from pixmill.services.pool.blob import Blob
from pixmill.services.results import Stored

#: What JSON begins with, and no image does.
_OBJECT = b"{"

#: How a field looks in JSON before its value is known.
_SPACE = b" \t\r\n"


async def shrink(call: Call) -> Response:
    """Compress an image, and keep both for a while."""
    sources = call.services.sources
    async with _image(call) as blob:
        info = await sources.look(blob)
        taken = await sources.take(
            caller=call.caller, blob=blob, info=info, options=commands.plain(info.format)
        )
    source, made = taken.source, taken.optimized
    call.record.made(original_size=source.size, result_size=made.size)
    await _count(call)
    path = f"/output/{sources.name(source)}"
    url = f"{call.base_url}{path}"
    told = {
        "input": {"size": source.size, "type": source.mime},
        "output": {
            "size": made.size,
            "type": made.mime,
            "width": made.width,
            "height": made.height,
            "ratio": round(made.size / source.size, 4),
            "url": url,
        },
    }
    # The official clients put their own base before anything that does not begin with https.
    location = url if url.startswith("https:") else path
    return JSONResponse(told, 201, headers={"Location": location})


async def output(call: Call) -> Response:
    """Send a compressed image to whoever has its link, or make something else of it."""
    given = await _commands(call)
    if given and call.authenticated is None:
        raise errors.BadKey
    if given:
        # Downloads do not count against the minute, but this is work.
        call.record.allowance = await call.services.limits.spend(caller=call.caller)
    source = await _source(call)
    return await (_made(call, source, given) if given else _plain(call, source))


async def make(call: Call) -> Response:
    """Make something else of an image that was sent before."""
    given = await _commands(call)
    source = await _source(call)
    return await (_made(call, source, given) if given else _plain(call, source))


async def key(call: Call) -> Response:
    """Say whether a key works."""
    try:
        found = await call.services.keys.authenticate(presented=call.request.path_params["key"])
    except errors.BadKey as error:
        raise errors.NotFound from error
    if found.account.id != call.caller.account.id:
        raise errors.NotFound
    month = await call.services.usage.month(caller=found, per=found.plan.quota_per)
    left = {} if month.remaining is None else {"Compression-Count-Remaining": str(month.remaining)}
    return JSONResponse({}, headers=left)


@asynccontextmanager
async def _image(call: Call) -> AsyncIterator[Blob]:
    """Give the image in the body, or at the URL that is named there."""
    limit = call.caller.plan.max_file_size
    async with call.bodies.raw(call.request, max_size=limit) as body:
        given = _named(body)
        if given is None:
            yield body
            return
    source = given.get("source")
    url = fields.text(source, "url") if isinstance(source, dict) else None
    if url is None:
        raise errors.MissingFile
    async with intake.fetched(call, url, max_size=limit) as upload:
        if not upload.blob.size:
            raise errors.MissingFile
        yield upload.blob


def _named(body: Blob) -> Mapping[str, object] | None:
    """Return the JSON in *body*; None when it is an image. Raises MissingFile, and BadInput."""
    if not body.size:
        raise errors.MissingFile
    with body.view() as data:
        if not data[:64].lstrip(_SPACE).startswith(_OBJECT):
            return None
        if body.size > FIELDS_SIZE:
            raise errors.BadInput(f"The body has more than {FIELDS_SIZE} bytes.")
        return json_object(bytes(data[:]))


async def _commands(call: Call) -> Mapping[str, object]:
    """Return what the body asks for, if anything, whatever its Content-Type says."""
    async with call.bodies.raw(call.request, max_size=FIELDS_SIZE) as body:
        return json_object(body.read())


async def _source(call: Call) -> Stored:
    """Return what the path names; for somebody who is known, only their own. Raises NotFound."""
    source = await call.services.sources.find(call.request.path_params["id"])
    if call.authenticated and call.caller.account.id != source.account_id:
        raise errors.NotFound
    return source


async def _plain(call: Call, source: Stored) -> Response:
    stored = await call.services.sources.optimized(source, commands.plain(source.format))
    if call.authenticated:
        await _count(call)
    answer = await download(call.request, stored, call.services.results, show="inline")
    answer.headers.update(_size(stored))
    return answer


async def _made(call: Call, source: Stored, given: Mapping[str, object]) -> Response:
    order = commands.order(given, format_=source.format)
    delivery = _Delivery(call=call, target=order.target)
    delivery.check()
    outcome = await call.services.sources.make(
        caller=call.caller,
        source=source,
        options=order.options,
        count=order.count,
        facts=order.facts,
        finish=delivery.finish,
    )
    call.record.made(original_size=source.size, result_size=len(outcome.data), count=order.count)
    await _count(call)
    if delivery.location is not None:
        return Response(headers=_size(outcome) | {"Location": delivery.location})
    return Response(outcome.data, media_type=outcome.mime, headers=_size(outcome))


@dataclass(slots=True, kw_only=True)
class _Delivery:
    """Puts a result where it was wanted, if that is not in the answer."""

    call: Call
    target: Target | None
    location: str | None = None

    def check(self) -> None:
        if self.target:
            self.call.services.buckets.check(self.target)

    async def finish(self, outcome: Outcome) -> Outcome:
        if self.target:
            self.location = await self.call.services.buckets.put(
                self.target, data=outcome.data, mime=outcome.mime
            )
        return outcome


async def _count(call: Call) -> None:
    """Find out what the answer says was used."""
    month = await call.services.usage.month(caller=call.caller, per=call.caller.plan.quota_per)
    call.record.used = month.requests


def _size(made: Stored | Outcome) -> dict[str, str]:
    return {"Image-Width": str(made.width), "Image-Height": str(made.height)}
