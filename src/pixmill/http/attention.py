"""Whether whoever asked still waits for the answer."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

#: What is logged for a caller who left before the answer was there (nginx's number).
CLIENT_GONE = 499


async def while_wanted(
    handle: Callable[[Request], Coroutine[Any, Any, Response]], request: Request
) -> Response:
    """
    Run *handle*, and cancel it when the caller hangs up.

    Otherwise a picture would be worked on, and charged, for nobody. That the caller left can only
    be heard once the body has been read, because both come through the same channel.
    """
    channel = _Channel(request.receive)
    work = asyncio.create_task(handle(Request(request.scope, channel.receive)))
    gone = asyncio.create_task(channel.gone())
    try:
        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            return work.result()
    finally:
        gone.cancel()
        work.cancel()
        await asyncio.gather(work, return_exceptions=True)
    return Response(status_code=CLIENT_GONE)


class _Channel:
    """The stream of a request's messages, which says when the body is over."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._body_read = asyncio.Event()

    async def receive(self) -> Message:
        message = await self._receive()
        if not message.get("more_body"):
            self._body_read.set()
        return message

    async def gone(self) -> None:
        """Return when the caller has hung up."""
        await self._body_read.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass
