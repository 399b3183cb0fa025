"""An HTTP server for tests: it says what it is told to say, and remembers who came."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpcore

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]

PICTURE = b"a picture, as far as fetching is concerned"


def response(*headers: str, status: str = "200 OK", body: bytes = PICTURE) -> bytes:
    """Return a response with *headers*, and with a length unless one of them says it."""
    if not any(line.lower().startswith(("content-length", "transfer-")) for line in headers):
        headers = (*headers, f"Content-Length: {len(body)}")
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return response(f"Location: {location}", status=status, body=b"")


@dataclass
class Origin:
    """One server. Paths without an answer are pictures."""

    answers: dict[str, Answer] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)  #: heads of requests
    contacts: int = 0  #: connections
    port: int = 0

    @property
    def paths(self) -> list[str]:
        return [head.split(" ")[1] for head in self.requests]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.contacts += 1
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            self.requests.append(head)
            answer = self.answers.get(head.split(" ")[1], response())
            if isinstance(answer, bytes):
                writer.write(answer)
                await writer.drain()
            else:
                await answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()


@asynccontextmanager
async def running(
    origin: Origin, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[Origin]:
    """Let *origin* listen on a free port of *host*."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await origin.serve(reader, writer)
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            tasks.discard(task)

    # A second server of one origin shares its port, as web servers do for IPv4 and IPv6.
    server = await asyncio.start_server(serve, host, origin.port, ssl=tls)
    origin.port = server.sockets[0].getsockname()[1]
    try:
        yield origin
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks)


class Internet(httpcore.AsyncNetworkBackend):
    """Writes down which addresses are dialed, and has all of them lead to one origin."""

    def __init__(self, origin: Origin) -> None:
        self.dialed: list[str] = []
        self.ports: list[int] = []
        self.dead: set[str] = set()
        self._origin = origin
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(self, host, port, **options):
        self.dialed.append(host)
        self.ports.append(port)
        if host in self.dead:
            raise httpcore.ConnectError
        return await self._network.connect_tcp("127.0.0.1", self._origin.port, **options)


class Names:
    """A name service whose answers may change from one question to the next."""

    def __init__(self) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.silent: set[str] = set()  #: names whose servers never answer

    def add(self, name: str, *answers: list[str]) -> str:
        """Let *name* have these addresses: each answer once, the last one for ever."""
        self.answers[name] = list(answers)
        return name

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host in self.silent:
            await asyncio.sleep(3600)
        answers = self.answers.get(host)
        if not answers:
            raise OSError("no such name")
        return answers.pop(0) if len(answers) > 1 else answers[0]
