"""Names of hosts, and their addresses."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

#: Returns the addresses of a host, as text. Raises OSError when there are none.
Resolve = Callable[[str], Awaitable[Sequence[str]]]


class SystemResolver:
    """
    Asks the operating system, in threads of its own.

    In the threads of the event loop, a few names whose servers do not answer would hold up
    everything else that the loop does in threads: getaddrinfo cannot be interrupted.
    """

    def __init__(self, *, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolver")

    async def __call__(self, host: str) -> Sequence[str]:
        """Return every address of *host*, in the order in which they should be tried."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _addresses, host)

    def close(self) -> None:
        """Let the threads go; questions that were not asked yet are canceled."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str) -> Sequence[str]:
    # As bytes, for Python would apply an IDNA of its own, and an older one, to text.
    answers = socket.getaddrinfo(host.encode("ascii"), None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]
