"""Server-sent events: what happens, told while it happens (OG-69)."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from starlette.requests import Request
from starlette.responses import Response

from pixmill.http.streaming import Stream, close

#: Seconds of silence after which proxies begin to take a connection for dead.
HEARTBEAT_SECONDS = 15.0
#: Milliseconds after which a client that lost the connection comes back.
RETRY_MILLISECONDS = 2000

_HEADERS = {
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # nginx would keep events back until it has many
}

_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""

    name: str
    data: object  #: what JSON can say
    id: int | None = None  #: what a client names that wants to hear what came after it


def event_stream(
    events: AsyncIterator[Event],
    *,
    closing: asyncio.Event,
    heartbeat: float = HEARTBEAT_SECONDS,
) -> Response:
    """
    Return *events* as a stream that lasts until they end, the caller hangs up or *closing* is set.

    A client that was cut off comes back by itself, also after the last event, unless it knows that
    one to be the last or is answered 204 then.
    """
    return Stream(
        _frames(events, heartbeat),
        media_type="text/event-stream",
        headers=_HEADERS,
        closing=closing,
    )


def last_event_id(request: Request) -> int | None:
    """Return the last event that a client has heard of, if it comes back and says so."""
    # A browser sends the header by itself, to the same URL as at first; others use the parameter.
    said = request.headers.get("last-event-id") or request.query_params.get("last_event_id", "")
    return int(said) if _ID.fullmatch(said) else None


async def _frames(events: AsyncIterator[Event], heartbeat: float) -> AsyncGenerator[bytes, None]:
    coming: asyncio.Future[Event | None] | None = None
    try:
        yield format_sse_event(retry=RETRY_MILLISECONDS)
        while True:
            coming = coming or asyncio.ensure_future(anext(events, None))
            if not (await asyncio.wait([coming], timeout=heartbeat))[0]:
                yield KEEPALIVE_COMMENT
                continue
            event, coming = coming.result(), None
            if event is None:
                return
            yield format_sse_event(
                event=event.name,
                data_str=json.dumps(event.data, separators=(",", ":")),
                id=None if event.id is None else str(event.id),
            )
    finally:
        if coming:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
        await close(events)
