"""Somebody's server, which messages are sent to: a real one, that answers what it is told to."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

#: A status; or something to be done with the request in place of an answer.
Answer = int | Callable[[BaseHTTPRequestHandler], None]


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One message, as it came."""

    path: str
    headers: dict[str, str]  #: their names in small letters
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Receiver:
    """A server; what it heard, and for each path the answers to come. The last one stays."""

    base_url: str = ""
    heard: list[Heard] = field(default_factory=list)
    _answers: dict[str, list[Answer]] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str = "/hook", *answers: Answer) -> str:
        """Return a URL that gives these answers, one after the other; 200 without any."""
        self._answers[path] = list(answers) or [200]
        return f"{self.base_url}{path}"

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        answers = self._answers.get(handler.path, [404])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        self.heard.append(Heard(path=handler.path, headers=headers, body=body))
        if isinstance(answer, int):
            handler.send_response(answer)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            answer(handler)

    def hang(self, handler: BaseHTTPRequestHandler) -> None:
        """Say nothing, as long as the test runs."""
        del handler
        self._over.wait()

    def flood(self, handler: BaseHTTPRequestHandler) -> None:
        """Accept, and go on and on about it."""
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        while not self._over.is_set():
            handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")

    def mumble(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer with what is no HTTP."""
        handler.wfile.write(b"250 OK queued as 1234\r\n")
        handler.close_connection = True

    def end(self) -> None:
        self._over.set()


def redirecting(to: str, status: int = 307) -> Answer:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return redirect


def saying(body: bytes, status: int = 200, **headers: str) -> Answer:
    def say(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    return say


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: whoever sends leaves a flood, and that is what some tests are about."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            receiver.take(self)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        receiver.base_url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.end()
            server.shutdown()
            thread.join()
