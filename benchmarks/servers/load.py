"""Puts servers under load, in turns, and watches what it takes them."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from benchmarks.servers.contenders import Contender
from benchmarks.servers.work import Picture, Work

CLIENTS = (1, 4)

#: How often memory is looked at, in seconds.
SAMPLE_EVERY = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """All pictures through one server, by so many clients at once."""

    cpu: float  #: seconds an image, of all processes of the server
    rate: float  #: images a second
    latencies: list[float]  #: seconds


@dataclass(slots=True, kw_only=True)
class Found:
    """Everything seen of one server at one work."""

    rounds: dict[int, list[Round]] = field(default_factory=lambda: {n: [] for n in CLIENTS})
    idle: int = 0  #: bytes of memory
    peak: int = 0


def measure(
    contenders: Sequence[Contender],
    work: Work,
    jobs: Sequence[Picture],
    *,
    rounds: int,
    step: Callable[[], None],
) -> dict[str, Found]:
    """Give each contender its turn in every round, each time another one the first."""
    found = {contender.name: Found() for contender in contenders}
    for number in range(rounds):
        turn = number % len(contenders)
        for clients in CLIENTS:
            for contender in [*contenders[turn:], *contenders[:turn]]:
                took = load(contender, work, jobs, clients=clients)
                found[contender.name].rounds[clients].append(took)
                step()
    for contender in contenders:  # apart, because looking takes time from those looked at
        found[contender.name].idle = contender.server.memory_size()
        with _watching(contender) as peak:
            load(contender, work, jobs, clients=max(CLIENTS))
        found[contender.name].peak = max(found[contender.name].idle, peak[0])
        step()
    return found


def load(contender: Contender, work: Work, jobs: Sequence[Picture], *, clients: int) -> Round:
    """Send every picture once."""
    with httpx.Client(timeout=120) as client:

        def send(picture: Picture) -> float:
            request = client.build_request(**contender.ask(work, picture))
            start = time.perf_counter()
            client.send(request).raise_for_status()
            return time.perf_counter() - start

        before, start = contender.server.cpu_seconds(), time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            latencies = list(pool.map(send, jobs))
        wall = time.perf_counter() - start
        cpu = contender.server.cpu_seconds() - before
    return Round(cpu=cpu / len(jobs), rate=len(jobs) / wall, latencies=latencies)


@contextmanager
def _watching(contender: Contender) -> Iterator[list[int]]:
    """Give a list whose one entry is the most memory seen so far."""
    peak, done = [contender.server.memory_size()], threading.Event()

    def look() -> None:
        while not done.wait(SAMPLE_EVERY):
            peak[0] = max(peak[0], contender.server.memory_size())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
