"""
Answers whose pieces are made while they are sent.

Starlette's own StreamingResponse leaves its iterator to the garbage collector when the caller hangs
up, and lasts as long as the iterator does.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from pixmill import errors

log = logging.getLogger(__name__)

#: Seconds in which a caller must have taken what was sent, when the server stops.
LAST_SECONDS = 1.0

_END: Message = {"type": "http.response.body", "body": b"", "more_body": False}


class Stream(Response):
    """
    Sends *pieces* until there are no more, the caller hangs up, or *closing* is set.

    Then *pieces* is closed, and nothing is left running. When it raises, the connection is cut off,
    so that nobody takes what has come for the whole.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        headers: Mapping[str, str],
        closing: asyncio.Event | None = None,
    ) -> None:
        # Without the constructor of Response, which says how long a body is that it has.
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)
        self._pieces = pieces
        self._closing = closing or asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; for a HEAD nothing is made."""
        await send(
            {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        )
        try:
            if scope["method"] == "HEAD" or not await self._send(receive, send):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LAST_SECONDS):
                        await send(_END)
        except errors.Error as error:
            # Without the last message the server cuts the connection off.
            log.warning("an answer was cut off: %s", error, extra={"detail": error.detail})
        finally:
            await self._pieces.aclose()

    async def _send(self, receive: Receive, send: Send) -> bool:
        """Send all pieces. False: the server stops before there is an end of them."""
        sending = asyncio.create_task(self._send_all(send))
        gone = asyncio.create_task(_hung_up(receive))
        closing = asyncio.create_task(self._closing.wait())
        tasks = sending, gone, closing
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if not sending.cancelled():
            sending.result()
            return True
        return not gone.cancelled()

    async def _send_all(self, send: Send) -> None:
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send(_END)


async def close(iterator: AsyncIterator[object]) -> None:
    """Let *iterator* clean up now, if it is of the kind that does."""
    if isinstance(iterator, AsyncGenerator):
        await iterator.aclose()


async def _hung_up(receive: Receive) -> None:
    """Return when the caller has hung up: sending to nobody raises nothing."""
    while (await receive())["type"] != "http.disconnect":
        pass
