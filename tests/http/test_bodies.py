"""Bodies as they really come: in pieces, slowly, without an end, and larger than is allowed."""

import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

import pytest

from fixtures import servers
from fixtures.servers import Client, RunningServer

MIB = 1024 * 1024

HEAD = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
END = b"\r\n--x--\r\n"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server that waits one second for a body, and has 4 MiB for all of them."""
    running = servers.start(
        tmp_path_factory.mktemp("narrow"),
        env={"PIXMILL_UPLOAD_TIMEOUT": "1", "PIXMILL_UPLOAD_MEMORY_MB": "4"},
    )
    yield running
    assert running.stop() == 0


class Wire:
    """A connection on which every byte is ours."""

    def __init__(self, server: RunningServer, key: str) -> None:
        host, _, port = server.base_url.removeprefix("http://").partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._key = key

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def head(self, *headers: str, path: str = "/v1/compress") -> None:
        lines = (
            f"POST {path} HTTP/1.1",
            "Host: pixmill",
            f"Authorization: Bearer {self._key}",
            "Content-Type: multipart/form-data; boundary=x",
            *headers,
        )
        self._socket.sendall("".join(f"{line}\r\n" for line in (*lines, "")).encode())

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def chunk(self, data: bytes) -> None:
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def answer(self) -> bytes:
        """Return what the server sent, up to the end of its first answer."""
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, _, body = got.partition(b"\r\n\r\n")
        size = next(
            int(line.partition(b":")[2])
            for line in head.lower().split(b"\r\n")
            if line.startswith(b"content-length:")
        )
        while len(body) < size:
            body += self._more()
        return head + b"\r\n\r\n" + body

    def wait_for(self, words: bytes) -> None:
        """Return when the server has said *words*."""
        got = b""
        while words not in got:
            got += self._more()

    def _more(self) -> bytes:
        data = self._socket.recv(65536)
        assert data, "the server closed the connection without a whole answer"
        return data


def test_a_body_may_come_byte_by_byte(server: RunningServer, key: str, png: bytes) -> None:
    body = HEAD + png + END
    with Wire(server, key) as wire:
        wire.head(f"Content-Length: {len(body)}")
        for index in range(200):
            wire.send(body[index : index + 1])
        wire.send(body[200:])

        assert wire.answer().startswith(b"HTTP/1.1 200")


def test_a_length_over_the_limit_is_refused_before_the_body(
    server: RunningServer, key: str
) -> None:
    """OP-77."""
    with Wire(server, key) as wire:
        wire.head(f"Content-Length: {100 * MIB}")

        assert b"file_too_large" in wire.answer()


def test_a_file_over_the_limit_is_refused_before_its_end(server: RunningServer, key: str) -> None:
    """OP-77: nothing says how long this body will be, and it never ends."""
    with Wire(server, key) as wire:
        wire.head("Transfer-Encoding: chunked")
        wire.chunk(HEAD)
        for _ in range(21):
            wire.chunk(bytes(MIB))

        assert b"file_too_large" in wire.answer()


@pytest.mark.parametrize("name", ["other", "quality"])
def test_a_body_over_the_limit_is_refused_whatever_is_in_it(
    server: RunningServer, key: str, name: str
) -> None:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="a"'
    with Wire(server, key) as wire:
        wire.head("Transfer-Encoding: chunked")
        wire.chunk(b"--x\r\n" + disposition.encode() + b"\r\n\r\n")
        for _ in range(22):
            wire.chunk(bytes(MIB))

        assert b"file_too_large" in wire.answer()


@pytest.mark.parametrize("client_code", ["fetch", "http"])
def test_node_hears_of_the_limit_while_it_sends(
    server: RunningServer, key: str, client_code: str
) -> None:
    """OP-73: Node gives up with EPIPE when the connection is closed under its feet."""
    send = {
        "fetch": """
            const answer = await fetch(url, {method: 'POST', headers, body})
            console.log(answer.status, (await answer.json()).error)""",
        "http": """
            import http from 'node:http'
            const heard = await new Promise(resolve => {
                http.request(url, {method: 'POST', headers}, answer => {
                    const pieces = []
                    answer.on('data', piece => pieces.push(piece))
                    answer.on('end', () => resolve(`${answer.statusCode} ${pieces.join('')}`))
                }).on('error', resolve).end(body)
            })
            console.log(heard.replace(/{.*"file_too_large".*}/, 'file_too_large'))""",
    }[client_code]
    code = f"""
        const url = '{server.base_url}/v1/compress'
        const headers = {{Authorization: 'Bearer {key}',
                          'Content-Type': 'multipart/form-data; boundary=x'}}
        const body = Buffer.concat([Buffer.from({HEAD.decode()!r}), Buffer.alloc({50 * MIB})])
        {send}
        process.exit()
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "413 file_too_large"


