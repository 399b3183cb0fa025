"""What fetching gives, sends and costs."""

import asyncio
import os
from contextlib import suppress

import psutil
import pytest

import pixmill
from pixmill import errors
from services.fetching.conftest import NAME, PUBLIC, content, failure, until
from services.fetching.origin import PICTURE, redirect, response

pytestmark = pytest.mark.anyio


async def test_a_file_comes_sealed_and_with_its_name(fetcher):
    fetched = await fetcher.fetch(f"http://{NAME}/folder/a%20photo.jpg?w=100", max_size=1000)

    with fetched.blob as blob:
        assert blob.read() == PICTURE
        assert blob.size == len(PICTURE)
        with pytest.raises(OSError, match="not permitted"):
            os.write(blob.fd, b"more")
    assert fetched.filename == "a photo.jpg"


async def test_the_server_names_the_file(fetcher, origin):
    origin.answers["/1"] = response('Content-Disposition: attachment; filename="cat.png"')

    fetched = await fetcher.fetch(f"http://{NAME}/1", max_size=1000)
    fetched.blob.close()

    assert fetched.filename == "cat.png"


async def test_after_a_redirect_the_last_url_names_the_file(fetcher, origin):
    origin.answers["/first.png"] = redirect("/second.png")

    fetched = await fetcher.fetch(f"http://{NAME}/first.png", max_size=1000)
    fetched.blob.close()

    assert fetched.filename == "second.png"


async def test_the_request_says_no_more_than_it_must(fetcher, origin):
    await content(fetcher, f"http://{NAME}:80/folder/a.png?b=c#d")

    (head,) = origin.requests
    assert head == (
        "GET /folder/a.png?b=c HTTP/1.1\r\n"
        f"Host: {NAME}\r\n"
        f"User-Agent: Pixmill/{pixmill.__version__}\r\n"
        "Accept: image/*\r\n"
        "Accept-Encoding: identity\r\n"
        "Connection: close\r\n"
        "\r\n"
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://Pictures.Example.:443/", "pictures.example:443"),
        ("http://[2606:4700:4700:0::1111]/", "[2606:4700:4700::1111]"),
        ("http://[2606:4700:4700::1111]:443/", "[2606:4700:4700::1111]:443"),
        ("http://bücher.example/", "xn--bcher-kva.example"),
    ],
)
async def test_the_host_is_sent_in_its_canonical_form(url, host, fetcher, names, origin):
    names.add("xn--bcher-kva.example", [PUBLIC])

    await content(fetcher, url)

    assert f"\r\nHost: {host}\r\n" in origin.requests[0]


async def test_cookies_are_not_kept(fetcher, origin):
    origin.answers["/"] = response("Set-Cookie: a=b", "Location: /c", status="302 Found", body=b"")

    await content(fetcher, f"http://{NAME}/")
    await content(fetcher, f"http://{NAME}/c")

    assert origin.paths == ["/", "/c", "/c"]
    assert not any("cookie" in head.lower() for head in origin.requests)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Same", "308 Same"])
async def test_redirects_are_followed(status, fetcher, origin):
    origin.answers["/"] = redirect("/there", status)

    assert await content(fetcher, f"http://{NAME}/") == PICTURE


@pytest.mark.parametrize(
    ("hops", "redirects", "followed"), [(3, 3, True), (4, 3, False), (0, 0, True), (1, 0, False)]
)
async def test_redirects_are_counted(hops, redirects, followed, fetchers, origin):
    fetcher = fetchers(redirects=redirects)
    for hop in range(hops):
        origin.answers[f"/{hop}"] = redirect(f"/{hop + 1}")

    if followed:
        assert await content(fetcher, f"http://{NAME}/0") == PICTURE
    else:
        assert type(await failure(fetcher, f"http://{NAME}/0")) is errors.FetchFailed
    assert origin.contacts == min(hops, redirects) + 1


async def test_a_circle_of_redirects_ends(fetcher, origin):
    origin.answers["/"] = redirect("/")

    assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed
    assert origin.contacts == 4


@pytest.mark.parametrize(
    "status", ["201 Made", "204 None", "206 Part", "304 Same", "300 Many", "404 No", "500 Oops"]
)
async def test_only_200_is_a_picture(status, fetcher, origin):
    origin.answers["/"] = response("Location: /there", status=status, body=b"")

    assert type(await failure(fetcher, f"http://{NAME}/")) is errors.FetchFailed
    assert origin.contacts == 1


async def test_the_port_of_the_url_is_dialed(fetchers, internet):
    fetcher = fetchers(allow=("10.0.0.0/8",))

    for url in ("http://10.0.0.1/", "http://10.0.0.1:443/", "http://10.0.0.1:5000/"):
        await content(fetcher, url)

    assert internet.ports == [80, 443, 5000]


async def test_the_next_address_is_tried_when_one_does_not_answer(fetcher, names, internet):
    names.add("two.example", ["2606:4700:4700::1111", PUBLIC])
    internet.dead = {"2606:4700:4700::1111"}

    assert await content(fetcher, "http://two.example/") == PICTURE
    assert internet.dialed == ["2606:4700:4700::1111", PUBLIC]


