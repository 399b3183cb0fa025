"""Wait on the server's event loop for descriptors and messages."""

import asyncio

from pixmill.services.pool.channel import Channel


async def until_readable(descriptor: int) -> None:
    """Wait until something can be read from *descriptor*, or a process behind it ended."""
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def wake() -> None:
        if not readable.done():
            readable.set_result(None)

    loop.add_reader(descriptor, wake)
    try:
        await readable
    finally:
        loop.remove_reader(descriptor)


async def next_message(channel: Channel, *, files: int = 0) -> tuple[bytes, list[int]]:
    """Wait for the next message on *channel*; a lost connection is the end of messages."""
    while True:
        try:
            return channel.receive(files=files)
        except BlockingIOError:
            await until_readable(channel.fileno())
        except ConnectionError:
            return b"", []
