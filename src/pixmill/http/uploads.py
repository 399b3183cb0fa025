"""The files of one form while they arrive: in blobs, within the server's memory for them."""

import hashlib
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any

from pixmill import errors
from pixmill.http.multipart import Upload
from pixmill.services.pool.blob import Blob

#: Hears of bytes before they are kept, and raises Busy when there is no room for them.
Spend = Callable[[int], None]
#: Makes room for one file, until the block ends (`pixmill.http.bodies.Bodies.room`).
Room = Callable[[], AbstractContextManager[Spend]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One of the files of a form, all of whose bytes have come."""

    index: int  #: among the files, from 0
    field: str
    filename: str | None  #: as the caller sent it: nothing to open a file with
    size: int
    digest: str  #: SHA-256 of all its bytes, in hexadecimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Received(Part):
    """A file that is there until whoever takes it returns."""

    blob: Blob


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused(Part):
    """A file of which nothing was kept."""

    error: errors.FileTooLarge


#: Takes a file before more of the form is read.
Take = Callable[[Received | Refused], Awaitable[None]]


class OneFile:
    """Keeps the first file of a form; the others are dropped (OP-38)."""

    def __init__(self, *, max_size: int, spend: Spend) -> None:
        self.upload: Upload | None = None
        self._max_size = max_size
        self._spend = spend

    def begin(self, _field: str, filename: str | None) -> bool:
        """Begin a file, unless there is one."""
        if self.upload:
            return False
        self.upload = Upload(blob=Blob(), filename=filename)
        return True

    def write(self, data: bytes) -> None:
        """Keep more of it. Raises Busy, and FileTooLarge as soon as that is certain."""
        assert self.upload
        if self.upload.blob.size + len(data) > self._max_size:
            raise errors.FileTooLarge(limit=self._max_size)
        _keep(self.upload.blob, data, self._spend)

    def end(self) -> None:
        """Make it final, or forget it when it is what a browser sends for an empty input."""
        assert self.upload
        self.upload.blob.seal()
        if self.upload.filename == "" and not self.upload.blob.size:
            self.close()

    def close(self) -> None:
        """Give its memory back."""
        if self.upload:
            self.upload.blob.close()
            self.upload = None


class ManyFiles:
    """
    Keeps each file of a form until it was taken, which is to be before more of the form is read.

    So there is one of them at a time, or a few that are smaller than one piece of a body together.
    """

    def __init__(self, *, max_size: int, max_files: int, room: Room, take: Take) -> None:
        self._max_size = max_size
        self._max_files = max_files
        self._room = room
        self._take = take
        self._count = 0
        self._arriving: _Arrival | None = None
        self._whole: deque[_Arrival] = deque()

    @property
    def waiting(self) -> bool:
        """Say whether there are files to hand over."""
        return bool(self._whole)

    def begin(self, field: str, filename: str | None) -> bool:
        """Begin a file. Raises TooManyFiles when it is one too many."""
        self._arriving = _Arrival(field=field, filename=filename, room=self._room)
        if filename != "":
            self._number(self._arriving)
        return True

    def write(self, data: bytes) -> None:
        """Keep more of it, or nothing once it is too large. Raises Busy or TooManyFiles."""
        assert self._arriving
        if self._arriving.index is None:
            self._number(self._arriving)
        self._arriving.write(data, max_size=self._max_size)

    def end(self) -> None:
        """Make it final, or forget it when it is what a browser sends for an empty input."""
        assert self._arriving
        if self._arriving.index is None:
            self._arriving.close()
        else:
            self._whole.append(self._arriving)
        self._arriving = None

    async def hand_over(self) -> None:
        """Let what is whole be taken, one after the other, and give its memory back."""
        while self._whole:
            await self._take(self._whole[0].part(limit=self._max_size))
            self._whole.popleft().close()

    def close(self) -> None:
        """Give the memory of all files back."""
        for file in (*self._whole, self._arriving):
            if file:
                file.close()

    def _number(self, file: "_Arrival") -> None:
        if self._count == self._max_files:
            raise errors.TooManyFiles(
                f"The request has more than {self._max_files} files, which is as many as one may "
                "have."
            )
        file.index = self._count
        self._count += 1


class _Arrival:
    """A file of which some bytes have come, and the memory that they take."""

    def __init__(self, *, field: str, filename: str | None, room: Room) -> None:
        self.index: int | None = None  #: None: it may still be an input that was left empty
        self._field = field
        self._filename = filename
        self._size = 0
        self._hash = hashlib.sha256()
        self._held = ExitStack()
        self._spend = self._held.enter_context(room())
        self._blob: Blob | None = self._held.enter_context(Blob())

    def write(self, data: bytes, *, max_size: int) -> None:
        self._size += len(data)
        self._hash.update(data)
        if self._size > max_size:
            self.close()
        elif self._blob:
            _keep(self._blob, data, self._spend)

    def part(self, *, limit: int) -> Received | Refused:
        assert self.index is not None
        known: dict[str, Any] = {
            "index": self.index,
            "field": self._field,
            "filename": self._filename,
            "size": self._size,
            "digest": self._hash.hexdigest(),
        }
        if not self._blob:
            return Refused(error=errors.FileTooLarge(limit=limit), **known)
        self._blob.seal()
        return Received(blob=self._blob, **known)

    def close(self) -> None:
        self._blob = None
        self._held.close()


def _keep(blob: Blob, data: bytes, spend: Spend) -> None:
    spend(len(data))
    try:
        blob.write(data)
    except OSError as error:
        raise errors.Busy from error
