"""A server of its own, on a free port with a folder of its own, for as long as a measurement."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil

from pixmill.settings import foreign_environment

#: Seconds until a server that has not become ready is given up.
PATIENCE = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server and what to know of it."""

    base_url: str
    pid: int
    key: str
    ready_seconds: float  #: from its start until it took work

    def processes(self) -> list[psutil.Process]:
        """Return the server's process and all below it."""
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]

    def cpu_seconds(self) -> float:
        """Return the CPU time of the whole process tree so far, ended processes included."""
        total = 0.0
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):  # replaced meanwhile, and counted by its parent
                times = process.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total

    def memory_size(self) -> int:
        """
        Return the bytes of memory in use; what processes share is counted once (PSS).

        The server and its codec processes hide their memory from everybody but root, who alone can
        have it counted so; for others it is the sum of what is resident (RSS).
        """
        return sum(_memory_size(process) for process in self.processes())


@contextmanager
def serving(
    data_dir: Path, *, plan: str = "self-hosted", settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """
    Run a server until the block ends; *settings* are environment variables of its own.

    Exits with its words when it does not start.
    """
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    pixmill = [sys.executable, "-m", "pixmill"]
    log = data_dir / "server.log"
    environment = {**foreign_environment(), **(settings or {})}  # never the operator's own database
    start = time.perf_counter()
    with (
        log.open("wb") as output,
        subprocess.Popen(  # noqa: S603 - our own program
            [*pixmill, "serve", "--port", str(port), "--data-dir", str(data_dir)],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
        ) as process,
    ):
        try:
            _wait(base_url, process, log)
            ready = time.perf_counter() - start
            made = subprocess.run(  # noqa: S603
                [*pixmill, "keys", "create", "--plan", plan, "--data-dir", str(data_dir)],
                check=True,
                capture_output=True,
                text=True,
                env=environment,
            )
            yield Server(
                base_url=base_url, pid=process.pid, key=made.stdout.strip(), ready_seconds=ready
            )
        finally:
            process.terminate()
            process.wait(timeout=60)


def _memory_size(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:  # replaced meanwhile
        return 0


def free_port() -> int:
    """Return a port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(base_url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{base_url}/readyz", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    words = log.read_text(errors="replace")
    sys.exit(f"The server did not become ready. It said:\n{words or json.dumps(None)}")
