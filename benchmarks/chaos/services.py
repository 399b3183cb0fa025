"""What a grown Pixmill stands on, as servers that can be frozen, stopped and started again."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import httpx
import psutil

from pixmill.cli.bench.server import PATIENCE, free_port

from fixtures.buckets import ACCESS_KEY, SECRET_KEY
from fixtures.databases import PostgreSQL
from fixtures.servers import environment
from fixtures.valkey import ValkeyServer

BUCKET = "results"


class Service(Protocol):
    """A server that something can happen to."""

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""

    def thaw(self) -> None:
        """Let it go on where it was."""

    def kill(self) -> None:
        """End it in the middle of whatever it does."""

    def start(self) -> None:
        """Start it again after `kill`, and wait until it answers."""


class Postgres(PostgreSQL):
    """PostgreSQL, which keeps what it has committed."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._data = folder / "data"
        self._made = False
        self._frozen: list[psutil.Process] = []

    def start(self) -> None:
        """Start it, for the first time or again."""
        if not self._made:
            super().start()
            self._made = True
            return
        # With the options that it had. It also starts one that does not run.
        log = str(self._data.parent / "log")
        self._run("pg_ctl", "restart", "--wait", "--pgdata", str(self._data), "--log", log)

    def kill(self) -> None:
        """End it without letting it write down anything."""
        self.stop()

    def freeze(self) -> None:
        """Freeze all of its processes."""
        postmaster = psutil.Process(int((self._data / "postmaster.pid").read_text().split()[0]))
        postmaster.suspend()  # it makes no more of those that follow
        self._frozen = [*postmaster.children(recursive=True), postmaster]
        for process in self._frozen:
            process.suspend()

    def thaw(self) -> None:
        """Let them all go on."""
        for process in self._frozen:
            process.resume()


class S3:
    """rclone's S3 service, which checks signatures, on the files of *folder*."""

    def __init__(self, folder: Path) -> None:
        (folder / BUCKET).mkdir(parents=True)
        self._folder = folder
        address = f"127.0.0.1:{free_port()}"
        self.endpoint = f"http://{address}"
        self._command = [
            str(Path(sys.executable).with_name("rclone")), "serve", "s3", "--config", "/dev/null",
            "--addr", address, "--auth-key", f"{ACCESS_KEY},{SECRET_KEY}", str(folder),
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment(),
        )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < deadline, "rclone did not start"
            time.sleep(0.02)

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Let it take connections and answer nothing."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def _answers(self) -> bool:
        try:
            httpx.get(self.endpoint, timeout=2)
        except httpx.TransportError:
            return False
        return True


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Run PostgreSQL until the block ends."""
    with _folder("pg") as folder:
        server = Postgres(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """Run Valkey until the block ends."""
    with _folder("valkey") as folder:
        server = ValkeyServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def s3() -> Iterator[S3]:
    """Run an S3 service until the block ends."""
    with _folder("s3") as folder:
        server = S3(folder / "files")
        server.start()
        try:
            yield server
        finally:
            server.kill()


@contextmanager
def _folder(name: str) -> Iterator[Path]:
    """Give a folder that other users reach, with a path that is short enough for a socket's."""
    folder = Path(tempfile.mkdtemp(prefix=f"pixmill-{name}-", dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
