"""Request bodies: read as they come, never more of them than is allowed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from typing import Literal
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from pixmill import errors
from pixmill.http import multipart
from pixmill.http.multipart import FIELDS_SIZE, Form, FormReader
from pixmill.http.uploads import ManyFiles, OneFile, Take
from pixmill.services.pool.blob import Blob

#: How a body is written.
Kind = Literal["multipart", "urlencoded", "json"]

MULTIPART: tuple[Kind, ...] = ("multipart",)

#: Bytes that a form may have beside its files: text fields, headers of parts, boundaries.
SLACK = 1024 * 1024


class Bodies:
    """Reads bodies within this server's limits of time and memory."""

    def __init__(self, *, timeout: float, memory_size: int) -> None:
        self._timeout = timeout
        self._memory_size = memory_size
        #: Bytes of all files that are held at this moment.
        self.held_size = 0

    @asynccontextmanager
    async def form(  # noqa: PLR0913 - each of them says one thing
        self,
        request: Request,
        *,
        max_file_size: int,
        file_fields: Collection[str] = ("file",),
        kinds: Collection[Kind] = MULTIPART,
        max_text_size: int = FIELDS_SIZE,
        lists: Collection[str] = (),
    ) -> AsyncIterator[Form]:
        """
        Give what *request* holds, if it is written in one of *kinds*; its file is gone afterwards.

        A body without a file has at most *max_text_size* bytes. Fields called as one of *lists*
        make a list, also when they are not called ``name[]``.

        Raises WrongContentType, FileTooLarge, UploadIncomplete, another BadInput, or Busy when
        the files of all callers would need more memory than there is for them.
        """
        _refuse_compressed(request)
        content_type = request.headers.get("content-type", "")
        for kind in kinds:
            parse = _PARSERS.get(kind)
            if parse and _media_type(content_type) == MEDIA_TYPES[kind]:
                text = await self._text(request, max_size=max_text_size)
                yield Form(fields=parse(text, lists))
                return
        if "multipart" not in kinds:
            raise errors.WrongContentType
        form = self._multipart(request, content_type, max_file_size, file_fields, lists)
        async with form as read:
            yield read

    async def files(  # noqa: PLR0913 - each of them says one thing
        self,
        request: Request,
        *,
        max_file_size: int,
        max_files: int,
        file_fields: Collection[str],
        take: Take,
        lists: Collection[str] = (),
    ) -> dict[str, object]:
        """
        Let each file of the form that *request* holds be taken, and return its text fields.

        No more is read before *take* has returned, and then the file is gone: so many of them need
        no more memory than one. A file that is too large is not kept but refused by itself. Each
        may take as long to arrive as a whole body does otherwise.

        Raises TooManyFiles as soon as one too many begins, FileTooLarge when all of them together
        are larger than so many files can be, and what `form` raises.
        """
        _refuse_compressed(request)
        files = ManyFiles(max_size=max_file_size, max_files=max_files, room=self.room, take=take)
        with closing(files):
            reader = FormReader(
                multipart.boundary(request.headers.get("content-type", "")),
                file_fields=file_fields,
                files=files,
                lists=lists,
            )
            await self._read(request, reader, limit=max_file_size, count=max_files, many=files)
        return reader.fields

    @asynccontextmanager
    async def raw(self, request: Request, *, max_size: int) -> AsyncIterator[Blob]:
        """
        Give the whole body, whatever its Content-Type says; it is gone afterwards.

        Raises FileTooLarge, UploadIncomplete, another BadInput, or Busy as `form` does.
        """
        _refuse_compressed(request)
        if _announced_size(request) > max_size:
            raise errors.FileTooLarge(limit=max_size)
        with self.room() as spend, closing(OneFile(max_size=max_size, spend=spend)) as file:
            file.begin("file", None)
            try:
                async with asyncio.timeout(self._timeout):
                    async for piece in request.stream():
                        file.write(piece)
            except TimeoutError as error:
                raise errors.UploadIncomplete(detail="deadline of the upload") from error
            except ClientDisconnect as error:
                raise errors.UploadIncomplete from error
            file.end()
            assert file.upload
            yield file.upload.blob

    @asynccontextmanager
    async def _multipart(
        self,
        request: Request,
        content_type: str,
        max_file_size: int,
        file_fields: Collection[str],
        lists: Collection[str],
    ) -> AsyncIterator[Form]:
        boundary = multipart.boundary(content_type)
        with self.room() as spend, closing(OneFile(max_size=max_file_size, spend=spend)) as file:
            reader = FormReader(boundary, file_fields=file_fields, files=file, lists=lists)
            await self._read(request, reader, limit=max_file_size)
            yield Form(file=file.upload, fields=reader.fields)

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

    async def _text(self, request: Request, *, max_size: int) -> bytes:
        """Return a body without a file. Raises BadInput when it is larger than any such is."""
        text = bytearray()
        try:
            async with asyncio.timeout(self._timeout):
                async for piece in request.stream():
                    text += piece
                    if len(text) > max_size:
                        raise errors.BadInput(f"The body has more than {max_size} bytes.")
        except TimeoutError as error:
            raise errors.UploadIncomplete(detail="deadline of the body") from error
        except ClientDisconnect as error:
            raise errors.UploadIncomplete from error
        return bytes(text)

    async def _read(
        self,
        request: Request,
        reader: FormReader,
        *,
        limit: int,
        count: int = 1,
        many: ManyFiles | None = None,
    ) -> None:
        """Read a form of *count* files of *limit* bytes, each of *many* within the deadline."""
        most = count * limit + SLACK
        if _announced_size(request) > most:
            raise errors.FileTooLarge(limit=limit)
        read_size = 0
        try:
            async with asyncio.timeout(self._timeout) as deadline:
                more = True
                while more:
                    message = await request.receive()
                    if message["type"] == "http.disconnect":
                        raise errors.UploadIncomplete
                    data = message.get("body", b"")
                    read_size += len(data)
                    if read_size > most:
                        raise errors.FileTooLarge(limit=limit)
                    reader.feed(data)
                    if many and many.waiting:
                        deadline.reschedule(None)  # how long this takes is not up to the caller
                        await many.hand_over()
                        deadline.reschedule(asyncio.get_running_loop().time() + self._timeout)
                    more = message.get("more_body", False)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise errors.UploadIncomplete(detail="deadline of the upload") from error
        reader.finish()


