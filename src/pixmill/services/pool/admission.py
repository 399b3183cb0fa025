"""Whose turn it is: images wait in one line for a process, and for memory to be worked on in."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pixmill import errors


@dataclass(eq=False, slots=True)
class _Ticket:
    """One place in line. *turn* comes out as whether its holder may enter."""

    memory_size: int
    turn: asyncio.Future[bool]


class Admission:
    """
    A line in front of *places* and *memory_size* bytes.

    Who came first goes first, also when somebody smaller further back would fit in earlier:
    otherwise a large image could wait for ever. One that is larger than all of the memory is worked
    on alone.
    """

    def __init__(
        self, *, places: int, memory_size: int, queue_size: int, queue_timeout: float
    ) -> None:
        self.memory_size = memory_size
        self.memory_in_use = 0
        self.running = 0
        self.refused = 0  #: how many were sent away
        self._places = places
        self._queue_size = queue_size
        self._queue_timeout = queue_timeout
        self._queue: deque[_Ticket] = deque()
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting(self) -> int:
        """The number of images in line."""
        return len(self._queue)

    @asynccontextmanager
    async def admit(self, memory_size: int) -> AsyncIterator[None]:
        """
        Wait for a place and *memory_size* bytes, and hold them.

        Raises `errors.Busy` when the line is full, takes too long, or is closed.
        """
        if not await self._may_enter(memory_size):
            self.refused += 1
            raise errors.Busy
        try:
            yield
        finally:
            self._leave(memory_size)

    def close(self) -> None:
        """Send away everybody in line and everybody who comes. Who is inside may finish."""
        self._closed = True
        while self._queue:
            ticket = self._queue.popleft()
            if not ticket.turn.done():
                ticket.turn.set_result(False)

    async def until_empty(self) -> None:
        """Wait until nobody is inside."""
        await self._empty.wait()

    async def _may_enter(self, memory_size: int) -> bool:
        """Wait in line. Whoever hears True is inside already, and must leave."""
        if self._closed:
            return False
        if not self._queue and self._fits(memory_size):
            self._enter(memory_size)
            return True
        if len(self._queue) >= self._queue_size:
            return False
        ticket = _Ticket(memory_size, asyncio.get_running_loop().create_future())
        self._queue.append(ticket)
        try:
            async with asyncio.timeout(self._queue_timeout):
                return await ticket.turn
        except TimeoutError:
            self._give_up(ticket)
            return False
        except asyncio.CancelledError:
            self._give_up(ticket)
            raise

    def _give_up(self, ticket: _Ticket) -> None:
        """Undo what has become of *ticket* by the time that its holder stops waiting."""
        if not ticket.turn.cancelled():
            # Its turn came, but somebody stopped the holder before it could hear of it.
            if ticket.turn.result():
                self._leave(ticket.memory_size)
        elif ticket in self._queue:
            self._queue.remove(ticket)
            self._advance()

    def _advance(self) -> None:
        while self._queue and self._fits(self._queue[0].memory_size):
            ticket = self._queue.popleft()
            if not ticket.turn.done():  # else its holder is about to give up
                self._enter(ticket.memory_size)
                ticket.turn.set_result(True)

    def _fits(self, memory_size: int) -> bool:
        if self.running == 0:
            return True
        return self.running < self._places and self.memory_in_use + memory_size <= self.memory_size

    def _enter(self, memory_size: int) -> None:
        self.running += 1
        self.memory_in_use += memory_size
        self._empty.clear()

    def _leave(self, memory_size: int) -> None:
        self.running -= 1
        self.memory_in_use -= memory_size
        self._advance()
        if self.running == 0:
            self._empty.set()