async def test_a_few_addresses_are_tried_and_not_all(fetcher, names, internet):
    addresses = [f"8.8.8.{n}" for n in range(100)]
    names.add("many.example", addresses)
    internet.dead = set(addresses)

    await failure(fetcher, "http://many.example/")

    assert internet.dialed == addresses[:4]


# Size.


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("headers", [(), ("Transfer-Encoding: chunked",), ("Connection: close",)])
async def test_a_file_has_at_most_as_many_bytes_as_are_allowed(extra, headers, fetcher, origin):
    body = bytes(range(256)) * 1000
    if headers == ("Connection: close",):  # its length is where it ends
        answer = b"HTTP/1.0 200 OK\r\n\r\n" + body
    elif headers:
        chunk = body[:1000]
        chunks = b"".join(b"3e8\r\n" + chunk + b"\r\n" for _ in range(256)) + b"0\r\n\r\n"
        body, answer = chunk * 256, response(*headers, body=chunks)
    else:
        answer = response(body=body)
    origin.answers["/"] = answer

    if extra:
        error = await failure(fetcher, f"http://{NAME}/", max_size=len(body) - 1)
        assert type(error) is errors.FileTooLarge
        assert error.limit == len(body) - 1
    else:
        assert await content(fetcher, f"http://{NAME}/", max_size=len(body)) == body


async def test_a_file_that_is_announced_too_large_is_not_read(fetcher, origin):
    read_on = asyncio.Event()

    async def announce(writer):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n")
        await read_on.wait()

    origin.answers["/"] = announce

    assert type(await failure(fetcher, f"http://{NAME}/", max_size=1000)) is errors.FileTooLarge


async def test_bytes_are_accounted_for_before_they_are_kept(fetcher, origin):
    body = os.urandom(300_000)
    origin.answers["/"] = response(body=body)
    spent = []

    fetched = await fetcher.fetch(f"http://{NAME}/", max_size=len(body), spend=spent.append)
    fetched.blob.close()

    assert sum(spent) == len(body)


async def test_without_memory_for_a_file_the_server_is_busy(fetcher):
    def spend(_size):
        raise errors.Busy

    with pytest.raises(errors.Busy):
        await fetcher.fetch(f"http://{NAME}/", max_size=1000, spend=spend)


# Many at a time.


class Gate:
    """An answer that waits until it may go on."""

    def __init__(self) -> None:
        self.waiting = 0
        self.open = asyncio.Event()

    async def __call__(self, writer):
        self.waiting += 1
        await self.open.wait()
        writer.write(response())


async def test_a_few_are_fetched_at_a_time_a_few_wait_and_others_hear_busy(fetchers, origin):
    fetcher = fetchers(concurrency=2, queue_size=3)
    gate = origin.answers["/"] = Gate()

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(content(fetcher, f"http://{NAME}/")) for _ in range(5)]
        await until(lambda: (gate.waiting, fetcher._waiting) == (2, 3))
        assert type(await failure(fetcher, f"http://{NAME}/")) is errors.Busy
        assert gate.waiting == 2
        gate.open.set()

    assert [task.result() for task in running] == [PICTURE] * 5
    assert await content(fetcher, f"http://{NAME}/") == PICTURE


async def test_whoever_waits_too_long_hears_busy(fetchers, origin):
    fetcher = fetchers(concurrency=1, timeout=0.3)
    origin.answers["/"] = Gate()

    outcomes = await asyncio.gather(
        *(fetcher.fetch(f"http://{NAME}/", max_size=1000) for _ in range(9)),
        return_exceptions=True,
    )

    # Those whose turn came ran into the deadline of their own.
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds[0] is errors.FetchFailed
    assert errors.Busy in kinds
    assert set(kinds) == {errors.FetchFailed, errors.Busy}
    for _ in range(50):  # a deadline as short as this one is missed on a busy machine
        with suppress(errors.FetchFailed):
            assert await content(fetcher, f"http://{NAME}/other") == PICTURE
            break
    else:
        pytest.fail("nobody's turn comes any more")


@pytest.mark.parametrize("moment", ["waiting", "resolving", "answering"])
async def test_a_caller_who_leaves_leaves_nothing_behind(moment, fetchers, origin, names):
    fetcher = fetchers(concurrency=1)
    gate = origin.answers["/"] = Gate()
    files = psutil.Process().num_fds()
    first = None
    if moment == "waiting":
        first = asyncio.create_task(content(fetcher, f"http://{NAME}/"))
        await until(lambda: gate.waiting)
    if moment == "resolving":
        names.silent.add(NAME)
    names.asked.clear()
    leaver = asyncio.create_task(content(fetcher, f"http://{NAME}/"))
    signs = {
        "waiting": lambda: fetcher._waiting,
        "resolving": lambda: names.asked,
        "answering": lambda: gate.waiting,
    }
    await until(signs[moment])

    leaver.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaver

    names.silent.clear()
    gate.open.set()
    if first:
        assert await first == PICTURE
    assert await content(fetcher, f"http://{NAME}/other") == PICTURE
    await until(lambda: psutil.Process().num_fds() <= files)
