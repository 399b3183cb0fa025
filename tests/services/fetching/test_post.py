"""Messages to strangers: on the same guarded way, and nothing of the answer but its status."""

import asyncio
import socket

import pytest
import trustme

import pixmill
from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import Posted
from services.fetching.cases import MALFORMED, PRIVATE
from services.fetching.conftest import HANGS, NAME, PUBLIC, config
from services.fetching.origin import Internet, Origin, redirect, response, running
from services.fetching.test_tls import serving

pytestmark = pytest.mark.anyio

BODY = b'{"event": "job.completed"}'


async def post(fetcher: Fetcher, url: str = f"http://{NAME}/", *, within: float = 20.0) -> Posted:
    async with asyncio.timeout(HANGS):
        return await fetcher.post(url, body=BODY, headers={"X-Own": "1"}, within=within)


async def test_the_message_is_sent_whole_and_with_no_more_than_it_needs(fetcher, origin):
    assert await post(fetcher, f"http://{NAME}:80/hook?a=b#c") == Posted(status=200)

    (head,) = origin.requests
    assert head == (
        "POST /hook?a=b HTTP/1.1\r\n"
        f"Host: {NAME}\r\n"
        f"User-Agent: Pixmill/{pixmill.__version__}\r\n"
        "Accept: */*\r\n"
        "Accept-Encoding: identity\r\n"
        "Connection: close\r\n"
        "X-Own: 1\r\n"
        f"Content-Length: {len(BODY)}\r\n"
        "\r\n"
    )


@pytest.mark.parametrize("status", [200, 204, 304, 400, 410, 500, 599])
async def test_the_status_is_what_one_hears(fetcher, origin, status):
    origin.answers["/"] = response(status=f"{status} Said so")

    assert await post(fetcher) == Posted(status=status)


@pytest.mark.parametrize("location", ["/other", f"http://{PUBLIC}/", "http://127.0.0.1/"])
@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
async def test_redirects_are_not_followed(fetcher, origin, internet, status, location):
    origin.answers["/"] = redirect(location, status)

    assert await post(fetcher) == Posted(status=int(status[:3]))
    assert origin.paths == ["/"]
    assert internet.dialed == [PUBLIC]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_special_address_is_never_dialed(address, fetcher, names, internet):
    names.add("inside.example", [address])
    names.add("mixed.example", [PUBLIC, address])
    literal = f"http://[{address}]/" if ":" in address else f"http://{address}/"

    for url in (literal, "http://inside.example/", "http://mixed.example/"):
        assert await post(fetcher, url) == Posted(trouble="refused_address")
    assert internet.dialed == []
    with pytest.raises(errors.BadUrl):
        fetcher.check(literal)


async def test_an_allowed_network_is_dialed_at_any_port(fetchers, internet):
    fetcher = fetchers(allow=("10.1.0.0/16",))

    fetcher.check("http://10.1.2.3:6379/")
    assert await post(fetcher, "http://10.1.2.3:6379/") == Posted(status=200)
    assert await post(fetcher, "http://10.2.0.1/") == Posted(trouble="refused_address")
    assert internet.dialed == ["10.1.2.3"]


async def test_what_is_no_url_asks_nobody(fetcher, names):
    for url in MALFORMED:
        with pytest.raises(errors.BadUrl):
            await post(fetcher, url)
        with pytest.raises(errors.BadUrl):
            fetcher.check(url)
    assert names.asked == []


async def test_looking_at_a_url_asks_nobody(fetcher, names):
    fetcher.check(f"http://{NAME}:8080/")

    assert names.asked == []


async def test_a_name_that_there_is_not_is_a_failed_connection(fetcher):
    assert await post(fetcher, "http://nobody.example/") == Posted(trouble="connection_failed")


async def test_a_host_that_is_not_there_is_a_failed_connection(fetcher, internet):
    internet.dead.add(PUBLIC)

    assert await post(fetcher) == Posted(trouble="connection_failed")


async def test_what_is_no_http_is_a_bad_answer(fetcher, origin):
    origin.answers["/"] = b"250 OK\r\n"

    assert await post(fetcher) == Posted(trouble="bad_answer")


async def test_no_answer_at_all_is_a_bad_answer(fetcher, origin):
    origin.answers["/"] = b""

    assert await post(fetcher) == Posted(trouble="bad_answer")


async def test_the_deadline_is_one_for_everything(fetcher, origin, names):
    async def stall(writer):
        writer.write(b"HTTP/1.")
        await asyncio.sleep(3600)

    origin.answers["/"] = stall
    names.add("silent.example")
    names.silent.add("silent.example")

    assert await post(fetcher, within=0.3) == Posted(trouble="timeout")
    assert await post(fetcher, "http://silent.example/", within=0.3) == Posted(trouble="timeout")


async def test_an_answer_that_never_ends_is_one(fetcher, origin):
    sent = 0

    async def flood(writer):
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            await writer.drain()
            sent += 0x10000

    async def drip(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        while True:
            writer.write(b"a")
            await writer.drain()
            await asyncio.sleep(0.01)

    origin.answers |= {"/flood": flood, "/drip": drip}

    assert await post(fetcher, f"http://{NAME}/flood") == Posted(status=200)
    # What it got rid of lies in the buffers of two sockets; in a second it would be gigabytes.
    assert sent < 16 * 1024 * 1024
    assert await post(fetcher, f"http://{NAME}/drip") == Posted(status=200)


async def test_an_answer_that_breaks_off_is_one(fetcher, origin):
    origin.answers["/"] = b"HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nabc"

    assert await post(fetcher) == Posted(status=202)


async def test_a_bad_certificate_is_trouble_with_tls(names, web_tls):
    certificate = trustme.CA().issue_cert(NAME)
    async with running(Origin(), tls=serving(certificate)) as origin:
        fetcher = Fetcher(config(), resolve=names, network=Internet(origin), tls=web_tls)

        assert await post(fetcher, f"https://{NAME}/") == Posted(trouble="tls")
        await fetcher.stop()
    assert origin.requests == []


async def test_a_server_without_tls_is_trouble_with_tls(names, web_tls):
    async def serve(reader, writer):
        await reader.read(1)
        writer.write(response(status="400 Bad Request"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        origin = Origin(port=server.sockets[0].getsockname()[1])
        fetcher = Fetcher(config(), resolve=names, network=Internet(origin), tls=web_tls)

        assert await post(fetcher, f"https://{NAME}/") == Posted(trouble="tls")
        await fetcher.stop()


async def test_messages_do_not_wait_for_fetches(fetchers, origin):
    # A picture whose server lets us wait must not hold up a message, nor the other way round.
    fetcher = fetchers(concurrency=1, queue_size=0)
    entered = asyncio.Event()

    async def hang(_writer):
        entered.set()
        await asyncio.sleep(3600)

    origin.answers["/slow"] = hang
    fetch = asyncio.create_task(fetcher.fetch(f"http://{NAME}/slow", max_size=1))
    await entered.wait()

    assert await post(fetcher) == Posted(status=200)
    fetch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await fetch


async def test_a_closed_port_is_a_failed_connection(web_tls):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        fetcher = Fetcher(config(allow=("127.0.0.1/32",)), tls=web_tls)
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/"

        assert await post(fetcher, url) == Posted(trouble="connection_failed")
        await fetcher.stop()
