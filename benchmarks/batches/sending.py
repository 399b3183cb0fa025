"""Puts files into a batch, a chunk after the other, and never runs far ahead of the server."""

import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

#: Files of one request: the most that a chunk may have.
CHUNK = 50
#: Requests at one time.
SENDERS = 2
#: Seconds that one request may take.
PATIENCE = 120

_PATH = "/api/v1/optimize/batch"

#: A file's name and its bytes.
File = tuple[str, bytes]


def send_chunk(  # noqa: PLR0913 - what a chunk is
    client: httpx.Client,
    *,
    batch: str,
    key: str,
    files: Sequence[File],
    fields: Mapping[str, str],
    final: bool = False,
) -> httpx.Response:
    """Send one chunk, and return what was answered to it, whatever that is."""
    return client.post(
        _PATH,
        headers={"Idempotency-Key": key},
        data={"client_batch_id": batch, **fields, **({"final": "true"} if final else {})},
        files=[("files", file) for file in files],
    )


def status(client: httpx.Client, batch: str, **query: object) -> httpx.Response:
    """Ask how far a batch is; *query* chooses which of its items are told of."""
    return client.get(f"{_PATH}/{batch}", params={name: str(each) for name, each in query.items()})


def archive_path(batch: str) -> str:
    """Return where the ZIP of a batch is."""
    return f"{_PATH}/{batch}/zip"


@dataclass(kw_only=True)
class Sender:
    """
    Sends *count* files into one batch, and waits while *ahead* of them are not finished.

    Somebody else says by `tell` how many are.
    """

    client: httpx.Client
    make: Callable[[int], File]
    count: int
    ahead: int
    fields: Mapping[str, str] = field(default_factory=dict)
    batch: str = field(default_factory=lambda: f"bench-{uuid.uuid4().hex[:12]}")
    accepted: int = 0
    _finished: int = 0
    _news: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, finished: int) -> None:
        """Hear how many files the server is done with."""
        with self._news:
            self._finished = finished
            self._news.notify_all()

    def send_all(self) -> None:
        """Send everything; the last chunk says that it is the last, and so goes alone."""
        starts = range(0, self.count, CHUNK)
        with ThreadPoolExecutor(SENDERS) as threads:
            list(threads.map(self._send, starts[:-1]))
        self._send(starts[-1], final=True)

    def _send(self, start: int, *, final: bool = False) -> None:
        with self._news:
            self._news.wait_for(lambda: start < self._finished + self.ahead)
        files = [self.make(number) for number in range(start, min(start + CHUNK, self.count))]
        answer = send_chunk(
            self.client,
            batch=self.batch,
            key=f"{self.batch}-{start}",
            files=files,
            fields=self.fields,
            final=final,
        )
        answer.raise_for_status()
        body: Mapping[str, Any] = answer.json()
        assert body["accepted"] == len(files), body
        with self._news:
            self.accepted += len(files)
