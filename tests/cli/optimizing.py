"""`pixmill optimize` in tests: in this process where a process is not the point."""

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from pixmill.cli import app
from pixmill.cli.optimize.types import Look, Made, Order, Place, Savings


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "pixmill", "optimize", *map(str, arguments)]


def process(
    *arguments: object, cwd: Path, stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        command(*arguments), cwd=cwd, input=stdin, capture_output=True, check=False, timeout=120
    )


def optimize(*arguments: object, cwd: Path) -> Result:
    with chdir(cwd):
        return CliRunner().invoke(app, ["optimize", *map(str, arguments)])


def report(*arguments: object, cwd: Path, code: int = 0) -> dict[str, Any]:
    """Return what ``--json`` tells."""
    done = optimize(*arguments, "--json", cwd=cwd)
    assert done.exit_code == code, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def statuses(document: dict[str, Any]) -> dict[str, list[str]]:
    return {each["file"]: [one["status"] for one in each["outputs"]] for each in document["files"]}


def names(folder: Path) -> set[str]:
    """Return all files below *folder*, but for the cache."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".pixmill-cache.json"
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in names(folder)}


class Halver:
    """Makes of every picture its first half; the engine is not the point."""

    engine = "halver"
    places = 2

    def __init__(self) -> None:
        self.made = 0
        self.started = 0

    async def start(self) -> None:
        self.started += 1

    async def make(self, data: bytes, order: Order, format_: str) -> Made:
        del order, format_
        self.made += 1
        half = data[: len(data) // 2]
        return Made(data=half, format="jpeg", how="encoded", score=None, resized=False)

    async def stop(self) -> None:
        pass


def order(kind: str = "here", **changes: Any) -> Order:
    folder = changes.pop("folder", None)
    values = {
        "look": Look(),
        "formats": ("same",),
        "place": Place(kind=kind, folder=folder),  # type: ignore[arg-type] # a test's own word
        "savings": Savings(),
    }
    return Order(**(values | changes))


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process become larger: the nearest thing to a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
