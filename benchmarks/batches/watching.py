"""Looks at a server's processes: which part each one plays, its CPU time, its memory."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

from pixmill.cli.bench.server import Server

#: Seconds between two looks at memory, which takes some milliseconds from those looked at.
LOOK_SECONDS = 1.0

_FORK_SERVER = "pixmill.services.pool.forkserver"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cpu:
    """CPU seconds since the start, user and system."""

    server: float  #: the process that answers requests and runs jobs
    fork_server: float
    engine: float  #: codec processes, also those that have ended

    @property
    def total(self) -> float:
        """Return that of all processes."""
        return self.server + self.fork_server + self.engine

    def since(self, before: "Cpu") -> "Cpu":
        """Return what was spent since *before*."""
        return Cpu(
            server=self.server - before.server,
            fork_server=self.fork_server - before.fork_server,
            engine=self.engine - before.engine,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Bytes of one process."""

    rss: int
    pss: int  #: what it shares is divided among those that share it


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was seen at one moment."""

    at: float  #: of the monotonic clock
    finished: int  #: files
    cpu: Cpu
    memory: dict[str, Memory]  #: by part: server, fork server, codec 1, codec 2, …

    @property
    def pss(self) -> int:
        """Return the bytes of all processes."""
        return sum(each.pss for each in self.memory.values())


@dataclass(kw_only=True)
class Watch:
    """Looks once in a while. Whoever knows how many files are finished says so."""

    server: Server
    finished: int = 0
    looks: list[Look] = field(default_factory=list)

    def look(self) -> Look:
        """Look now, and keep what was seen."""
        look = Look(
            at=time.monotonic(),
            finished=self.finished,
            cpu=cpu(self.server.pid),
            memory=memory(self.server.pid),
        )
        self.looks.append(look)
        return look

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look once in a while until the block ends."""
        done = threading.Event()

        def look_on() -> None:
            while not done.wait(LOOK_SECONDS):
                self.look()

        thread = threading.Thread(target=look_on, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()


def parts(pid: int) -> dict[str, psutil.Process]:
    """Return the processes of the server *pid*, by the part that each plays."""
    root = psutil.Process(pid)
    found = {"server": root}
    for child in root.children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            if _FORK_SERVER in child.cmdline():
                found["fork server"] = child
                codecs = sorted(child.children(), key=lambda codec: codec.create_time())
                found |= {f"codec {number}": codec for number, codec in enumerate(codecs, 1)}
    return found


def cpu(pid: int) -> Cpu:
    """Return the CPU time of the server *pid*, by part."""
    server = fork_server = engine = 0.0
    for part, process in parts(pid).items():
        with suppress(psutil.NoSuchProcess):  # its time is with the fork server from now on
            times = process.cpu_times()
            own, ended = times.user + times.system, times.children_user + times.children_system
            if part == "server":
                server += own
                fork_server += ended  # it has no other children
            elif part == "fork server":
                fork_server += own
                engine += ended
            else:
                engine += own
    return Cpu(server=server, fork_server=fork_server, engine=engine)


def memory(pid: int) -> dict[str, Memory]:
    """Return the memory of the server *pid*, by part. Only root can see it all."""
    seen = {}
    for part, process in parts(pid).items():
        with suppress(psutil.NoSuchProcess):
            info = process.memory_full_info()
            seen[part] = Memory(rss=info.rss, pss=info.pss)
    return seen
