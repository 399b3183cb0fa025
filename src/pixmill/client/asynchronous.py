"""The client that is awaited."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx

from pixmill.client import conversations, wire
from pixmill.client.conversations import Progress
from pixmill.client.steps import Conversation, Patience, Sleep
from pixmill.client.types import Analysis, Batch, Item, Job, Options, Result, Source, Usage

T = TypeVar("T")


class AsyncPixmill:
    """
    A Pixmill server at *base_url*, used with *api_key*.

    What fails on the way is tried again, as often as *tries* says. Jobs and batches are never
    charged twice for it; `optimize` is not either while the server has the result of before, which
    several servers that are asked at the same moment may not have.
    """

    def __init__(
        self, base_url: str, api_key: str | None = None, *, timeout: float = 60.0, tries: int = 6
    ) -> None:
        self._api_key = api_key
        self._patience = Patience(tries=tries)
        self._http = httpx.AsyncClient(**wire.settings(base_url, timeout))

    async def optimize(self, source: Source, **options: Unpack[Options]) -> Result:
        """Return *source* in fewer bytes, or as *options* say."""
        return await self._hold(conversations.optimize(source, options, self._patience))

    async def convert(self, source: Source, to: str, **options: Unpack[Options]) -> Result:
        """Return *source* in the format *to*."""
        options["format"] = to
        return await self.optimize(source, **options)

    async def resize(self, source: Source, **options: Unpack[Options]) -> Result:
        """Return *source* so that it fits within *width* and *height*; it is never enlarged."""
        if not {"width", "height"} & options.keys():
            raise ValueError("A width or a height is needed.")
        return await self.optimize(source, **options)

    async def submit(self, source: Source, **options: Unpack[Options]) -> Job:
        """Begin a job, and do not wait for it."""
        return await self._hold(conversations.submit(source, options, self._patience))

    async def job(self, id_: str) -> Job:
        """Return how the job *id_* stands."""
        return await self._hold(conversations.job(id_, self._patience))

    async def wait(self, id_: str) -> Job:
        """Return the job *id_* when it is over."""
        return await self._hold(conversations.wait(id_, self._patience))

    async def cancel(self, id_: str) -> Job:
        """Cancel the job *id_*. Raises Conflict when somebody works on it already."""
        return await self._hold(conversations.cancel(id_, self._patience))

    async def batch(
        self,
        files: Iterable[tuple[str, bytes | Path]],
        progress: Progress | None = None,
        **options: Unpack[Options],
    ) -> Batch:
        """
        Have *files* made, each with a name, and return what became of them, in their order.

        They are sent in chunks and read only then; *progress* is called when some are done. A file
        that fails has its error, and does not keep the others.
        """
        return await self._hold(conversations.batch(files, options, self._patience, progress))

    async def follow(self, batch_id: str) -> Batch:
        """Return how the batch *batch_id* stands."""
        return await self._hold(conversations.follow(batch_id, self._patience))

    async def archive(self, batch_id: str) -> bytes:
        """Return everything of a batch that is done, as one ZIP."""
        return await self._hold(conversations.archive(batch_id, self._patience))

    async def download(self, made: Item | Job | str) -> bytes:
        """Return the result of an item or job, or what its URL leads to."""
        url = made if isinstance(made, str) else made.url
        if url is None:
            raise ValueError("There is no result.")
        return await self._hold(conversations.download(url, self._patience))

    async def analyze(self, source: bytes | Path) -> Analysis:
        """Return what a picture is and shows."""
        return await self._hold(conversations.analyze(source, self._patience))

    async def usage(self) -> Usage:
        """Return what the key was used for in this month."""
        return await self._hold(conversations.usage(self._patience))

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _hold(self, conversation: Conversation[T]) -> T:
        """Do what the *conversation* wants done, and return what it returns."""
        try:
            step = next(conversation)
            while True:
                if isinstance(step, Sleep):
                    await asyncio.sleep(step.seconds)
                    step = conversation.send(None)
                    continue
                try:
                    response = await self._http.request(
                        **wire.request(step, self._api_key, self._http.base_url)
                    )
                    answer = wire.reply(response)
                except httpx.TransportError as error:
                    step = conversation.send(wire.lost(error))
                else:
                    step = conversation.send(answer)
        except StopIteration as end:
            value: T = end.value
            return value
        finally:
            conversation.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()
