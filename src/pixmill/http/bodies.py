"""Request bodies: read as they come, never more of them than is allowed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request
from starlette.types import Receive

from pixmill import errors
from pixmill.http import multipart
from pixmill.http.multipart import Form, FormReader

#: Bytes that a form may have beside its file: text fields, headers of parts, boundaries.
SLACK = 1024 * 1024


class Bodies:
    """Reads bodies within this server's limits of time and memory."""

    def __init__(self, *, timeout: float, memory_size: int) -> None:
        self._timeout = timeout
        self._memory_size = memory_size
        #: Bytes of all files that are held at this moment.
        self.held_size = 0

    @asynccontextmanager
    async def form(
        self, request: Request, *, max_file_size: int, file_field: str = "file"
    ) -> AsyncIterator[Form]:
        """
        Give the multipart form of *request*; its file is gone afterwards.

        Raises WrongContentType, FileTooLarge, UploadIncomplete, another BadInput, or Busy when
        the files of all callers would need more memory than there is for them.
        """
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise errors.BadInput("The body must not be compressed.")
        boundary = multipart.boundary(request.headers.get("content-type", ""))
        most = max_file_size + SLACK
        if _announced_size(request) > most:
            raise errors.FileTooLarge(limit=max_file_size)
        spent = 0

        def spend(size: int) -> None:
            nonlocal spent
            if self.held_size + size > self._memory_size:
                raise errors.Busy
            self.held_size += size
            spent += size

        reader = FormReader(
            boundary, file_field=file_field, max_file_size=max_file_size, spend=spend
        )
        try:
            await self._read(request.receive, reader, max_file_size=max_file_size)
            yield reader.finish()
        finally:
            reader.close()
            self.held_size -= spent

    async def _read(self, receive: Receive, reader: FormReader, *, max_file_size: int) -> None:
        read_size = 0
        try:
            async with asyncio.timeout(self._timeout):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise errors.UploadIncomplete
                    data = message.get("body", b"")
                    read_size += len(data)
                    if read_size > max_file_size + SLACK:
                        raise errors.FileTooLarge(limit=max_file_size)
                    reader.feed(data)
                    if not message.get("more_body"):
                        return
        except TimeoutError as error:
            raise errors.UploadIncomplete(detail="deadline of the upload") from error


def _announced_size(request: Request) -> int:
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0
