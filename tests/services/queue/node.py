"""A process that runs work until it is told to stop, or killed."""

import asyncio
import logging
import os
import signal
from pathlib import Path

from services.queue.bench import Bench
from services.queue.hands import Hands


def run(url: str, diary: Path, log: Path, lease: float) -> None:
    with log.open("w") as file:
        os.dup2(file.fileno(), 2)
    logging.basicConfig(level=logging.INFO, force=True)
    asyncio.run(_run(Bench.at(url, diary), lease))


async def _run(bench: Bench, lease: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    hands = Hands(bench, lease=lease)
    await hands.executor.start()
    bench.diary.write("up")
    await stop.wait()
    await hands.executor.stop()
    await bench.close()
