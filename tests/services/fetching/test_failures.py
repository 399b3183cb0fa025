"""Servers that lie, stall and flood: each fetch ends, with an error that tells nothing."""

import asyncio
import gzip
import os
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixmill import errors
from pixmill.services.fetching import responses
from pixmill.services.fetching.fetcher import Fetcher
from services.fetching.conftest import HANGS, NAME, PUBLIC, config, content, failure
from services.fetching.origin import PICTURE, redirect, response

pytestmark = pytest.mark.anyio


def dripping(start: bytes, drop: bytes):
    """Return an answer that goes on and on, a little at a time."""

    async def drip(writer):
        writer.write(start)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.01)

    return drip


STALLING = {
    "nothing": dripping(b"", b""),
    "half a status line": dripping(b"HTTP/1.", b""),
    "a header, byte by byte": dripping(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"a"),
    "headers, one by one": dripping(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "nothing but progress": dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "no body": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b""),
    "a body, byte by byte": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"a"),
    "chunks, one by one": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"
    ),
    "a chunk's size without end": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1", b"0"
    ),
    "a body without length": dripping(b"HTTP/1.0 200 OK\r\n\r\n", b"a"),
    "trailers without end": dripping(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: y\r\n"
    ),
}


@pytest.mark.parametrize("answer", STALLING.values(), ids=STALLING)
async def test_the_deadline_ends_what_drips(answer, fetchers, origin):
    fetcher = fetchers(timeout=0.4)
    origin.answers["/"] = answer

    async with asyncio.timeout(HANGS):
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed
        assert await content(fetcher, f"http://{NAME}/other") == PICTURE


async def test_the_deadline_holds_over_all_redirects(fetchers, origin):
    fetcher = fetchers(timeout=0.4, redirects=10_000)

    async def send_on(writer):
        await asyncio.sleep(0.05)
        writer.write(redirect("/"))

    origin.answers["/"] = send_on

    async with asyncio.timeout(HANGS):
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed


async def test_the_deadline_holds_for_names(fetchers, names):
    fetcher = fetchers(timeout=0.2)
    names.silent.add(NAME)

    async with asyncio.timeout(HANGS):
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed


async def test_the_deadline_holds_for_a_port_that_swallows(web_tls):
    # A full backlog: the kernel answers no more SYNs, as a firewall that drops.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            fetcher = Fetcher(config(timeout=0.3, allow=("127.0.0.1/32",)), tls=web_tls)
            async with asyncio.timeout(HANGS):
                error = await failure(fetcher, f"http://127.0.0.1:{port}/")
            await fetcher.stop()

    assert type(error) is errors.FetchFailed


@pytest.mark.parametrize(
    "start",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
async def test_a_body_without_end_is_cut_off_at_the_limit(start, fetcher, origin):
    piece = os.urandom(0x8000)
    if b"chunked" in start:
        piece = b"8000\r\n" + piece + b"\r\n"

    async def flood(writer):
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()

    origin.answers["/"] = flood
    spent = []

    async with asyncio.timeout(HANGS):
        with pytest.raises(errors.FileTooLarge):
            await fetcher.fetch(f"http://{NAME}/", max_size=1_000_000, spend=spent.append)

    assert 900_000 < sum(spent) <= 1_000_000


async def test_a_flood_of_headers_is_cut_off(fetcher, origin):
    async def flood(writer):
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"X-Flood: %s\r\n" % (b"a" * 1000))
            await writer.drain()

    origin.answers["/"] = flood

    async with asyncio.timeout(HANGS):
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed


@pytest.mark.parametrize("too_many", [False, True])
async def test_a_body_in_crumbs_is_refused(too_many, fetcher, origin):
    count = responses.PIECES + (1 if not too_many else 100)
    size = 1
    chunks = (b"%x\r\n" % size + b"a" * size + b"\r\n") * count + b"0\r\n\r\n"
    origin.answers["/"] = response("Transfer-Encoding: chunked", body=chunks)

    if too_many:
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed
    else:
        assert await content(fetcher, f"http://{NAME}/") == b"a" * count


BOMB = gzip.compress(bytes(10_000_000))