def json_object(body: bytes) -> dict[str, object]:
    """Return the JSON object that *body* is; an empty one is an empty object. Raises BadInput."""
    try:
        parsed = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise errors.BadInput("The body is not JSON.") from error
    if not isinstance(parsed, dict):
        raise errors.BadInput("The body must be a JSON object.")
    return parsed


def _urlencoded(body: bytes, lists: Collection[str]) -> dict[str, object]:
    fields: dict[str, object] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=multipart.MAX_PARTS)
    except ValueError as error:
        raise errors.BadInput("The form cannot be read.") from error
    for name, value in pairs:
        multipart.add(fields, name, value, lists=lists)
    return fields


_PARSERS: dict[Kind, Callable[[bytes, Collection[str]], dict[str, object]]] = {
    "json": lambda body, _lists: json_object(body),
    "urlencoded": _urlencoded,
}

#: What a Content-Type calls each.
MEDIA_TYPES: dict[Kind, str] = {
    "multipart": "multipart/form-data",
    "json": "application/json",
    "urlencoded": "application/x-www-form-urlencoded",
}


def _refuse_compressed(request: Request) -> None:
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise errors.BadInput("The body must not be compressed.")


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _announced_size(request: Request) -> int:
    announced = request.headers.get("content-length", "")
    return int(announced) if announced.isascii() and announced.isdigit() else 0
