"""
ZIP archives, written while they are sent (OG-51, OG-70); see docs/adr/0019-zip.md.

Nothing is compressed, because pictures are already. Members are deflated without compression rather
than stored, because what reads an archive as it comes (Java's ZipInputStream, for one) has to see
where a member of unknown checksum ends.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from starlette.responses import Response

from pixmill import errors
from pixmill.http import disposition
from pixmill.http.archive_names import Names
from pixmill.http.streaming import Stream, close

#: Bytes that are sent at once.
PIECE_SIZE = 256 * 1024

#: Members that are read while those before them are sent, and how large these may be: a store
#: across a network takes its time over each of 50,000.
AHEAD = 16
SMALL_SIZE = 128 * 1024

#: An ordinary file that its owner may change and everybody may read.
_MODE = 0o100644 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of an archive."""

    filename: str | None  #: as the caller called the upload
    extension: str  #: with its dot, as the contents deserve
    size: int
    modified_at: datetime
    #: Gives the bytes in pieces; may raise ResultGone.
    open: Callable[[], Awaitable[AsyncIterator[bytes]]]


def archive(members: AsyncIterator[Member], *, filename: str) -> Response:
    """
    Return *members* as one file to be saved under *filename*, which has no extension.

    The connection is cut off when a member cannot be had any more.
    """
    return Stream(
        _written(members),
        media_type="application/zip",
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": disposition.attachment(f"{filename}.zip", "zip"),
        },
    )


class _Sink:
    """What the writer of the archive takes for a file, of the kind in which nobody can go back."""

    def __init__(self) -> None:
        self._buffer = BytesIO()

    @property
    def size(self) -> int:
        return self._buffer.tell()

    def write(self, data: bytes) -> int:
        return self._buffer.write(data)

    def flush(self) -> None:
        """Do nothing: everything is written already."""

    close = flush

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = self._buffer.getvalue()
        self._buffer = BytesIO()
        return data


async def _written(members: AsyncIterator[Member]) -> AsyncGenerator[bytes, None]:
    sink, names = _Sink(), Names()
    archive = ZipFile(sink, "w")
    try:
        async with contextlib.aclosing(_ahead(members)) as prepared:
            async for member, data in prepared:
                pieces = _checked(member, data)
                async with contextlib.aclosing(pieces):
                    with archive.open(_info(member, names), "w") as target:
                        async for piece in pieces:
                            target.write(piece)
                            if sink.size >= PIECE_SIZE:
                                yield sink.take()
                if sink.size >= PIECE_SIZE:
                    yield sink.take()
    except BaseException:
        archive.filelist.clear()  # nobody gets it, so it needs no table of contents
        archive.close()
        raise
    await asyncio.to_thread(archive.close)  # 0.2 s for 50,000 members
    yield sink.take()


def _info(member: Member, names: Names) -> ZipInfo:
    moment = member.modified_at.astimezone(UTC)
    info = ZipInfo(names.give(member.filename, member.extension), moment.timetuple()[:6])
    info.file_size = member.size  # says whether it needs 64 bits
    info.external_attr = _MODE
    info.compress_type = ZIP_DEFLATED
    # It has a public name only from Python 3.13 on.
    info._compresslevel = 0  # type: ignore[attr-defined]  # noqa: SLF001
    return info


async def _ahead(
    members: AsyncIterator[Member],
) -> AsyncGenerator[tuple[Member, bytes | None], None]:
    """Give *members* in their order; the small ones have been read by then."""
    begun: deque[tuple[Member, asyncio.Task[bytes | None]]] = deque()
    try:
        async for member in members:
            begun.append((member, asyncio.create_task(_read_small(member))))
            if len(begun) > AHEAD:
                first, reading = begun.popleft()
                yield first, await reading
        while begun:
            first, reading = begun.popleft()
            yield first, await reading
    finally:
        tasks = [reading for _, reading in begun]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await close(members)


async def _read_small(member: Member) -> bytes | None:
    if member.size > SMALL_SIZE:
        return None
    return b"".join([piece async for piece in await member.open()])


async def _checked(member: Member, data: bytes | None) -> AsyncGenerator[bytes, None]:
    """Give the pieces of *member*; *data*: all of it. Raises ResultGone when some is missing."""
    size = 0
    if data is not None:
        size = len(data)
        yield data
    else:
        pieces = await member.open()
        try:
            async for piece in pieces:
                size += len(piece)
                yield piece
        finally:
            await close(pieces)
    if size != member.size:
        raise errors.ResultGone(detail=f"a member has {size} bytes instead of {member.size}")
