"""Whose turn it is: images wait in line for a process, and for memory to be worked on in."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from pixmill import errors

#: Of those who wait, so many who hold a connection for their answer go before one who is patient.
HURRIED = 3


@dataclass(eq=False, slots=True)
class _Ticket:
    """One place in line. *turn* comes out as whether its holder may enter."""

    memory_size: int
    turn: asyncio.Future[bool]


class Admission:
    """
    Two lines in front of *places* and *memory_size* bytes: of the hurried, and of the patient.

    In each, who came first goes first, also when somebody smaller further back would fit in
    earlier: otherwise a large image could wait for ever. One that is larger than all of the memory
    is worked on alone. The patient are those whose callers have gone home: they are never sent
    away, and give way to the hurried, but not to all of them.
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
        self._hurried: deque[_Ticket] = deque()
        self._patient: deque[_Ticket] = deque()
        self._passed = 0  # hurried ones who went in while somebody patient waited
        self._closed = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def waiting(self) -> int:
        """The number of images in line whose callers are sent away when it is too long."""
        return len(self._hurried)

    @asynccontextmanager
    async def admit(self, memory_size: int, *, patient: bool = False) -> AsyncIterator[None]:
        """
        Wait for a place and *memory_size* bytes, and hold them.

        Raises `errors.Busy` when the line is closed, and for the hurried also when it is full or
        takes too long.
        """
        if not await self._may_enter(memory_size, patient=patient):
            self.refused += 1
            raise errors.Busy
        try:
            yield
        finally:
            self._leave(memory_size)

    def close(self) -> None:
        """Send away everybody in line and everybody who comes. Who is inside may finish."""
        self._closed = True
        for line in (self._hurried, self._patient):
            while line:
                ticket = line.popleft()
                if not ticket.turn.done():
                    ticket.turn.set_result(False)

    async def until_empty(self) -> None:
        """Wait until nobody is inside."""
        await self._empty.wait()

    async def _may_enter(self, memory_size: int, *, patient: bool) -> bool:
        """Wait in line. Whoever hears True is inside already, and must leave."""
        if self._closed:
            return False
        if not self._hurried and not self._patient and self._fits(memory_size):
            self._enter(memory_size)
            return True
        line = self._patient if patient else self._hurried
        if not patient and len(line) >= self._queue_size:
            return False
        ticket = _Ticket(memory_size, asyncio.get_running_loop().create_future())
        line.append(ticket)
        try:
            async with asyncio.timeout(None if patient else self._queue_timeout):
                return await ticket.turn
        except TimeoutError:
            self._give_up(ticket, line)
            return False
        except asyncio.CancelledError:
            self._give_up(ticket, line)
            raise

    def _give_up(self, ticket: _Ticket, line: deque[_Ticket]) -> None:
        """Undo what has become of *ticket* by the time that its holder stops waiting."""
        if not ticket.turn.cancelled():
            # Its turn came, but somebody stopped the holder before it could hear of it.
            if ticket.turn.result():
                self._leave(ticket.memory_size)
        elif ticket in line:
            line.remove(ticket)
            self._advance()

    def _advance(self) -> None:
        while (line := self._next_line()) and self._fits(line[0].memory_size):
            ticket = line.popleft()
            if not ticket.turn.done():  # else its holder is about to give up
                waited = line is self._hurried and self._patient
                self._passed = self._passed + 1 if waited else 0
                self._enter(ticket.memory_size)
                ticket.turn.set_result(True)

    def _next_line(self) -> deque[_Ticket]:
        """Return the line whose turn it is; an empty one when nobody waits."""
        if self._patient and (not self._hurried or self._passed >= HURRIED):
            return self._patient
        return self._hurried

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
