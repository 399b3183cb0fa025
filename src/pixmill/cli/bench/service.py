"""What the service adds to the bare engine: CPU, latency, throughput, memory."""

import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from pixmill.cli.bench.server import Server, serving
from pixmill.engine.probe import probe

#: How often memory is looked at, in seconds.
SAMPLE_EVERY = 0.1

# The bare engine in a process of its own, with the same surroundings as a codec process.
_BARE = """
import json, sys, time
from pathlib import Path
from pixmill.engine.optimize import optimize
from pixmill.engine.types import Limits, Options
names, format_, rounds = json.loads(sys.argv[1])
files = [Path(name).read_bytes() for name in names]
options = Options(format=format_)
for data in files:
    optimize(data, options, Limits())
for line in sys.stdin:
    start = time.process_time()
    for _ in range(rounds):
        for data in files:
            optimize(data, options, Limits())
    print(time.process_time() - start, flush=True)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFigures:
    """The service on one set of pictures."""

    pictures: int
    megapixels_mean: float
    format: str
    engine_cpu_ms: float  #: an image, in a bare loop
    service_cpu_ms: float  #: an image, all processes of the server together
    ratio: float  #: median over the rounds of service ÷ engine, taken one after the other
    images_per_second: dict[int, float]  #: by number of clients
    p50_ms: dict[int, float]
    p99_ms: dict[int, float]
    idle_memory_mb: float  #: PSS of all processes, before the first image
    peak_memory_mb: float
    ready_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def measure(
    files: Sequence[Path],
    *,
    format_: str,
    rounds: int,
    repeat: int,
    data_dir: Path,
    say: Callable[[str], None],
) -> ServiceFigures:
    """Measure *rounds* times, each with every picture *repeat* times."""
    images = len(files) * repeat
    uploads = [(path.name, path.read_bytes()) for path in files]
    with serving(data_dir) as server, _bare(files, format_, repeat) as bare:
        idle = server.memory_size()
        with _Watch(server) as watch:
            _load(server, uploads, format_, clients=1, repeat=1)
            pairs = []
            latencies: dict[int, list[float]] = {1: [], 4: []}
            wall: dict[int, list[float]] = {1: [], 4: []}
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}")
                engine = bare.run()
                before = server.cpu_seconds()
                seconds, times = _load(server, uploads, format_, clients=1, repeat=repeat)
                pairs.append((engine, server.cpu_seconds() - before))
                wall[1].append(seconds)
                latencies[1] += times
                seconds, times = _load(server, uploads, format_, clients=4, repeat=repeat)
                wall[4].append(seconds)
                latencies[4] += times
        ready = server.ready_seconds
    return ServiceFigures(
        pictures=len(files),
        megapixels_mean=round(_megapixels(files), 3),
        format=format_,
        engine_cpu_ms=round(1000 * statistics.median(e for e, _ in pairs) / images, 2),
        service_cpu_ms=round(1000 * statistics.median(s for _, s in pairs) / images, 2),
        ratio=round(statistics.median(s / e for e, s in pairs), 3),
        images_per_second={n: round(images / min(wall[n]), 2) for n in wall},
        p50_ms={n: round(1000 * statistics.median(latencies[n]), 1) for n in latencies},
        p99_ms={n: round(1000 * _quantile(latencies[n], 0.99), 1) for n in latencies},
        idle_memory_mb=round(idle / 1e6, 1),
        peak_memory_mb=round(watch.peak / 1e6, 1),
        ready_seconds=round(ready, 2),
    )


class _bare:  # noqa: N801 - reads as the verb that it is
    """A process that runs the engine on demand and tells what CPU it took."""

    def __init__(self, files: Sequence[Path], format_: str, repeat: int) -> None:
        job = json.dumps([[str(path) for path in files], format_, repeat])
        self._process = subprocess.Popen(  # noqa: S603 - our own program
            [sys.executable, "-c", _BARE, job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2", "OPENBLAS_NUM_THREADS": "1"},
        )

    def run(self) -> float:
        """Return the CPU seconds of one round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=60)


class _Watch:
    """Looks at the server's memory while work goes on."""

    def __init__(self, server: Server) -> None:
        self.peak = 0
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._done.wait(SAMPLE_EVERY):
            self.peak = max(self.peak, self._server.memory_size())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()


def _load(
    server: Server,
    uploads: Sequence[tuple[str, bytes]],
    format_: str,
    *,
    clients: int,
    repeat: int,
) -> tuple[float, list[float]]:
    """Send every upload *repeat* times; return the seconds in all and of each call."""
    headers = {"Authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=120) as client:

        def send(upload: tuple[str, bytes]) -> float:
            start = time.perf_counter()
            answer = client.post("/v1/compress", files={"file": upload}, data={"format": format_})
            answer.raise_for_status()
            return time.perf_counter() - start

        start = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            times = list(pool.map(send, list(uploads) * repeat))
        return time.perf_counter() - start, times


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _megapixels(files: Sequence[Path]) -> float:
    sizes = [probe(path.read_bytes()) for path in files]
    return sum(size.pixels for size in sizes) / len(sizes) / 1e6
