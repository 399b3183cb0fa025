"""What servers answer: nothing of it is believed, and its bytes are counted while they arrive."""

import asyncio

import httpcore

from pixmill import errors
from pixmill.services.fetching.types import Spend
from pixmill.services.pool.blob import Blob

_REDIRECTS = {301, 302, 303, 307, 308}

#: Pieces that a body may come in whatever its size, and after those, bytes a piece on average. A
#: megabyte in chunks of one byte keeps a core busy for sixteen seconds.
PIECES = 4096
PIECE_SIZE = 256

#: Bytes of an answer that nobody reads, and seconds, for which its sender is heard out.
IGNORED_SIZE = 4096
IGNORED_SECONDS = 1.0


def header(response: httpcore.Response, name: bytes) -> str:
    """Return the header *name*, its values joined as by a list; empty when there is none."""
    values = [value for key, value in response.headers if key.lower() == name]
    return b", ".join(values).decode("utf-8", "replace")


def location(response: httpcore.Response) -> str | None:
    """Return where *response* redirects to, or None when it does not."""
    return header(response, b"location") or None if response.status in _REDIRECTS else None


def check(response: httpcore.Response, *, max_size: int) -> None:
    """Refuse a response without a plain body. Raises FetchFailed, or FileTooLarge."""
    if response.status != 200:
        raise errors.FetchFailed(detail=f"status {response.status}")
    encoding = header(response, b"content-encoding").strip().lower()
    if encoding not in {"", "identity"}:
        # It was not asked for, and a few bytes of it may be gigabytes.
        raise errors.FetchFailed(detail=f"encoding {encoding[:100]}")
    # h11 takes nothing but up to 20 digits here.
    if int(header(response, b"content-length") or 0) > max_size:
        raise errors.FileTooLarge(limit=max_size)


async def receive(response: httpcore.Response, blob: Blob, *, max_size: int, spend: Spend) -> None:
    """Write the body into *blob*. Raises FileTooLarge, FetchFailed, or Busy without memory."""
    pieces = 0
    async for data in response.aiter_stream():
        pieces += 1
        if blob.size + len(data) > max_size:
            raise errors.FileTooLarge(limit=max_size)
        if pieces > PIECES + blob.size // PIECE_SIZE:
            raise errors.FetchFailed(detail="pieces too small")
        spend(len(data))
        try:
            blob.write(data)
        except OSError as error:
            raise errors.Busy(detail=str(error)) from error


async def ignore(response: httpcore.Response) -> None:
    """
    Let the server say the rest of a short answer; throw it away.

    A connection that is closed before looks like a failure to many servers.
    """
    size = 0
    try:
        async with asyncio.timeout(IGNORED_SECONDS):
            async for data in response.aiter_stream():
                size += len(data)
                if size > IGNORED_SIZE:
                    return
    except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError):
        return
