"""What happened to work, written by all processes that do it, in the order in which it happened."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from services.queue.waiting import until


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    what: str
    argument: str
    pid: int


class Diary:
    def __init__(self, path: Path) -> None:
        self.path = path
        #: Work that waits goes on once this file is there.
        self._gate = path.with_suffix(".gate")
        path.touch()

    def write(self, what: str, argument: str = "") -> None:
        entry = Entry(what=what, argument=argument, pid=os.getpid())
        with self.path.open("a") as file:
            file.write(json.dumps(asdict(entry)) + "\n")

    def entries(self, what: str | None = None) -> list[Entry]:
        lines = self.path.read_text().splitlines()
        every = [Entry(**json.loads(line)) for line in lines]
        return [entry for entry in every if what in {None, entry.what}]

    def arguments(self, what: str) -> list[str]:
        return [entry.argument for entry in self.entries(what)]

    async def until(self, what: str, count: int) -> None:
        """Wait until so many times something has happened."""
        await until(lambda: len(self.entries(what)) >= count)

    def open_gate(self) -> None:
        self._gate.touch()

    def gate_is_open(self) -> bool:
        return self._gate.exists()
