"""ZIP archives: a real server, real programs that read them, and callers who leave."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from pixmill import errors
from pixmill.http import archives
from pixmill.http.archives import AHEAD, PIECE_SIZE, SMALL_SIZE, Member, archive

from fixtures.asgi import serving

pytestmark = pytest.mark.anyio

MOMENT = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
LARGE = 3 * PIECE_SIZE + 17


class Shelf:
    """Members of an archive, and what became of them."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.ended = asyncio.Event()

    def member(
        self, number: int, data: bytes, *, filename: str | None = None, size: int | None = None
    ) -> Member:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                for start in range(0, len(data), 100_000):
                    yield data[start : start + 100_000]
            finally:
                self.closed.append(number)

        async def open_() -> AsyncIterator[bytes]:
            self.opened.append(number)
            return pieces()

        return Member(
            filename=filename or f"{number}.png",
            extension=".webp",
            size=len(data) if size is None else size,
            modified_at=MOMENT,
            open=open_,
        )

    async def give(self, members: Iterable[Member]) -> AsyncIterator[Member]:
        try:
            for member in members:
                yield member
        finally:
            self.ended.set()


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def application(members: Callable[[], AsyncIterator[Member]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await archive(members(), filename="my batch")(scope, receive, send)

    return app


async def run(*command: str) -> int:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    return await process.wait()


async def sent(shelf: Shelf, *members: Member) -> bytes:
    """Return the archive of *members* as it comes over the wire."""
    app = application(lambda: shelf.give(members))
    async with serving(app) as address, httpx.AsyncClient(timeout=60) as client:
        return (await client.get(address)).raise_for_status().content


async def test_an_archive_says_what_it_is(shelf: Shelf) -> None:  # OG-70
    app = application(lambda: shelf.give([shelf.member(1, b"x")]))
    async with serving(app) as address, httpx.AsyncClient() as client:
        answer = await client.get(address)
        head = await client.head(address)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my batch.zip"'
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Type"] == "application/zip"
    assert shelf.opened == [1]  # and not again for the head


async def test_what_was_put_in_comes_out(shelf: Shelf, tmp_path: Path) -> None:  # OG-51
    contents = [b"", b"x" * 1000, bytes(range(256)) * (LARGE // 256), b"", b"y" * SMALL_SIZE]
    names = ["a.png", "größe 写真.png", "../a.jpg", "C:\\a.jpg", None]
    members = [
        shelf.member(number, data, filename=name)
        for number, (data, name) in enumerate(zip(contents, names, strict=True))
    ]
    data = await sent(shelf, *members)

    with ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        assert [found.read(info) for info in found.infolist()] == contents
        assert found.namelist() == [
            "a.webp", "größe 写真.webp", "a-1.webp", "a-2.webp", "4.webp",
        ]  # fmt: skip
        assert {info.date_time for info in found.infolist()} == {(2026, 2, 3, 4, 5, 6)}
        assert {info.external_attr >> 16 for info in found.infolist()} == {0o100644}
    assert sorted(shelf.closed) == [0, 1, 2, 3, 4]
    assert shelf.ended.is_set()
    (tmp_path / "a.zip").write_bytes(data)
    assert await run("unzip", "-t", str(tmp_path / "a.zip")) == 0


async def test_nothing_is_spent_on_compressing(shelf: Shelf) -> None:
    data = await sent(shelf, shelf.member(1, bytes(1_000_000)))

    assert 1_000_000 < len(data) < 1_001_000


async def test_the_order_is_kept(shelf: Shelf) -> None:
    sizes = [1, LARGE, 2, SMALL_SIZE + 1, 3] * 10
    data = await sent(shelf, *(shelf.member(n, bytes(size)) for n, size in enumerate(sizes)))

    with ZipFile(io.BytesIO(data)) as found:
        assert [info.file_size for info in found.infolist()] == sizes


async def test_an_archive_may_be_empty(shelf: Shelf) -> None:
    with ZipFile(io.BytesIO(await sent(shelf))) as found:
        assert found.namelist() == []


async def test_small_members_are_read_while_others_are_sent(shelf: Shelf) -> None:
    barrier = asyncio.Barrier(AHEAD)

    def together(member: Member) -> Member:
        async def open_() -> AsyncIterator[bytes]:
            await barrier.wait()
            return await member.open()

        return Member(
            filename="a", extension=".png", size=member.size, modified_at=MOMENT, open=open_
        )

    await sent(shelf, *(together(shelf.member(n, b"x")) for n in range(2 * AHEAD)))

    assert len(shelf.opened) == 2 * AHEAD


async def test_no_more_is_read_than_is_sent(shelf: Shelf) -> None:
    members = (shelf.member(n, bytes(SMALL_SIZE)) for n in range(200))
    pieces = archives._written(shelf.give(members))
    sizes = [len(await anext(pieces)) for _ in range(20)]

    assert max(sizes) < PIECE_SIZE + 2 * SMALL_SIZE
    assert len(shelf.opened) <= sum(sizes) // SMALL_SIZE + AHEAD + 2
    await pieces.aclose()
    assert shelf.ended.is_set()


@pytest.mark.parametrize("size", [1000, LARGE])
@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
@pytest.mark.parametrize("how", ["gone", "cut off"])
async def test_a_member_that_vanishes_breaks_the_download(
    shelf: Shelf,
    size: int,
    version: str,
    how: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def members() -> AsyncIterator[Member]:
        lost = shelf.member(1, bytes(size), size=size + 1)
        if how == "gone":

            async def open_() -> AsyncIterator[bytes]:
                raise errors.ResultGone(detail="the key")

            lost = Member(filename="b", extension=".png", size=size, modified_at=MOMENT, open=open_)
        whole = [shelf.member(n, bytes(PIECE_SIZE)) for n in (0, 2)]
        return shelf.give([whole[0], lost, whole[1]])

    async with serving(application(members)) as address:
        code = await run("curl", "--silent", version, address)

    assert code in {18, 92}  # a transfer, or a stream, that was not ended
    assert shelf.ended.is_set()
    assert "an answer was cut off" in caplog.text


async def test_nothing_is_left_of_an_archive_whose_caller_hangs_up(shelf: Shelf) -> None:
    endless = (shelf.member(n, bytes(LARGE)) for n in range(100_000))
    async with (
        serving(application(lambda: shelf.give(endless))) as address,
        httpx.AsyncClient(timeout=60) as client,
    ):
        await client.head(address)
        before = asyncio.all_tasks()
        async with client.stream("GET", address) as answer:
            await anext(answer.aiter_raw(1000))
        await asyncio.wait_for(shelf.ended.wait(), 60)

        assert len(shelf.opened) < 1000
        assert sorted(shelf.closed) == sorted(shelf.opened)
        if left := asyncio.all_tasks() - before:
            _, still = await asyncio.wait(left, timeout=60)
            assert not still
