"""Callers who ask the same all the time, and note what they are told while something is away."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from benchmarks.batches import pictures
from benchmarks.chaos.calling import Caller, Wrong
from benchmarks.chaos.loading import PATH, Load
from benchmarks.chaos.worlds import World

#: Seconds between two questions of a caller.
PAUSE = 0.25


@dataclass(kw_only=True)
class Heard:
    """What one caller was told."""

    statuses: Counter[int] = field(default_factory=Counter)
    slowest: float = 0.0
    #: When the first success came that was asked for after the end of the outage.
    back_at: float | None = None
    wrong: list[Wrong] = field(default_factory=list)


class Asking:
    """Callers who ask the same again and again, and do not wait to be told when."""

    def __init__(self, world: World, load: Load) -> None:
        self.customer = world.customer()
        self._caller = Caller(base_url=lambda: world.base_url, key=self.customer.key)
        self._load = load
        self._numbers = iter(range(1_000_000, 2_000_000))
        self._over = threading.Event()
        self.ended_at = float("inf")
        self.heard = {name: Heard() for name in ("optimize", "status", "result")}
        answer = self._optimize()
        assert answer is not None
        self._link: str = answer.raise_for_status().json()["optimized_url"]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask until the block ends."""
        ways: dict[str, Callable[[], httpx.Response | None]] = {
            "optimize": self._optimize,
            "status": lambda: self._load.caller.once("GET", f"{PATH}/{self._load.parcels[0].name}"),
            "result": lambda: self._caller.once("GET", self._link),
        }
        threads = [
            threading.Thread(target=self._ask_on, args=(self.heard[name], ask))
            for name, ask in ways.items()
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._over.set()
            for thread in threads:
                thread.join()
            self._caller.close()

    @property
    def wrong(self) -> list[Wrong]:
        """Return the answers that nobody should ever get."""
        return [
            *self._caller.wrong,
            *(wrong for each in self.heard.values() for wrong in each.wrong),
        ]

    def wait_until_back(self, patience: float) -> None:
        """Wait until all had success after the outage, or for so long."""
        deadline = time.monotonic() + patience
        while any(each.back_at is None for each in self.heard.values()):
            if time.monotonic() > deadline:
                return
            time.sleep(PAUSE)

    def _ask_on(self, heard: Heard, ask: Callable[[], httpx.Response | None]) -> None:
        while not self._over.wait(PAUSE):
            start = time.monotonic()
            answer = ask()
            now = time.monotonic()
            heard.slowest = max(heard.slowest, now - start)
            heard.statuses[0 if answer is None else answer.status_code] += 1
            if answer is not None and answer.is_success:
                if heard.back_at is None and start >= self.ended_at:
                    heard.back_at = now
            elif answer is None:
                heard.wrong.append(Wrong(what="asking", status=0, body="the connection broke"))
            elif not is_proper(answer):
                said = Wrong(what="asking", status=answer.status_code, body=answer.text[:500])
                heard.wrong.append(said)

    def _optimize(self) -> httpx.Response | None:
        number = next(self._numbers)
        files = {"image": (f"{number}.png", pictures.tiny(number))}
        return self._caller.once("POST", "/api/optimize", files=files)


def is_proper(answer: httpx.Response) -> bool:
    """Say whether *answer* is one that a service that is down excuses, in Optimagio's words."""
    if answer.status_code != 503 or "Retry-After" not in answer.headers:
        return False
    return {"error", "code", "details", "request_id"} <= set(answer.json())
