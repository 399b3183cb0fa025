"""Pixmill's own processes, each of which is started again when it ends, as an operator's would."""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Literal

import httpx
import psutil

from benchmarks.batches.watching import parts
from pixmill.cli.bench.server import free_port
from pixmill.settings import foreign_environment

Role = Literal["serve", "worker"]

#: Seconds between two looks whether a process is ready.
LOOK_SECONDS = 0.05
#: Seconds that a process gets to become ready, or to end by itself, on a busy machine.
PATIENCE = 120


class Node:
    """
    One process of Pixmill under supervision, with its own data in *folder*.

    *prefix* is put before its command, to have it run somewhere.
    """

    def __init__(
        self, role: Role, *, folder: Path, env: Mapping[str, str], prefix: tuple[str, ...] = ()
    ) -> None:
        folder.mkdir(parents=True)
        self.role = role
        self.name = folder.name
        self.log_path = folder / "log"
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self._command = [
            *prefix, sys.executable, "-m", "pixmill", role,
            "--port", str(port), "--data-dir", str(folder), "--log-format", "json",
        ]  # fmt: skip
        self._env = {**foreign_environment(), **env}
        #: Seconds from each start after the first until it served.
        self.restarts: list[float] = []
        #: Codec processes and fork servers that belonged to it when it was killed.
        self.orphans: list[psutil.Process] = []
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False
        self._ready = threading.Event()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)

    @property
    def pid(self) -> int:
        """Return the id of the process that runs at the moment, or ran last."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, and see to it from now on that it runs."""
        self._supervisor.start()

    def wait_until_ready(self) -> None:
        """Wait until it serves."""
        if not self._ready.wait(PATIENCE):
            sys.exit(f"{self.name} did not start. It said:\n{self.log_path.read_text()[-5000:]}")

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        assert self._process is not None
        with suppress(psutil.NoSuchProcess):
            self.orphans += psutil.Process(self.pid).children(recursive=True)
        self._ready.clear()
        self._process.kill()

    def codecs(self) -> list[psutil.Process]:
        """Return its codec processes."""
        with suppress(psutil.NoSuchProcess):
            return [each for part, each in parts(self.pid).items() if part.startswith("codec")]
        return []

    def stop(self) -> int:
        """Stop it as an operator does, and return its exit code."""
        self._stopping = True
        assert self._process is not None
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._supervisor.join()

    def _supervise(self) -> None:
        first = True
        while not self._stopping:
            start = time.monotonic()
            with self.log_path.open("ab") as log:
                process = subprocess.Popen(
                    self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._env
                )
            self._process = process
            if self._becomes_ready(process):
                if not first:
                    self.restarts.append(time.monotonic() - start)
                first = False
                self._ready.set()
            process.wait()
            self._ready.clear()

    def _becomes_ready(self, process: subprocess.Popen[bytes]) -> bool:
        while process.poll() is None:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.base_url}/readyz", timeout=2).is_success:
                    return True
            time.sleep(LOOK_SECONDS)
        return False
