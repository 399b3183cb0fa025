"""Request bodies: read as they come, never more of them than is allowed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Literal
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive

from pixmill import errors
from pixmill.http import multipart
from pixmill.http.multipart import FIELDS_SIZE, Form, FormReader

#: How a body is written.
Kind = Literal["multipart", "urlencoded", "json"]

MULTIPART: tuple[Kind, ...] = ("multipart",)

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
        self,
        request: Request,
        *,
        max_file_size: int,
        file_fields: Collection[str] = ("file",),
        kinds: Collection[Kind] = MULTIPART,
    ) -> AsyncIterator[Form]:
        """
        Give what *request* holds, if it is written in one of *kinds*; its file is gone afterwards.

        Raises WrongContentType, FileTooLarge, UploadIncomplete, another BadInput, or Busy when
        the files of all callers would need more memory than there is for them.
        """
        if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
            raise errors.BadInput("The body must not be compressed.")
        content_type = request.headers.get("content-type", "")
        for kind in kinds:
            parse = _PARSERS.get(kind)
            if parse and _media_type(content_type) == MEDIA_TYPES[kind]:
                yield Form(fields=parse(await self._text(request)))
                return
        if "multipart" not in kinds:
            raise errors.WrongContentType
        async with self._multipart(request, content_type, max_file_size, file_fields) as form:
            yield form

    @asynccontextmanager
    async def _multipart(
        self,
        request: Request,
        content_type: str,
        max_file_size: int,
        file_fields: Collection[str],
    ) -> AsyncIterator[Form]:
        boundary = multipart.boundary(content_type)
        if _announced_size(request) > max_file_size + SLACK:
            raise errors.FileTooLarge(limit=max_file_size)
        with self.room() as spend:
            reader = FormReader(
                boundary, file_fields=file_fields, max_file_size=max_file_size, spend=spend
            )
            try:
                await self._read(request.receive, reader, max_file_size=max_file_size)
                yield reader.finish()
            finally:
                reader.close()

    @contextmanager
    def room(self) -> Iterator[Callable[[int], None]]:
        """
        Give what has to hear of the bytes of a file before they are kept, until the block ends.

        It raises Busy when there is no more memory for files.
        """
        spent = 0

        def spend(size: int) -> None:
            nonlocal spent
            if self.held_size + size > self._memory_size:
                raise errors.Busy
            self.held_size += size
            spent += size

        try:
            yield spend
        finally:
            self.held_size -= spent

    async def _text(self, request: Request) -> bytes:
        """Return a body without a file. Raises BadInput when it is larger than any such is."""
        text = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                async for piece in request.stream():
                    text += piece
                    if len(text) > FIELDS_SIZE:
                        raise errors.BadInput(f"The body has more than {FIELDS_SIZE} bytes.")
        except TimeoutError as error:
            raise errors.UploadIncomplete(detail="deadline of the body") from error
        except ClientDisconnect as error:
            raise errors.UploadIncomplete from error
        return bytes(text)

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


def _json(body: bytes) -> dict[str, object]:
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise errors.BadInput("The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise errors.BadInput("The body must be a JSON object.")
    return parsed


def _urlencoded(body: bytes) -> dict[str, object]:
    fields: dict[str, object] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=multipart.MAX_PARTS)
    except ValueError as error:
        raise errors.BadInput("The form cannot be read.") from error
    for name, value in pairs:
        multipart.add(fields, name, value)
    return fields


_PARSERS: dict[Kind, Callable[[bytes], dict[str, object]]] = {
    "json": _json,
    "urlencoded": _urlencoded,
}

#: What a Content-Type calls each.
MEDIA_TYPES: dict[Kind, str] = {
    "multipart": "multipart/form-data",
    "json": "application/json",
    "urlencoded": "application/x-www-form-urlencoded",
}


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _announced_size(request: Request) -> int:
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0
