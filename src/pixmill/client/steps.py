"""What a conversation wants done next, and what it hears of it; nothing here touches a network."""

import json
import random
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pixmill.client.failures import ConnectionFailed, PixmillError, failure

T = TypeVar("T")

#: A file of a form: the field, the name, the bytes.
Part = tuple[str, str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """A request."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[Part] = field(default=(), repr=False)
    body: object = None  #: JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    linked: bool = False  #: the path is of a link: it goes without the key


@dataclass(frozen=True, slots=True)
class Sleep:
    """Seconds to wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server has answered; the names of *headers* are in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes = field(repr=False)

    def json(self) -> Any:  # noqa: ANN401 - whatever it is
        """Return the body. Raises ServerFailed when it is no JSON."""
        try:
            return json.loads(self.data)
        except ValueError:
            raise failure(
                502, None, request_id=self.request_id, fallback="The answer is no JSON."
            ) from None

    @property
    def request_id(self) -> str | None:
        """Return what finds the request in the server's log."""
        return self.headers.get("x-request-id")


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no answer, for a reason."""

    reason: str


#: Yields what to do and is sent what came of it; returns what it was about.
Conversation = Generator[Send | Sleep, Reply | Lost | None, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often and how long to try again."""

    tries: int = 6
    first: float = 0.25  #: seconds before the second try; each further one waits twice as long
    longest: float = 30.0  #: seconds, also when the server says more

    def before(self, attempt: int, reply: Reply | Lost) -> float | None:
        """Return seconds until the next try after the *attempt*-th; None when there is none."""
        if attempt >= self.tries:
            return None
        wait = min(self.longest, self.first * 2.0 ** (attempt - 1))
        wait *= random.uniform(0.5, 1)  # noqa: S311 - spreads clients, hides nothing
        if isinstance(reply, Lost):
            return wait
        if reply.status not in {409, 429, 500, 502, 503, 504}:
            return None
        code = _code(reply)
        if reply.status in {409, 429} and code not in {"idempotency_in_progress", "rate_limited"}:
            return None
        if code == "processing_timeout":
            return None
        said = reply.headers.get("retry-after", "")
        return min(self.longest, max(wait, float(said))) if said.isdigit() else wait


#: Try only once: for what must not be done twice.
ONCE = Patience(tries=1)


def ask(send: Send, patience: Patience, *, expect: Sequence[int] = ()) -> Conversation[Reply]:
    """Send a request until there is an answer; a status among *expect* is none that is raised."""
    attempt = 0
    while True:
        attempt += 1
        reply = yield send
        assert reply is not None
        if isinstance(reply, Reply) and (reply.status < 400 or reply.status in expect):
            return reply
        wait = patience.before(attempt, reply)
        if wait is None:
            raise failed(reply)
        yield Sleep(wait)


def content(source: bytes | Path) -> tuple[str, bytes]:
    """Return the name and the bytes of a picture. Raises OSError."""
    if isinstance(source, bytes):
        return "image", source
    return source.name, source.read_bytes()


def failed(reply: Reply | Lost) -> PixmillError:
    """Return what a *reply* that is no success means."""
    if isinstance(reply, Lost):
        return ConnectionFailed(
            f"The server cannot be reached: {reply.reason}", code="connection_failed"
        )
    try:
        body = json.loads(reply.data)
    except ValueError:
        body = None
    fallback = f"The server answered {reply.status}."
    return failure(reply.status, body, request_id=reply.request_id, fallback=fallback)


def _code(reply: Reply) -> str | None:
    try:
        body = json.loads(reply.data)
    except ValueError:
        return None
    return body.get("code") if isinstance(body, dict) else None
