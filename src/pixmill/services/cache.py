"""The result cache: what equal work is, and how two who ask for it at once share it."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import pixmill
from pixmill.engine import codecs, versions
from pixmill.engine.types import Options
from pixmill.engine.words.types import Words
from pixmill.services.pool.blob import Blob

T = TypeVar("T")

NO_WORDS = Words()


def digest_of(blob: Blob) -> str:
    """Return the SHA-256 of *blob*; 10 ms of work for 10 MB, so not for the event loop."""
    with blob.view() as data:
        return hashlib.sha256(data).hexdigest()


@cache
def engine_version() -> str:
    """Return what changes whenever the same image and options could give other bytes."""
    parts = {
        "pixmill": pixmill.__version__,
        "codecs": {name: codec.version for name, codec in codecs.all_codecs().items()},
        "libraries": versions.versions(),
    }
    return _canonical(parts)


def cache_key(*, digest: str, options: Options, engine: str, words: Words = NO_WORDS) -> str:
    """
    Return what is equal for equal work (OG-40).

    All options are part of it, those that were not sent with their defaults. The order of the
    formats that `AUTO` may choose from says nothing, and without `AUTO` neither do they. *words*
    are what is put into the result.
    """
    chosen = asdict(options)
    chosen["accept"] = sorted(set(options.accept)) if options.chooses else []
    chosen["target"] = None if options.target is None else float(options.target)
    parts = {"image": digest, "options": chosen, "engine": engine}
    if words != NO_WORDS:
        parts["words"] = asdict(words)
    return _canonical(parts)


def _canonical(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(slots=True)
class _Flight(Generic[T]):
    work: asyncio.Task[T]
    waiting: int = 0
    taken: bool = False


class SingleFlight(Generic[T]):
    """
    Does work that several ask for at the same moment once, and gives all of them what came out.

    The work belongs to all who wait for it: it goes on when the first of them leaves, and is
    canceled when the last one does. An error goes to all of them too. For one process; several do
    the work once each.
    """

    def __init__(self) -> None:
        self._flights: dict[str, _Flight[T]] = {}

    async def run(self, key: str, work: Callable[[], Coroutine[Any, Any, T]]) -> tuple[T, bool]:
        """
        Return what *work* returns, and whether this is the first of the calls that get it.

        Whoever began it may have left: there is one of those who stayed that it was done for.
        """
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.create_task(work()))
        flight.waiting += 1
        try:
            result = await asyncio.shield(flight.work)
            first, flight.taken = not flight.taken, True
            return result, first
        finally:
            flight.waiting -= 1
            if flight.waiting == 0:
                await self._land(key, flight)

    async def _land(self, key: str, flight: _Flight[T]) -> None:
        """End *flight*, which nobody waits for any more, before anybody else can join it."""
        if self._flights.get(key) is flight:
            del self._flights[key]
        if not flight.work.done():
            flight.work.cancel()
            await asyncio.wait([flight.work])
