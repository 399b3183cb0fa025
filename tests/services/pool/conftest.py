"""Pools of real processes."""

import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.pool.bench import SECRET, Bench, OpenPool, StartServer


def _open_pools() -> Iterator[OpenPool]:
    benches: list[Bench] = []

    def open_pool(**options: Any) -> Bench:
        bench = Bench(**options)
        benches.append(bench)
        bench.start()
        return bench

    yield open_pool
    for bench in benches:
        bench.close()


@pytest.fixture
def open_pool() -> Iterator[OpenPool]:
    """Start a pool for one test."""
    yield from _open_pools()


@pytest.fixture(scope="module")
def open_shared_pool() -> Iterator[OpenPool]:
    """Start a pool for all tests of a module."""
    yield from _open_pools()


@pytest.fixture(scope="module")
def locked(open_shared_pool: OpenPool) -> Bench:
    """One process with every layer that this user can put on."""
    return open_shared_pool()


@pytest.fixture(scope="session")
def python_for_anybody() -> Iterator[str]:
    """Give an interpreter that every user can run, also where ours lies in the home of root."""
    ours = Path(sys.executable).resolve()
    if all(folder.stat().st_mode & stat.S_IXOTH for folder in ours.parents):
        yield sys.executable
        return
    with tempfile.TemporaryDirectory(prefix="pixmill-python-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        library = Path(sysconfig.get_path("stdlib"))
        shutil.copytree(
            library,
            home / "lib" / library.name,
            ignore=shutil.ignore_patterns(
                *("site-packages", "test", "tests", "idlelib", "lib2to3", "tkinter", "ensurepip"),
                *("distutils", "pydoc_data", "turtledemo", "config-*", "*.opt-?.pyc"),
            ),
        )
        for shared in Path(sysconfig.get_config_var("LIBDIR")).glob("libpython*.so.*"):
            shutil.copy(shared, home / "lib")
        (home / "bin").mkdir()
        copy = shutil.copy(ours, home / "bin")
        started = home / "python"
        started.write_text(f'#!/bin/sh\nLD_LIBRARY_PATH={home}/lib exec {copy} "$@"\n')
        started.chmod(0o755)
        yield str(started)


@pytest.fixture
def start_server(python_for_anybody: str) -> Iterator[StartServer]:
    """Start servers in processes of their own."""
    running: list[subprocess.Popen[str]] = []

    def start(user: int | None = None, **task: Any) -> dict[str, Any]:
        task["python"] = python_for_anybody
        server = subprocess.Popen(
            [python_for_anybody, "-P", "-m", "services.pool.driver", json.dumps(task)],
            env={"PYTHONPATH": os.pathsep.join(sys.path), "PIXMILL_DATABASE_URL": SECRET},
            cwd="/",
            stdout=subprocess.PIPE,
            text=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        running.append(server)
        assert server.stdout is not None
        report: dict[str, Any] = json.loads(server.stdout.readline())
        return report

    yield start
    for server in running:
        server.kill()
        server.communicate()
