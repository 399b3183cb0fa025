"""A pool of real processes, and a way to ask one of them something from a plain function."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any, Self, TypeVar

import psutil

from pixmill.engine.types import Options
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.pool import Pool
from pixmill.services.pool.types import Optimized, PoolConfig

T = TypeVar("T")

CONFIG: dict[str, Any] = {
    "workers": 1,
    "queue_size": 100,
    "queue_timeout": 30.0,
    "job_timeout": 30.0,
    "memory_size": 1 << 30,
    "worker_memory_size": 1 << 30,
    "worker_jobs": 1000,
}


class Bench:
    """A pool that runs probes, with an event loop of its own."""

    def __init__(
        self,
        *,
        preload: str = "services.pool.probes:preload",
        target: str = "services.pool.probes:do",
        disable: frozenset[str] = frozenset(),
        loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
        **config: Any,
    ) -> None:
        self.pool = Pool(
            PoolConfig(**(CONFIG | config)), preload=preload, target=target, disable=disable
        )
        self._runner = asyncio.Runner(loop_factory=loop_factory)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(coroutine)

    def start(self) -> None:
        self.run(self.pool.start())

    def close(self) -> None:
        self.run(self.pool.stop(grace=0))
        self._runner.close()

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def optimize(
        self,
        *request: object,
        memory_size: int = 1,
        options: Options | None = None,
        patient: bool = False,
    ) -> Optimized:
        """Have a process do the probe ``request[0]`` with the rest as its arguments."""
        with Blob.of(json.dumps(request).encode()) as blob:
            return await self.pool.optimize(
                blob, options or Options(), memory_size=memory_size, patient=patient
            )

    async def answer(self, *request: object) -> Any:
        return json.loads((await self.optimize(*request)).data)

    def ask(self, *request: object) -> Any:
        return self.run(self.answer(*request))


async def until(condition: Callable[[], bool]) -> None:
    """Let the event loop run until *condition* holds."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 nobody would set an event
            await asyncio.sleep(0.005)


def left_of(pids: set[int]) -> set[int]:
    """Give processes time to end, and return those that have not."""
    for _ in range(2000):
        if not (left := {pid for pid in pids if _is_alive(pid)}):
            break
        time.sleep(0.01)
    return left


def _is_alive(pid: int) -> bool:
    """Say whether *pid* is more than an entry that nobody has removed yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


#: Start a pool; arguments as for `Bench`.
OpenPool = Callable[..., Bench]

#: Start a server in a process of its own; arguments as for `driver`, and a *user* to run as.
StartServer = Callable[..., dict[str, Any]]

#: In the environment of those servers; no codec process may ever see it.
SECRET = "postgresql://pixmill:secret@database/pixmill"
