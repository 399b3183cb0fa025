"""An image for a call: from its body, or from a URL that is named there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pixmill.http.dialect import Call
from pixmill.http.multipart import Upload


@asynccontextmanager
async def fetched(call: Call, url: str, *, max_size: int) -> AsyncIterator[Upload]:
    """
    Give what is at *url*, for as long as the block lasts.

    Raises BadUrl, FetchFailed, FileTooLarge or Busy.
    """
    with call.bodies.room() as spend:
        found = await call.services.fetcher.fetch(url, max_size=max_size, spend=spend)
        with found.blob:
            yield Upload(blob=found.blob, filename=found.filename)
