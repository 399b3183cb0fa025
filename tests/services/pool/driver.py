"""
A server in a process of its own, which can run as another user and be killed.

``python -m services.pool.driver TASK`` takes a JSON object: *python*, which every process is to
use, *disable* and *config* for the pool, *requests*, and *stay*: requests that nobody answers.
It prints one JSON object about the server, its processes and the answers; with something to stay
for, it does not end by itself.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from services.pool.bench import Bench


def readable() -> dict[str, bool]:
    """Say which of the files that programs read about themselves can be read."""
    names = ("status", "stat", "statm", "limits", "maps", "smaps_rollup")
    texts = {name: bool(Path("/proc/self", name).read_text()) for name in names}
    return texts | {"fd": any(Path("/proc/self/fd").iterdir())}


async def work(bench: Bench, task: dict[str, Any]) -> None:
    processes = await bench.answer("process")
    answers = [await bench.answer(*request) for request in task.get("requests", [])]
    staying = [asyncio.create_task(bench.answer(*request)) for request in task.get("stay", [])]
    status = bench.pool.status()
    while status.busy < len(staying):
        await asyncio.sleep(0.01)
        status = bench.pool.status()
    report = {
        "answers": answers,
        "server": os.getpid(),
        "fork server": processes["parent"],
        "process": processes,
        "layers": status.layers,
        "missing": dict(status.missing),
        "readable": readable(),
    }
    print(json.dumps(report), flush=True)  # noqa: T201 this is what it is for
    await asyncio.gather(*staying)


def main() -> None:
    task = json.loads(sys.argv[1])
    sys.executable = task["python"]
    bench = Bench(disable=frozenset(task.get("disable", ())), **task.get("config", {}))
    bench.start()
    try:
        bench.run(work(bench, task))
    finally:
        bench.close()


if __name__ == "__main__":
    main()
