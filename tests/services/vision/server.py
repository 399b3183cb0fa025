"""A server like OpenAI's, on a real port, which answers as a test has written it down."""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = "sk-this-is-nobodys-business"
MODEL = "tiny-eyes"

WORDS = {
    "alt": "A red kite above a beach at low tide, its tail pointing left.",
    "title": "Red kite over the beach",
    "caption": "A kite in the wind, late in the afternoon.",
    "description": "A red diamond-shaped kite flies above a wide beach. The tide is out.",
    "filename": "red-kite-beach",
    "keywords": ["kite", "beach", "wind"],
}
GOOD = json.dumps(WORDS)

#: Characters that come in one piece of a stream.
PIECE = 11


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request, as it came."""

    path: str
    headers: dict[str, str]  #: their names in small letters
    body: dict[str, Any]

    @property
    def form(self) -> str | None:
        form: str | None = self.body.get("response_format", {}).get("type")
        return form


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.script.take(self, Asked(path=self.path, headers=headers, body=body))

    def do_GET(self) -> None:
        """Hear it, if somebody follows a redirect."""
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.script.take(self, Asked(path=self.path, headers=headers, body={}))

    def begin(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def begin_stream(self) -> None:
        self.begin(Content_Type="text/event-stream; charset=utf-8", Transfer_Encoding="chunked")

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def event(self, data: object) -> None:
        self.chunk(f"data: {data if isinstance(data, str) else json.dumps(data)}\n\n".encode())

    def words(self, text: str) -> None:
        for at in range(0, len(text), PIECE):
            self.event(delta(content=text[at : at + PIECE]))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


Answer = Callable[[Handler, Asked], None]


def delta(finish: str | None = None, **fields: object) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def streaming(text: str = GOOD, *, finish: str | None = "stop", done: bool = True) -> Answer:
    def answer(handler: Handler, asked: Asked) -> None:
        del asked
        handler.begin_stream()
        handler.chunk(b": good morning\r\n\r\n")
        handler.event(delta(role="assistant", content=None))
        handler.words(text)
        if finish:
            handler.event(delta(finish))
        if done:
            handler.event("[DONE]")
        handler.chunk(b"")

    return answer


def events(*data: object) -> Answer:
    """Answer with these events, and no more."""

    def answer(handler: Handler, asked: Asked) -> None:
        del asked
        handler.begin_stream()
        for each in data:
            handler.event(each)
        handler.chunk(b"")

    return answer


def cut(text: str = GOOD[:60]) -> Answer:
    """Begin well, and break the connection off."""

    def answer(handler: Handler, asked: Asked) -> None:
        del asked
        handler.begin_stream()
        handler.words(text)
        handler.close_connection = True

    return answer


def saying(status: int, body: object = "", **headers: str) -> Answer:
    def answer(handler: Handler, asked: Asked) -> None:
        del asked
        data = body if isinstance(body, str) else json.dumps(body)
        handler.begin(status, Content_Length=str(len(data.encode())), **headers)
        handler.wfile.write(data.encode())

    return answer


def plain(message: object, *, finish: str | None = "stop") -> Answer:
    """Answer in one piece, whether a stream was asked for or not."""
    choice = {"index": 0, "message": message, "finish_reason": finish}
    return saying(200, {"choices": [choice]}, Content_Type="application/json")


def knowing(*forms: str | None, answer: Answer) -> Answer:
    """Take only requests with one of *forms* of an answer."""

    def pick(handler: Handler, asked: Asked) -> None:
        error = {"error": {"message": f"no {asked.form} {KEY}", "code": "bad_form"}}
        (answer if asked.form in forms else saying(400, error))(handler, asked)

    return pick


@dataclass
class Script:
    """What was asked, and the answers to come. The last one stays."""

    base_url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: Sequence[Answer] = (streaming(),)
    #: Set at the test's end: nothing waits longer.
    over: threading.Event = field(default_factory=threading.Event)
    #: Set when a client has gone in the middle of an answer.
    left: threading.Event = field(default_factory=threading.Event)

    def says(self, *answers: Answer) -> None:
        self.answers = answers

    def take(self, handler: Handler, asked: Asked) -> None:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(asked)
        try:
            answer(handler, asked)
        except OSError:
            self.left.set()
            raise

    def hang(self, handler: Handler, asked: Asked) -> None:
        """Say nothing, as long as the test runs."""
        del asked
        self.over.wait()
        handler.close_connection = True

    def stall(self, handler: Handler, asked: Asked) -> None:
        """Begin well, and say no more."""
        handler.begin_stream()
        handler.words(GOOD[:60])
        self.hang(handler, asked)

    def endless(self, data: bytes) -> Answer:
        """Say *data* again and again, and never come to an end."""

        def answer(handler: Handler, asked: Asked) -> None:
            del asked
            handler.begin_stream()
            while not self.over.is_set():
                handler.chunk(data)

        return answer


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients leave, and that is what some tests are about."""


@contextmanager
def serving() -> Iterator[Script]:
    """Run a server; give its script."""
    script = Script()
    with _Server(script) as server:
        script.base_url = f"http://127.0.0.1:{server.server_port}/v1"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield script
        finally:
            script.over.set()
            server.shutdown()
            thread.join()
