"""How the tests of Picture Optimizer ask for something."""

import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import requests

from services.vision.server import GOOD, Answer, Asked, Handler, streaming

from fixtures.servers import PATIENCE, Client, RunningServer

Body = dict[str, Any]

SESSIONS = "/v1/sessions"

#: Files of an upload, each under its name.
Files = Sequence[tuple[str, bytes]]


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event, as a client reads it."""

    name: str
    data: Any
    id: int


def someone(server: RunningServer, plan: str = "picture-optimizer-starter") -> Client:
    """Give somebody for whom nothing was done yet."""
    return Client(base_url=server.base_url, key=server.key(plan))


def upload(client: Client, files: Files, *, field: str = "images[]") -> Body:
    """Begin a session with *files*."""
    answer = send(client, files, field=field)
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


def send(
    client: Client, files: Files, *, field: str = "images[]", path: str = SESSIONS
) -> requests.Response:
    parts: list[tuple[str, Any]] = [(field, file) for file in files]
    return client.request("POST", path, files=parts or {"nothing": (None, "")})


def images(session: Body) -> list[Body]:
    """Return the images of a session as requests name them (PO-39)."""
    return [
        {name: image[name] for name in ("id", "uploadPath", "originalFilename")}
        for image in session["images"]
    ]


def post(client: Client, path: str, body: object, **options: Any) -> requests.Response:
    return client.request("POST", path, json=body, **options)


def stream(client: Client, path: str, body: object) -> requests.Response:
    """Begin a run, and open its stream."""
    answer = post(client, path, body, stream=True)
    assert answer.status_code == 200, answer.text
    return answer


def analyze(client: Client, session: Body, **more: object) -> list[Event]:
    """Have all images of a session described, and hear all of it."""
    body = {"sessionId": session["sessionId"], "images": images(session), **more}
    return list(events(stream(client, "/v1/analyze", body)))


def export(
    client: Client, session: Body, settings: Mapping[str, object] | None = None, **more: object
) -> list[Event]:
    """Have files made of all images of a session, and hear all of it."""
    body = {"sessionId": session["sessionId"], "images": images(session), **more}
    return list(events(stream(client, "/v1/export", {**body, "settings": dict(settings or {})})))


def follow(
    client: Client, session: Body, *, after: int | None = None, **query: str
) -> requests.Response:
    """Open the stream of a session."""
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    path = f"{SESSIONS}/{session['sessionId']}/events"
    return client.request("GET", path, headers=headers, params=query, stream=True)


def events(answer: requests.Response) -> Iterator[Event]:
    """Read events as the standard says; comments are left out."""
    lines: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(":")
        if line:
            lines[name] = value.removeprefix(" ")
        else:
            if "data" in lines:
                yield Event(
                    name=lines["event"], data=json.loads(lines["data"]), id=int(lines["id"])
                )
            lines = {}


def named(heard: Sequence[Event], name: str) -> list[Any]:
    """Return the data of the events called *name*."""
    return [event.data for event in heard if event.name == name]


def balance(client: Client) -> int:
    """Return how many credits there are."""
    answer = client.request("GET", "/v1/credits/balance")
    assert answer.status_code == 200, answer.text
    found: int = answer.json()["balance"]
    return found


def refused(answer: requests.Response, status: int, code: str) -> Body:
    """Check that *answer* is that error, and return its body (PO-13)."""
    body: Body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert isinstance(body["error"], str)
    assert body["error"]
    assert answer.headers["Cache-Control"] == "no-store"
    return body


@dataclass
class Eyes:
    """A model that describes so many pictures at once, and then waits until it may go on."""

    left: threading.Semaphore

    def answer(self, text: str = GOOD) -> Answer:
        """Return an answer that waits for its turn, in the middle of it."""

        def wait(handler: Handler, asked: Asked) -> None:
            assert self.left.acquire(timeout=PATIENCE)
            streaming(text)(handler, asked)

        return wait


def until(done: Any) -> None:
    """Wait for *done*."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.05)
