"""One picture from stdin to stdout."""

import asyncio
import sys

from pixmill.cli.optimize.types import Order
from pixmill.cli.optimize.work import Maker

#: Bytes that are read at most, whatever the settings take.
MOST = 1 << 30


def run(maker: Maker, order: Order) -> None:
    """
    Make one picture of another. Raises `errors.Error`, `Unusable`.

    Its result is written even if it is larger in another format: somebody waits for that format.
    """
    data = sys.stdin.buffer.read(MOST)
    made = asyncio.run(_make(maker, order, data))
    sys.stdout.buffer.write(made)
    sys.stdout.buffer.flush()


async def _make(maker: Maker, order: Order, data: bytes) -> bytes:
    try:
        await maker.start()
        return (await maker.make(data, order, order.formats[0])).data
    finally:
        await maker.stop()
