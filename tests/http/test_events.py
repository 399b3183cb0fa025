"""Server-sent events over the wire, and callers who stay, leave or come back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from pixmill import errors
from pixmill.http.attention import while_wanted
from pixmill.http.events import Event, event_stream, last_event_id

from fixtures.asgi import serving

pytestmark = pytest.mark.anyio

VERSIONS = pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])


class Source:
    """Events that a test lets happen, and whether anybody still listens."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.closing = asyncio.Event()

    def happen(self, *events: Event | Exception | None) -> None:
        for event in events:
            self.queue.put_nowait(event)

    async def events(self) -> AsyncIterator[Event]:
        try:
            self.begun.set()
            while (event := await self.queue.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield event
        finally:
            self.ended.set()

    async def flood(self) -> AsyncIterator[Event]:
        try:
            self.begun.set()
            while True:
                yield Event(name="progress", data="x" * 100_000)
        finally:
            self.ended.set()


@pytest.fixture
def source() -> Source:
    return Source()


def application(
    source: Source, events: Callable[[], AsyncIterator[Event]], heartbeat: float
) -> ASGIApp:
    async def handle(_request: Request) -> Response:
        return event_stream(events(), closing=source.closing, heartbeat=heartbeat)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        # As every handler is called: somebody has listened for the caller's leaving before.
        response = await while_wanted(handle, Request(scope, receive))
        await response(scope, receive, send)

    return app


@asynccontextmanager
async def listening(
    source: Source,
    *,
    heartbeat: float = 60.0,
    events: Callable[[], AsyncIterator[Event]] | None = None,
) -> AsyncIterator[tuple[httpx.Response, AsyncIterator[str]]]:
    """Give the answer that a listener has, and its lines as they come."""
    app = application(source, events or source.events, heartbeat)
    async with (
        serving(app) as address,
        httpx.AsyncClient(timeout=60) as client,
        client.stream("GET", address) as answer,
    ):
        yield answer, answer.aiter_lines()


async def lines(count: int, coming: AsyncIterator[str]) -> list[str]:
    return [await anext(coming) for _ in range(count)]


async def test_events_come_as_they_happen(source: Source) -> None:  # OG-69
    async with listening(source) as (answer, coming):
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.headers["Cache-Control"] == "no-cache"
        assert answer.headers["X-Accel-Buffering"] == "no"
        assert await lines(2, coming) == ["retry: 2000", ""]
        source.happen(Event(name="progress", data={"done": 1, "of": "größe\n\ud800"}, id=7))
        assert await lines(4, coming) == [
            "event: progress",
            r'data: {"done":1,"of":"gr\u00f6\u00dfe\n\ud800"}',
            "id: 7",
            "",
        ]
        source.happen(Event(name="complete", data=[]), None)
        assert [line async for line in coming] == ["event: complete", "data: []", ""]

    assert source.ended.is_set()


async def test_silence_is_broken_by_heartbeats(source: Source) -> None:  # OG-69
    async with listening(source, heartbeat=0.05) as (_, coming):
        assert await lines(8, coming) == ["retry: 2000", "", *[": ping", ""] * 3]
        source.happen(Event(name="item", data=1))
        while (line := await anext(coming)) != "event: item":
            assert line in {": ping", ""}
        assert await lines(2, coming) == ["data: 1", ""]


async def test_who_hears_something_needs_no_heartbeat(source: Source) -> None:
    source.happen(*(Event(name="item", data=n) for n in range(1000)), None)
    async with listening(source, heartbeat=10.0) as (_, coming):
        heard = [line async for line in coming]

    assert ": ping" not in heard
    assert heard.count("event: item") == 1000


async def test_nothing_is_left_of_a_listener_who_hangs_up(source: Source) -> None:
    app = application(source, source.events, 60.0)
    async with serving(app) as address, httpx.AsyncClient(timeout=60) as client:
        await client.head(address)
        before = asyncio.all_tasks()
        async with client.stream("GET", address):
            await asyncio.wait_for(source.begun.wait(), 60)
        await asyncio.wait_for(source.ended.wait(), 60)

        await alone(before)


async def alone(before: set[asyncio.Task[object]]) -> None:
    """Wait until there are no tasks that were not there *before*."""
    if left := asyncio.all_tasks() - before:
        _, still = await asyncio.wait(left, timeout=60)
        assert not still


async def test_a_head_listens_to_nothing(source: Source) -> None:
    app = application(source, source.events, 60.0)
    async with serving(app) as address, httpx.AsyncClient(timeout=60) as client:
        answer = await client.head(address)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert not source.begun.is_set()


async def test_a_stream_ends_when_the_server_stops(source: Source) -> None:
    async with listening(source) as (_, coming):
        source.happen(Event(name="item", data=1))
        assert await lines(5, coming) == ["retry: 2000", "", "event: item", "data: 1", ""]
        source.closing.set()
        assert [line async for line in coming] == []

    assert source.ended.is_set()


async def test_a_server_that_is_stopping_tells_nothing_more(source: Source) -> None:
    source.closing.set()
    async with listening(source) as (answer, coming):
        assert answer.status_code == 200
        assert len([line async for line in coming]) <= 2


async def test_a_listener_who_does_not_read_does_not_keep_the_server(source: Source) -> None:
    async with listening(source, events=source.flood):
        await asyncio.wait_for(source.begun.wait(), 60)
        source.closing.set()
        await asyncio.wait_for(source.ended.wait(), 60)


@pytest.mark.parametrize("error", [errors.Unavailable(), ValueError("a bug")])
async def test_what_goes_wrong_cuts_the_stream_off_so_that_the_listener_comes_back(
    source: Source, error: Exception
) -> None:
    source.happen(Event(name="item", data=1), error)
    async with listening(source) as (_, coming):
        assert len(await lines(5, coming)) == 5
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(coming)

    assert source.ended.is_set()


@VERSIONS
async def test_both_versions_of_http_carry_events(source: Source, version: str) -> None:
    app = application(source, source.events, 60.0)
    async with serving(app) as address:
        process = await asyncio.create_subprocess_exec(
            "curl", "--silent", "--no-buffer", version, address, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        assert await process.stdout.readline() == b"retry: 2000\n"
        source.happen(Event(name="item", data=1), None)
        rest = await process.stdout.read()

        assert rest == b"\nevent: item\ndata: 1\n\n"
        assert await process.wait() == 0


@pytest.mark.parametrize(
    ("header", "query", "id_"),
    [
        (None, "", None),
        ("7", "", 7),
        (None, "last_event_id=8", 8),
        ("7", "last_event_id=8", 7),
        ("0", "", 0),
        ("", "last_event_id=8", 8),
        ("-1", "", None),
        ("x", "", None),
        ("1.5", "", None),
        ("٣", "", None),
        ("9" * 18, "", 10**18 - 1),
        ("9" * 19, "", None),
        (None, "last_event_id=", None),
        (None, "last_event_id=+1", None),
    ],
)
def test_who_comes_back_says_what_was_heard_last(  # OG-69
    header: str | None, query: str, id_: int | None
) -> None:
    headers = [] if header is None else [(b"last-event-id", header.encode())]
    request = Request(
        {"type": "http", "method": "GET", "headers": headers, "query_string": query.encode()}
    )

    assert last_event_id(request) == id_
