"""
An answer that is given before the body was read still reaches the caller.

Closing a connection on which data is arriving makes the kernel send a reset, and a reset throws
away the answer on its way: of 15 uploads by Node to a server that answered 413 at once, 7 ended in
EPIPE. So the answer is sent, and what still arrives is read and dropped, for a while (nginx calls
this lingering close).
"""

import asyncio
import contextlib

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: Bytes that are read and dropped at most.
LINGER_SIZE = 64 * 1024 * 1024
#: Seconds that this takes at most, and that nothing may arrive.
LINGER_SECONDS = 30.0
IDLE_SECONDS = 5.0


class Lingering:
    """Drops the rest of a body that the application did not want to read."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # In HTTP/2 a body needs no header to announce it, and its end is told at once.
        streams = scope["http_version"].startswith("2")
        waiting = streams or _announces_body(scope)
        asked = False

        async def watched_receive() -> Message:
            nonlocal waiting, asked
            asked = True
            message = await receive()
            waiting = waiting and bool(message.get("more_body"))
            return message

        async def lingering_send(message: Message) -> None:
            if message["type"] == "http.response.start" and waiting and not streams:
                # HTTP/1 has no way to leave out the rest of a body and go on.
                MutableHeaders(scope=message)["Connection"] = "close"
            last = message["type"] == "http.response.body" and not message.get("more_body")
            # Who waits for "100 Continue" sends nothing after another answer.
            if not last or not waiting or (not asked and b"expect" in dict(scope["headers"])):
                await send(message)
                return
            # A server that has sent as much as it announced closes, whatever comes in.
            body = message.get("body", b"")
            await send({**message, "body": body[:-1], "more_body": True})
            await _drop(watched_receive)
            await send({"type": "http.response.body", "body": body[-1:]})

        await self._app(scope, watched_receive, lingering_send)


def _announces_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


async def _drop(receive: Receive) -> None:
    dropped = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            while dropped < LINGER_SIZE:
                async with asyncio.timeout(IDLE_SECONDS):
                    message = await receive()
                dropped += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
