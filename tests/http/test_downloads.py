"""Downloads: a real server, a real store, and requests as they come over the wire."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import Response

from pixmill import errors
from pixmill.cli.serve import _address, _Server, listen
from pixmill.http import ranges
from pixmill.http.downloads import download
from pixmill.services.keys import Keys
from pixmill.services.links import Links
from pixmill.services.outcome import Outcome
from pixmill.services.results import Results, Retention, Stored
from pixmill.services.secret import Secret
from pixmill.stores.db import Database
from pixmill.stores.objects import Objects

pytestmark = pytest.mark.anyio

DATA = bytes(range(256)) * 4000  # several pieces
SIZE = len(DATA)
ETAG = f'"{hashlib.sha256(DATA).hexdigest()}"'


class Window:
    """A server that hands out the results of one account, and somebody who asks it."""

    def __init__(self, results: Results, account_id: str, client: httpx.AsyncClient) -> None:
        self.results = results
        self.account_id = account_id
        self.client = client

    async def keep(self, **details: Any) -> Stored:
        stored, _ = await self.results.keep(
            account_id=self.account_id, cache_key="0", outcome=outcome(), **details
        )
        return stored

    async def ask(
        self, stored: Stored, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> httpx.Response:
        path = f"/files/{stored.id}/{self.results.link(stored)}"
        return await self.client.request(method, path, headers=headers)


def outcome() -> Outcome:
    return Outcome(
        data=DATA,
        format="webp",
        mime="image/webp",
        extension=".webp",
        width=640,
        height=480,
        frames=1,
        how="encoded",
        score=None,
        original_size=2 * SIZE,
    )


def application(results: Results) -> FastAPI:
    app = FastAPI()

    async def file(request: Request) -> Response:
        try:
            stored = await results.linked(
                id_=request.path_params["id"], token=request.path_params["token"]
            )
            show = "inline" if "show" in request.query_params else "attachment"
            return await download(request, stored, results, show=show)
        except errors.NotFound as error:
            return Response(error.code, 404)

    app.add_route("/files/{id}/{token}", file, methods=["GET", "HEAD"])
    return app


@pytest.fixture(params=["disk", "moto"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "disk":
        return Objects(tmp_path.joinpath("objects").as_uri())
    return Objects(f"s3://results/{tmp_path.name}", access=request.getfixturevalue("moto"))


@pytest.fixture
async def window(sqlite_path: Path, objects: Objects) -> AsyncIterator[Window]:
    database = Database(f"sqlite:///{sqlite_path}")
    account_id = (await Keys(database=database).create(plan="self-hosted")).key.account_id
    results = Results(
        database=database,
        objects=objects,
        links=Links(Secret(bytes(32)), purpose="download"),
        retention=Retention(),
    )
    with listen("127.0.0.1", 0) as listener:
        address = _address(listener)
        server = _Server(application(results), listener)
        serving = asyncio.create_task(server.serve())
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            yield Window(results, account_id, client)
        server.stop()  # type: ignore[no-untyped-call] # Granian's stubs end here
        await serving
    await database.close()


@pytest.fixture
async def stored(window: Window) -> Stored:
    return await window.keep(filename="Ünïcode photo.png")


async def test_the_file_comes_whole_with_what_is_to_be_known_of_it(
    window: Window, stored: Stored
) -> None:
    answer = await window.ask(stored)

    assert (answer.status_code, answer.content) == (200, DATA)
    headers = answer.headers
    assert headers["Content-Type"] == "image/webp"
    assert headers["Content-Length"] == str(SIZE)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == (
        'attachment; filename="_n_code photo.webp"; '
        "filename*=UTF-8''%C3%9Cn%C3%AFcode%20photo.webp"
    )
    assert headers["ETag"] == ETAG
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["Last-Modified"] == format_datetime(stored.created_at, usegmt=True)
    visibility, max_age = headers["Cache-Control"].split(", max-age=")
    assert visibility == "private"
    assert 86_000 < int(max_age) <= 86_400


async def test_it_can_be_shown_in_a_page(window: Window, stored: Stored) -> None:
    path = f"/files/{stored.id}/{window.results.link(stored)}?show"
    answer = await window.client.get(path)

    assert answer.headers["Content-Disposition"].startswith("inline;")
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_head_says_the_same_without_the_file(window: Window, stored: Stored) -> None:
    said = await window.ask(stored, method="HEAD")
    whole = await window.ask(stored)

    assert (said.status_code, said.content) == (200, b"")
    varying = {"date", "cache-control", "transfer-encoding", "connection"}
    for name in set(whole.headers) - varying:
        assert said.headers[name] == whole.headers[name], name


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=10-19", (10, 20)),
        ("Bytes = 500000-", (500_000, SIZE)),
        ("bytes=-7", (SIZE - 7, SIZE)),
        (f"bytes=0-{SIZE * 2}", (0, SIZE)),
        (f"bytes=-{SIZE * 2}", (0, SIZE)),
        (f"bytes={SIZE - 1}-{SIZE - 1}", (SIZE - 1, SIZE)),
    ],
)
async def test_a_part_comes_as_asked_for(
    window: Window, stored: Stored, asked: str, part: tuple[int, int]
) -> None:
    answer = await window.ask(stored, {"Range": asked})

    assert (answer.status_code, answer.content) == (206, DATA[slice(*part)])
    assert answer.headers["Content-Range"] == f"bytes {part[0]}-{part[1] - 1}/{SIZE}"
    assert answer.headers["Content-Length"] == str(part[1] - part[0])
    assert answer.headers["Content-Type"] == "image/webp"


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
async def test_a_part_beyond_the_end_cannot_be_had(
    window: Window, stored: Stored, asked: str
) -> None:
    answer = await window.ask(stored, {"Range": asked})

    assert (answer.status_code, answer.content) == (416, b"")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        "bytes=9-3", "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=0-1,5-6", "0-1",
        "bytes=+1-2", "bytes=1_0-20", "bytes=1-2-3", f"bytes={'9' * 6000}-", "",
    ],
)  # fmt: skip
async def test_what_is_no_single_range_is_ignored(
    window: Window, stored: Stored, asked: str
) -> None:
    answer = await window.ask(stored, {"Range": asked})

    assert (answer.status_code, answer.content) == (200, DATA)


async def test_a_range_of_a_head_is_ignored(window: Window, stored: Stored) -> None:
    answer = await window.ask(stored, {"Range": "bytes=0-1"}, method="HEAD")

    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(SIZE))


LATER, EARLIER = "Fri, 01 Jan 2100 00:00:00 GMT", "Sat, 01 Jan 2000 00:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f'"other", W/{ETAG}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": '"other"', "If-Modified-Since": LATER}, 200),
        ({"If-None-Match": "no tag"}, 200),
        ({"If-Modified-Since": LATER}, 304),
        ({"If-Modified-Since": EARLIER}, 200),
        ({"If-Modified-Since": "some day"}, 200),
        ({"If-Match": ETAG}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": LATER}, 200),
        ({"If-Unmodified-Since": EARLIER}, 412),
        ({"If-Match": ETAG, "If-Unmodified-Since": EARLIER}, 200),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("objects", ["disk"], indirect=True)
async def test_conditions_are_those_of_the_rfc(
    window: Window, stored: Stored, headers: dict[str, str], status: int, method: str
) -> None:
    answer = await window.ask(stored, headers, method)

    assert answer.status_code == status
    assert answer.headers["ETag"] == ETAG
    assert len(answer.content) == (SIZE if (status, method) == (200, "GET") else 0)


async def test_the_date_that_was_told_is_not_modified(window: Window, stored: Stored) -> None:
    told = (await window.ask(stored)).headers["Last-Modified"]

    assert (await window.ask(stored, {"If-Modified-Since": told})).status_code == 304
    assert (await window.ask(stored, {"If-Unmodified-Since": told})).status_code == 200


async def test_a_part_comes_only_of_the_file_that_was_meant(window: Window, stored: Stored) -> None:
    told = (await window.ask(stored, method="HEAD")).headers["Last-Modified"]
    for meant, status in [
        (ETAG, 206), (told, 206), ('"other"', 200), (f"W/{ETAG}", 200), (LATER, 200), ("x", 200),
    ]:  # fmt: skip
        answer = await window.ask(stored, {"Range": "bytes=0-9", "If-Range": meant})
        assert answer.status_code == status, meant
        assert answer.content == DATA[: 10 if status == 206 else SIZE]


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=0-1"}, {"If-None-Match": ETAG}])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_lost_file_is_not_found_instead_of_cut_off(
    window: Window, stored: Stored, headers: dict[str, str], method: str, objects: Objects
) -> None:
    await objects.delete([stored.key])
    answer = await window.ask(stored, headers, method)

    assert answer.status_code == 404


async def test_a_link_that_was_changed_is_not_found(window: Window, stored: Stored) -> None:
    path = f"/files/{stored.id}/{window.results.link(stored)}"
    last = "0" if path[-1] != "0" else "1"

    for changed in (path[:-1] + last, path[:-1], f"/files/{stored.id}/x"):
        assert (await window.client.get(changed)).status_code == 404


async def test_a_result_without_an_end_may_be_cached_for_a_day(window: Window) -> None:
    answer = await window.ask(await window.keep(committed=True))

    assert answer.headers["Cache-Control"] == "private, max-age=86400"


async def test_many_read_at_once_and_some_leave(window: Window, stored: Stored) -> None:
    async def leave() -> None:
        path = f"/files/{stored.id}/{window.results.link(stored)}"
        async with window.client.stream("GET", path) as answer:
            await anext(answer.aiter_raw(1000))

    answers = await asyncio.gather(
        *(window.ask(stored) for _ in range(10)), *(leave() for _ in range(10))
    )

    assert [answer.content for answer in answers if answer] == [DATA] * 10


@given(first=st.integers(0, 2000), last=st.integers(0, 2000), size=st.integers(1, 1000))
def test_a_range_is_what_a_slice_would_be(first: int, last: int, size: int) -> None:
    try:
        part = ranges.parse(f"bytes={first}-{last}", size=size)
    except ranges.NotSatisfiable:
        assert first >= size
        return
    whole = range(size)
    assert whole[slice(*part)] == whole[first : last + 1] if part else last < first


@given(header=st.text(max_size=40) | st.text("bytes=-,0123456789 ", max_size=40))
def test_no_header_breaks_the_parser(header: str) -> None:
    try:
        part = ranges.parse(header, size=100)
    except ranges.NotSatisfiable:
        return
    assert part is None or 0 <= part[0] < part[1] <= 100
