"""
Counts in Valkey, or Redis: one script does it all, so any number of servers share them.

Requests that come while an answer is on its way travel together in the next trip. So one
connection is enough, a rush is no slower than what it asks for, and the time that Valkey has to
answer is not spent waiting in a line of our own.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from pixmill import clock, errors
from pixmill.stores.limits.windows import Level, Spent, Window

#: Seconds in which Valkey has to answer, a new connection included.
TIMEOUT = 0.25
#: Requests that travel together at most: a few milliseconds of Valkey's time.
TOGETHER = 100

_SCRIPT = files("pixmill.stores.limits").joinpath("spend.lua").read_text("utf-8")
_DIGEST = hashlib.sha1(_SCRIPT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    keys: list[str]
    arguments: list[int | str]
    answer: asyncio.Future[list[int]]


class ValkeyWindows:
    """Requests counted in Valkey, by its clock unless *now* is another."""

    shared = True

    def __init__(self, url: str, *, now: clock.Clock | None = None) -> None:
        try:
            self._client = Valkey.from_url(url)
        except ValueError as error:
            raise errors.Internal(
                "The address of Valkey must be redis://HOST:PORT/DB, rediss:// for TLS, or "
                "unix:///PATH; see PIXMILL_REDIS_URL."
            ) from error
        self._now = now
        self._waiting: list[_Question] = []
        self._courier: asyncio.Task[None] | None = None

    async def spend(self, windows: Sequence[Window], *, cost: int = 1) -> Spent:
        """Do what `Windows.spend` says."""
        keys = [_key(window) for window in windows]
        now = int(self._now().timestamp() * 1000) if self._now else ""
        arguments: list[int | str] = [now, cost]
        for window in windows:
            arguments += [window.limit, window.span.length, int(window.span.aligned)]
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Question(keys=keys, arguments=arguments, answer=answer))
        if self._courier is None or self._courier.done():
            self._courier = asyncio.create_task(self._deliver())
        granted, *numbers = await answer
        levels = tuple(
            Level(window=window, used=used, reset=reset)
            for window, used, reset in zip(windows, numbers[::2], numbers[1::2], strict=True)
        )
        return Spent(granted=bool(granted), levels=levels)

    async def undo(self, window: Window, *, cost: int) -> None:
        """Do what `Windows.undo` says."""
        if window.span.aligned:
            await self.spend([window], cost=-cost)
            return
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._client.rpop(_key(window), cost)
        except (ValkeyError, OSError) as error:
            raise _worded(error) from error

    async def close(self) -> None:
        """Answer what was asked, and close the connection."""
        if self._courier:
            await self._courier
        await self._client.aclose()

    async def _deliver(self) -> None:
        """Ask for everybody who waits, until nobody does."""
        while self._waiting:
            together, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                answers = await self._ask(together)
            except Exception as failure:  # noqa: BLE001 - each of those who wait has to hear it
                # Those behind as well: they would wait as long for the same.
                together, self._waiting = together + self._waiting, []
                answers = [failure] * len(together)
            for question, answer in zip(together, answers, strict=True):
                if question.answer.done():  # its caller went away
                    continue
                if isinstance(answer, Exception):
                    question.answer.set_exception(_worded(answer))
                else:
                    question.answer.set_result(answer)

    async def _ask(self, questions: list[_Question]) -> list[list[int] | Exception]:
        trip = self._client.pipeline(transaction=False)
        for number, question in enumerate(questions):
            # The first brings the script along, whatever the server has forgotten.
            command = ("EVALSHA", _DIGEST) if number else ("EVAL", _SCRIPT)
            trip.execute_command(*command, len(question.keys), *question.keys, *question.arguments)
        asking = asyncio.ensure_future(trip.execute(raise_on_error=False))
        # Twice half as long: when it was this process that had no time, the answer may have come
        # and only be unread.
        for _ in range(2):
            await asyncio.wait({asking}, timeout=TIMEOUT / 2)
            if asking.done():
                answers: list[list[int] | Exception] = asking.result()
                return answers
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)  # it closes the connection
        raise TimeoutError(f"no answer within {TIMEOUT} s")


def _key(window: Window) -> str:
    return f"pixmill:{{{window.subject}}}:{window.span.name}"


def _worded(error: Exception) -> Exception:
    """Turn what the client says of a server that cannot be used into our own words."""
    if isinstance(error, ValkeyError | OSError):  # TimeoutError is an OSError
        return errors.Unavailable(detail=f"Valkey: {error}")
    return error
