"""
Stored bytes: files on local disk or objects in S3, each of them whole or not there at all.

A key is a relative path, and what lies there never changes (`pixmill.stores.leases.new_key`). A
file is written beside its place and renamed; a single PUT is atomic in S3. So a reader never sees
half of one, whenever a writer is killed.
"""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from pixmill import errors
from pixmill.stores.files import open_file

Item = TypeVar("Item")

#: The first byte, and the byte after the last.
Part = tuple[int, int]

#: Bytes of a file that are read and sent at once.
CHUNK_SIZE = 256 * 1024

#: Objects that are asked about, or deleted, at one time: each takes a round trip to S3.
AT_ONCE = 64

#: Where something is stored that nobody needs.
_REHEARSAL = "rehearsal/object"

# A slow reader may take minutes over one answer, so the time of a whole request says little;
# the time in which nothing arrives says more.
# The types of these dictionaries do not exist at run time.
_CLIENT = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "10m"}
_RETRY: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}

# What the library has for errors of the operating system is their numbers in the text: ENOSPC,
# EDQUOT, EFBIG. The others are what S3 services answer.
_FULL = re.compile(
    r"os error (28|122|27)\)|XMinioStorageFull|InsufficientStorage|507 Insufficient Storage"
)

# How the library calls a file that it is writing: the key, then this and a number.
_STAGED = re.compile(r"#\d+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Access:
    """How to reach an S3 service. What is empty is what the usual AWS_* variables or roles say."""

    endpoint: str = ""
    region: str = ""
    access_key_id: str = ""
    secret_access_key: str = field(default="", repr=False)


class Objects:
    """The files at one URL: ``file:///folder`` or ``s3://bucket/prefix``."""

    def __init__(self, url: str, *, access: S3Access | None = None) -> None:
        parts = urlsplit(url)
        path = unquote(parts.path)
        self._folder: Path | None = None
        self._store: LocalStore | S3Store
        if parts.scheme == "file" and not parts.netloc and path.startswith("/"):
            self._folder = Path(path)
            self._store = _local(self._folder)
        elif parts.scheme == "s3" and parts.netloc:
            self._store = _s3(parts.netloc, path.strip("/"), access or S3Access())
        else:
            raise errors.Internal(
                "The storage URL must be file:///FOLDER or s3://BUCKET/PREFIX; "
                "see PIXMILL_STORAGE_URL."
            )

    async def put(self, key: str, data: bytes) -> None:
        """
        Store *data* at *key*, in place of what lies there.

        Raises StorageFull when there is no room, and then nothing is left of it.
        """
        with worded(absent=errors.Unavailable):  # it is the bucket that is
            # In parts it would be no quicker at these sizes, and a writer who dies would leave
            # parts behind that S3 hides and bills.
            await obstore.put_async(self._store, key, data, use_multipart=False)

    async def rehearse(self) -> None:
        """Store something and delete it. Raises Unavailable, and StorageFull."""
        await self.put(_REHEARSAL, b"Can this be written?")
        await self.delete([_REHEARSAL])

    async def open(self, key: str, *, size: int, part: Part | None = None) -> AsyncIterator[bytes]:
        """
        Return the bytes at *key*, or a part of them, in pieces.

        Raises ResultGone at once, before the first piece, when nothing lies there, or something of
        another *size*: what a power failure leaves of a file.
        """
        with worded():
            if self._folder:
                path = f"{self._folder}/{key}"
                return _pieces(await open_file(path, size=size, part=part))
            # Not asked for a whole file: some S3 services answer it as if it were none.
            options: Any = {"range": part} if part else None
            found = await obstore.get_async(self._store, key, options=options)
            if found.meta["size"] != size:
                raise errors.ResultGone(detail=f"{key} has {found.meta['size']} bytes")
            stream = found.stream(min_chunk_size=CHUNK_SIZE)
        return _pieces(aiter(stream))

    async def read(self, key: str) -> bytes:
        """Return all bytes at *key*. Raises ResultGone."""
        with worded():
            return bytes(await (await obstore.get_async(self._store, key)).bytes_async())

    async def size(self, key: str) -> int | None:
        """Return how many bytes lie at *key*; None when nothing does."""
        try:
            with worded():
                return (await obstore.head_async(self._store, key))["size"]
        except errors.ResultGone:
            return None

    async def missing(self, sized: Iterable[tuple[str, int]]) -> set[str]:
        """
        Return those of the keys where nothing lies, or something of another size than is named.

        For thousands at once: a look at 50,000 files costs 0.3 s of a thread. Raises Unavailable.
        """
        if self._folder:
            with worded():
                return await asyncio.to_thread(_missing, self._folder, list(sized))
        gone: set[str] = set()

        async def look(item: tuple[str, int]) -> None:
            key, size = item
            if await self.size(key) != size:
                gone.add(key)

        await _many(look, sized)
        return gone

    async def delete(self, keys: Iterable[str]) -> None:
        """Delete what lies at *keys*, if anything does."""

        async def delete_one(key: str) -> None:
            try:
                with worded():
                    await obstore.delete_async(self._store, key)
            except errors.ResultGone:
                pass

        await _many(delete_one, keys)

    async def tidy(self, *, before: datetime) -> int:
        """
        Remove what writers who died before that moment left half written; return how many.

        Only local disk has such files. They are in nobody's way but take room.
        """
        folder = self._folder
        return await asyncio.to_thread(_tidy, folder, before) if folder else 0


def _local(folder: Path) -> LocalStore:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise errors.Internal(
            "The data directory, or the folder that PIXMILL_STORAGE_URL names, cannot be made.",
            detail=str(error),
        ) from error
    return LocalStore(folder)


def _s3(bucket: str, prefix: str, access: S3Access) -> S3Store:
    # Whatever is not said here is left to the library, which knows the usual ways to find it out.
    config: Any = {name: value for name, value in asdict(access).items() if value}
    client: Any = _CLIENT | {"allow_http": access.endpoint.startswith("http://")}
    with worded():
        return S3Store(
            bucket, prefix=prefix or None, config=config, client_options=client, retry_config=_RETRY
        )


async def _pieces(stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with worded():
        async for piece in stream:
            yield bytes(piece)


async def _many(work: Callable[[Item], Awaitable[None]], items: Iterable[Item]) -> None:
    """Do *work* with all *items*, some at one time, and then raise the first error there was."""
    rest = iter(items)

    async def some() -> None:
        for item in rest:
            await work(item)

    for failure in await asyncio.gather(*(some() for _ in range(AT_ONCE)), return_exceptions=True):
        if failure:
            raise failure


def _missing(folder: Path, sized: Iterable[tuple[str, int]]) -> set[str]:
    return {key for key, size in sized if _size(f"{folder}/{key}") != size}


def _size(path: str) -> int | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - half the time of a Path
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _tidy(folder: Path, before: datetime) -> int:
    count = 0
    for path in folder.glob("*/*#*"):
        if _STAGED.search(path.name) and path.stat().st_mtime < before.timestamp():
            path.unlink(missing_ok=True)
            count += 1
    return count


@contextmanager
def worded(*, absent: type[errors.Error] = errors.ResultGone) -> Iterator[None]:
    """Turn what the library says into our own words; *absent* is said of what is not there."""
    try:
        yield
    except FileNotFoundError as error:
        raise absent(detail=_short(error)) from error
    except (BaseError, OSError) as error:
        kind = errors.StorageFull if _FULL.search(str(error)) else errors.Unavailable
        raise kind(detail=_short(error)) from error


def _short(error: Exception) -> str:
    """Return the library's sentence without the dump of its insides that follows."""
    return str(error).partition("\n\nDebug source")[0]