#: Answers that are not what they say.
LIES = {
    "a gzip bomb": response("Content-Encoding: gzip", body=BOMB),
    "a gzip bomb in capitals": response("CONTENT-ENCODING:  GZIP ", body=BOMB),
    "a bomb in a bomb": response("Content-Encoding: gzip, gzip", body=BOMB),
    "two encodings": response("Content-Encoding: identity", "Content-Encoding: br"),
    "brotli": response("Content-Encoding: br"),
    "zstd": response("Content-Encoding: zstd"),
    "deflate": response("Content-Encoding: deflate"),
    "nobody's encoding": response("Content-Encoding: x-nobody"),
    "a gzip bomb in transfer": response("Transfer-Encoding: gzip, chunked", body=BOMB),
    "fewer bytes than announced": response(f"Content-Length: {len(PICTURE) + 1}"),
    "no bytes, though announced": response("Content-Length: 1", body=b""),
    "a negative length": response("Content-Length: -1"),
    "a length with a plus": response(f"Content-Length: +{len(PICTURE)}"),
    "a length in words": response("Content-Length: many"),
    "a length in other digits": "HTTP/1.1 200 OK\r\nContent-Length: ٣\r\n\r\nabc".encode(),
    "two lengths": response("Content-Length: 1", "Content-Length: 2"),
    "a length like an endless number": response(f"Content-Length: {'9' * 5000}"),
    "a chunk cut off": response("Transfer-Encoding: chunked", body=b"5\r\nab"),
    "chunks without an end": response("Transfer-Encoding: chunked", body=b"2\r\nab\r\n"),
    "a chunk without a size": response("Transfer-Encoding: chunked", body=b"\r\nab"),
    "a negative chunk": response("Transfer-Encoding: chunked", body=b"-1\r\nab\r\n0\r\n\r\n"),
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "redis": b"-ERR unknown command\r\n",
    "HTTP/0.9": b"<html>no head</html>",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "an odd status": b"HTTP/1.1 2000 OK\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n" + PICTURE,
    "no answer": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "a bad header": b"HTTP/1.1 200 OK\r\nBad Header: x\r\n\r\n",
    "a header with a null": b"HTTP/1.1 200 OK\r\nX: \x00\r\n\r\n",
    "a huge header": response(f"X: {'a' * 200_000}"),
    "a redirect to nowhere": response(status="302 Found", body=b""),
    "a redirect without a target": redirect(""),
    "a redirect to two places": response(
        "Location: /a b", "Location: /c", status="302 Found", body=b""
    ),
    "a redirect in latin-1": b"HTTP/1.1 302 Found\r\nLocation: http://\xfc/\r\n\r\n",
    "a redirect with a tab": redirect("http://127.0.0.1\t/"),
}


@pytest.mark.parametrize("answer", LIES.values(), ids=LIES)
async def test_a_lie_is_not_believed(answer, fetcher, origin):
    origin.answers["/"] = answer

    async with asyncio.timeout(HANGS):
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed
    assert origin.contacts == 1


async def test_more_bytes_than_announced_are_not_read(fetcher, origin):
    origin.answers["/"] = response("Content-Length: 9")

    assert await content(fetcher, f"http://{NAME}/") == PICTURE[:9]


@pytest.mark.parametrize("headers", [(), ("Content-Encoding: identity",), ("Content-Encoding:",)])
async def test_a_plain_body_may_say_that_it_is_plain(headers, fetcher, origin):
    origin.answers["/"] = response(*headers)

    assert await content(fetcher, f"http://{NAME}/") == PICTURE


HEADS = st.sampled_from(
    [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     b"HTTP/1.1 302 Found\r\nLocation: ", b"HTTP/1.1 200 OK\r\nContent-Disposition: "]
)  # fmt: skip


@given(head=HEADS, noise=st.binary(max_size=40), end=st.sampled_from([b"", b"\r\n\r\n"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
async def test_whatever_a_server_says_the_error_is_the_same(head, noise, end, fetcher, origin):
    origin.answers["/"] = head + noise + end

    try:
        await content(fetcher, f"http://{NAME}/", max_size=10**6)
    except errors.FetchFailed as error:
        assert str(error) == "The URL could not be fetched."  # noqa: PT017


# Nobody learns from the answer what is behind an address.


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def told(error: errors.Error) -> tuple[object, ...]:
    """Return all of an error that may be seen outside."""
    public = {name: value for name, value in vars(error).items() if name != "detail"}
    return type(error), error.code, str(error), error.args, public


async def test_refused_unreachable_and_missing_sound_the_same(origin, names, web_tls):
    allow = ("127.0.0.1/32", "127.0.0.9/32")
    origin.answers |= LIES | {
        "/missing": response(status="404 Not Found"),
        "/forbidden": response(status="403 Forbidden"),
        "/inside": redirect("http://10.0.0.1/"),
        "/metadata": redirect("http://169.254.169.254/"),
        "/file": redirect("file:///etc/passwd"),
        "/circle": redirect("/circle"),
        "/encoded": response("Content-Encoding: gzip"),
        "/short": response("Content-Length: 1000"),
        "/slow": STALLING["nothing"],
    }
    names.add("inside.example", ["10.0.0.1"])
    names.add("mixed.example", [PUBLIC, "10.0.0.1"])
    names.add("empty.example", [])
    names.add("odd.example", ["not an address"])
    names.add("here.example", ["127.0.0.1"])
    here = f"127.0.0.1:{origin.port}"
    fetcher = Fetcher(config(timeout=0.5, allow=allow), resolve=names, tls=web_tls)
    urls = [
        "http://10.0.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://8.8.8.8:22/",
        "http://inside.example/",
        "http://mixed.example/",
        "http://unknown.example/",
        "http://empty.example/",
        "http://odd.example/",
        f"http://127.0.0.1:{closed_port()}/",
        f"http://127.0.0.9:{closed_port()}/",
        f"http://127.0.0.8:{origin.port}/",
        f"https://{here}/",
        f"https://here.example:{origin.port}/",
        *(f"http://{here}{path}" for path in origin.answers if path.startswith("/")),
    ]

    said = "The URL could not be fetched."
    heard = [told(await failure(fetcher, url)) for url in urls]
    await fetcher.stop()

    assert set(map(str, heard)) == {str((errors.FetchFailed, "fetch_failed", said, (said,), {}))}