def test_who_asks_first_need_not_send(server: RunningServer, key: str) -> None:
    """Expect: 100-continue, as curl sends it with every large upload."""
    with Wire(server, key) as wire:
        wire.head(f"Content-Length: {100 * MIB}", "Expect: 100-continue")

        assert wire.answer().startswith(b"HTTP/1.1 413")
    with Wire(server, "op_live_nobody_has_this") as wire:
        wire.head("Content-Length: 1000", "Expect: 100-continue")

        assert wire.answer().startswith(b"HTTP/1.1 401")


def test_an_answer_before_the_body_is_the_last_of_its_connection(
    server: RunningServer, key: str
) -> None:
    """A client that knows sends its next request on another one, and does not run into a reset."""
    with Wire(server, key) as wire:
        wire.head("Content-Length: 100000", path="/v1/nothing")

        assert b"\r\nconnection: close\r\n" in wire.answer()
    with Wire(server, key) as wire:
        wire.head("Content-Length: 3", path="/v1/compress")
        wire.send(b"--x")

        assert b"\r\nconnection: close\r\n" not in wire.answer()


def test_a_body_that_comes_too_slowly_is_given_up(narrow: RunningServer) -> None:
    with Wire(narrow, narrow.key()) as wire:
        wire.head("Content-Length: 10000")
        wire.send(HEAD)

        assert b"upload_incomplete" in wire.answer()


def test_a_drip_does_not_extend_the_deadline(narrow: RunningServer) -> None:
    with Wire(narrow, narrow.key()) as wire, ThreadPoolExecutor(1) as threads:
        wire.head("Content-Length: 10000")
        wire.send(HEAD)
        # The last byte of the answer waits for the end of the drip (`http/lingering.py`).
        heard = threads.submit(wire.wait_for, b"upload_incomplete")
        while not heard.done():
            wire.send(b"x")
            time.sleep(0.05)

        heard.result()


def test_uploads_are_kept_within_their_memory(narrow: RunningServer, png: bytes) -> None:
    client = Client(base_url=narrow.base_url, key=narrow.key())
    refused = client.post("/v1/compress", bytes(5 * MIB))

    assert refused.status_code == 503
    assert refused.json()["error"] == "server_busy"
    assert int(refused.headers["Retry-After"]) > 0
    # What the refused one held was given back.
    assert client.post("/v1/compress", png + bytes(3 * MIB)).status_code == 200
    assert client.post("/v1/compress", png + bytes(3 * MIB)).status_code == 200


def test_the_memory_is_that_of_all_callers(narrow: RunningServer) -> None:
    client = Client(base_url=narrow.base_url, key=narrow.key())

    def refused_beside_another() -> bool:
        with Wire(narrow, narrow.key()) as wire:
            wire.head("Transfer-Encoding: chunked")
            wire.chunk(HEAD + bytes(3 * MIB))
            return any(
                client.post("/v1/compress", bytes(2 * MIB)).status_code == 503 for _ in range(3)
            )

    # This server gives up on a slow upload soon, so the two may just miss each other.
    assert any(refused_beside_another() for _ in range(10))


def curl(server: RunningServer, key: str, path: str, *arguments: str, data: bytes = b"") -> str:
    """Speak HTTP/2, and return status and version of the answer."""
    done = subprocess.run(
        ["curl", "--silent", "--http2-prior-knowledge", "--output", "-",
         "--write-out", "%{stderr}%{http_code} %{http_version}",
         "--header", f"Authorization: Bearer {key}", *arguments, f"{server.base_url}{path}"],
        input=data,
        capture_output=True,
        # When curl stops sending it ends the stream early, and calls the reset that this earns it
        # an error, although it has the answer by then.
        check=False,
    )  # fmt: skip
    return done.stderr.decode().splitlines()[-1]


def test_http_2_is_spoken(server: RunningServer, key: str, png: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png)

    assert curl(server, key, "/v1/usage") == "200 2"
    assert curl(server, key, "/v1/compress", "--form", f"file=@{tmp_path / 'a.png'}") == "200 2"


def test_an_answer_before_the_body_is_heard_in_http_2_too(server: RunningServer, key: str) -> None:
    form = ("--header", "Content-Type: multipart/form-data; boundary=x", "--data-binary", "@-")
    body = HEAD + bytes(50 * MIB)

    assert curl(server, key, "/v1/compress", *form, data=body) == "413 2"
    assert curl(server, "nobody", "/v1/compress", *form, data=body) == "401 2"
