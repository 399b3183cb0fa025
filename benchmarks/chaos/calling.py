"""A careful client: it repeats what was not answered, and waits when it is told to."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

#: Seconds that a caller waits for an answer; nothing may hang for longer.
PATIENCE = 30.0
#: Seconds before something is repeated about which nothing was said.
PAUSE = 0.3
#: Seconds, and wrong answers, after which even this one gives up.
LONGEST, MOST_WRONG = 300.0, 10
#: Answers that say: again, with the same key and the same contents.
AGAIN = frozenset({503, 429})
IN_PROGRESS = "idempotency_in_progress"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """An answer that nobody should ever get."""

    what: str
    status: int
    body: str


@dataclass(kw_only=True)
class Caller:
    """Somebody with a key, at the servers that *base_url* names one after the other."""

    base_url: Callable[[], str]
    key: str
    #: What was heard, by status; 0 is a connection that broke.
    heard: Counter[int] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)
    #: Seconds of the answer that took longest.
    slowest: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Open connections for all that follows."""
        headers = {"Authorization": f"Bearer {self.key}"}
        self._client = httpx.Client(headers=headers, timeout=PATIENCE)

    def get(self, path: str, **query: object) -> httpx.Response:
        """Ask until there is an answer."""
        # An empty one would take the place of the query that a link has.
        params = {name: str(value) for name, value in query.items()} or None
        return self.insist("GET", path, params=params)

    def insist(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - what httpx takes
        """Send a request until it has been done, with the same key and the same contents."""
        deadline, wrong = time.monotonic() + LONGEST, 0
        while time.monotonic() < deadline and wrong < MOST_WRONG:
            answer = self.once(method, path, **options)
            if answer is None:
                time.sleep(PAUSE)
            elif answer.is_success or answer.status_code in {404, 410}:
                return answer
            elif not self._again(answer):
                self._complain(f"{method} {path}", answer)
                wrong += 1
                time.sleep(1)
            else:
                time.sleep(float(answer.headers.get("Retry-After", PAUSE)))
        raise TimeoutError(f"{method} {path} was given up; wrong so far: {self.wrong[-3:]}")

    def once(self, method: str, path: str, **options: Any) -> httpx.Response | None:  # noqa: ANN401 - what httpx takes
        """Send a request; None when the connection broke."""
        url = path if path.startswith("http") else f"{self.base_url()}{path}"
        start = time.monotonic()
        try:
            answer = self._client.request(method, url, **options)
        except httpx.TimeoutException:
            self._complain_of_silence(f"{method} {path}")
            return None
        except httpx.TransportError:
            self._count(0, 0.0)
            return None
        self._count(answer.status_code, time.monotonic() - start)
        return answer

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _again(self, answer: httpx.Response) -> bool:
        if answer.status_code in AGAIN:
            if "Retry-After" not in answer.headers or "code" not in answer.json():
                self._complain("503 without its words", answer)
            return True
        return answer.status_code == 409 and answer.json().get("code") == IN_PROGRESS

    def _count(self, status: int, seconds: float) -> None:
        with self._lock:
            self.heard[status] += 1
            self.slowest = max(self.slowest, seconds)

    def _complain(self, what: str, answer: httpx.Response) -> None:
        with self._lock:
            self.wrong.append(Wrong(what=what, status=answer.status_code, body=answer.text[:500]))

    def _complain_of_silence(self, what: str) -> None:
        with self._lock:
            self.wrong.append(Wrong(what=what, status=0, body=f"no answer in {PATIENCE} s"))
