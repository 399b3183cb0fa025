"""Pixmill, Thumbor and ipx as running servers, each with its way to be asked."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.servers.work import Picture, Work, stamped
from pixmill.cli.bench.server import PATIENCE, Server, free_port, serving
from pixmill.settings import foreign_environment

THUMBOR = "7.8.0"
IPX = "3.1.1"

_THUMBOR_CONFIG = """
LOADER = "thumbor.loaders.file_loader"
FILE_LOADER_ROOT_PATH = {folder!r}
STORAGE = "thumbor.storages.no_storage"
RESULT_STORAGE = None
ALLOW_UNSAFE_URL = True
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contender:
    """A running server."""

    name: str
    server: Server
    ask: Callable[[Work, Picture], Mapping[str, Any]]  #: what httpx' ``request`` is called with


@contextmanager
def pixmill(folder: Path, _cache: Path, _pictures: Path) -> Iterator[Contender]:
    """Run Pixmill; every upload is one that it has not seen."""
    numbers = count()
    with serving(folder) as server:

        def ask(work: Work, picture: Picture) -> Mapping[str, Any]:
            fields = {"quality": str(work.quality), "format": work.format}
            if work.width:
                fields["width"] = str(work.width)
            return {
                "method": "POST",
                "url": f"{server.base_url}/v1/{'resize' if work.width else 'compress'}",
                "files": {"file": (picture.name, stamped(picture.data, next(numbers)))},
                "data": fields,
                "headers": {"Authorization": f"Bearer {server.key}"},
            }

        yield Contender(name="Pixmill", server=server, ask=ask)


@contextmanager
def thumbor(folder: Path, cache: Path, pictures: Path) -> Iterator[Contender]:
    """Run Thumbor with a process a core, its file loader and nothing stored."""
    home = cache / f"thumbor-{THUMBOR}"
    if not (home / "bin" / "thumbor").exists():
        _run(sys.executable, "-m", "venv", str(home))
        _run(str(home / "bin" / "pip"), "install", "--quiet", f"thumbor=={THUMBOR}")
    config = folder / "thumbor.conf"
    config.write_text(_THUMBOR_CONFIG.format(folder=str(pictures)))
    port = free_port()
    command = [str(home / "bin" / "thumbor"), "--port", str(port), "--conf", str(config)]
    processes = ["--processes", str(len(os.sched_getaffinity(0)))]

    with _running([*command, *processes], f"http://127.0.0.1:{port}", folder / "log") as server:

        def ask(work: Work, picture: Picture) -> Mapping[str, Any]:
            size = f"/{work.width}x0" if work.width else ""
            filters = f"filters:format({work.format}):quality({work.quality})"
            url = f"{server.base_url}/unsafe{size}/{filters}/{picture.name}"
            return {"method": "GET", "url": url}

        yield Contender(name=f"Thumbor {THUMBOR}", server=server, ask=ask)


@contextmanager
def ipx(folder: Path, cache: Path, pictures: Path) -> Iterator[Contender]:
    """Run ipx, a server around sharp, on the pictures' folder."""
    home = cache / f"ipx-{IPX}"
    program = home / "node_modules" / "ipx" / "bin" / "ipx.mjs"
    if not program.exists():
        home.mkdir(parents=True, exist_ok=True)
        npm = ["install", "--no-audit", "--no-fund", "--prefix", str(home), f"ipx@{IPX}"]
        _run(_program("npm"), *npm)
    port = free_port()
    where = ["--dir", str(pictures), "--host", "127.0.0.1", "--port", str(port)]
    command = [_program("node"), str(program), "serve", *where]
    with _running(command, f"http://127.0.0.1:{port}", folder / "log") as server:

        def ask(work: Work, picture: Picture) -> Mapping[str, Any]:
            changes = [f"w_{work.width}"] if work.width else []
            changes += [f"f_{work.format}", f"q_{work.quality}"]
            url = f"{server.base_url}/{','.join(changes)}/{picture.name}"
            return {"method": "GET", "url": url}

        yield Contender(name=f"ipx {IPX}", server=server, ask=ask)


#: How to run each, by the word that `--only` takes.
CONTENDERS = {"pixmill": pixmill, "thumbor": thumbor, "ipx": ipx}


@contextmanager
def _running(command: Sequence[str], base_url: str, log: Path) -> Iterator[Server]:
    start = time.perf_counter()
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=foreign_environment()
        ) as process,
    ):
        try:
            while not _answers(base_url):
                if process.poll() is not None or time.perf_counter() - start > PATIENCE:
                    sys.exit(f"{command[0]} did not start. It said:\n{log.read_text()}")
                time.sleep(0.05)
            ready = time.perf_counter() - start
            yield Server(base_url=base_url, pid=process.pid, key="", ready_seconds=ready)
        finally:
            if process.poll() is None:
                below = psutil.Process(process.pid).children(recursive=True)
                process.terminate()
                process.wait(timeout=60)
                for child in below:  # Thumbor's processes outlive the one that made them
                    with suppress(psutil.NoSuchProcess):
                        child.kill()


def _answers(base_url: str) -> bool:
    try:
        httpx.get(base_url, timeout=2)
    except httpx.TransportError:
        return False
    return True


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is not installed; leave ipx out with --only pixmill,thumbor.")
    return found


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)
