"""An executor whose work is told by its argument what to do, and writes it down."""

import asyncio
from datetime import timedelta

from pixmill import errors
from pixmill.services.queue.executor import Executor, Work
from services.queue.bench import NARROW, WIDE, Bench
from services.queue.waiting import until


class Hands:
    """
    The first word of an argument is what is done: *note* it, *wait* for the gate, *leave* the rest
    when told to stop, *fail*, or find it *busy* until the gate is open.
    """

    def __init__(self, bench: Bench, *, lease: float, work: Work | None = None) -> None:
        self._bench = bench
        self._diary = bench.diary
        self.executor = Executor(
            database=bench.database,
            database_url=bench.url,
            queue=bench.queue,
            works=dict.fromkeys((WIDE, NARROW), work or self.work),
            lease=timedelta(seconds=lease),
        )

    async def work(self, argument: str) -> None:
        self._diary.write("begin", argument)
        try:
            await self._do(argument)
        except asyncio.CancelledError:
            self._diary.write("canceled", argument)
            raise
        self._diary.write("end", argument)

    async def _do(self, argument: str) -> None:
        match argument.split(maxsplit=1)[0]:
            case "wait":
                await until(self._diary.gate_is_open)
            case "leave":
                await self.executor.stopping.wait()
                await self._bench.put("note rest")
            case "fail":
                raise ValueError("it is wrong")
            case "busy" if not self._diary.gate_is_open():
                raise errors.Unavailable(detail="the gate is closed")
