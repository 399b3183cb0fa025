"""Keeps an installation busy with batches, and remembers what it has promised to do."""

import itertools
import random
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.batches import pictures
from benchmarks.chaos.calling import Caller

PATH = "/api/v1/optimize/batch"

#: Files of a chunk, chunks of a batch.
FILES = (5, 20)
CHUNKS = 10
#: Files of one sender that are accepted and not finished, before it waits.
AHEAD = 60
#: Senders, each with a batch of its own.
SENDERS = 2
#: Seconds between two looks of a sender that waits.
LOOK_SECONDS = 0.5

#: How many of a hundred files are what. The rest are tiny drawings.
PHOTOS, REPEATED, BROKEN = 20, 5, 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that is sent."""

    name: str
    data: bytes
    size: tuple[int, int]  #: width and height in pixels
    sound: bool  #: there has to be a result of it


@dataclass(kw_only=True)
class Parcel:
    """A batch as its sender knows it."""

    name: str = field(default_factory=lambda: f"chaos-{uuid.uuid4().hex[:12]}")
    #: By the id that the server gave to each.
    accepted: dict[str, Upload] = field(default_factory=dict)
    rejected: int = 0
    chunks: int = 0  #: of which at least one file was accepted


class Load:
    """Sends batches for as long as it is told to, each sender so many files *ahead*."""

    def __init__(self, caller: Caller, *, seed: int, ahead: int = AHEAD) -> None:
        self.caller = caller
        self.parcels: list[Parcel] = []
        self._seed = seed
        self._ahead = ahead
        self._enough = threading.Event()
        self._numbers = itertools.count()
        self._failures: list[BaseException] = []

    @contextmanager
    def running(self) -> Iterator[None]:
        """Send until the block ends, and until the last batch is complete at the sender's end."""
        threads = [
            threading.Thread(target=self._send_on, args=(random.Random(self._seed + number),))
            for number in range(SENDERS)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._enough.set()
            for thread in threads:
                thread.join()
        assert not self._failures, self._failures

    @property
    def accepted(self) -> int:
        """Return how many files were accepted so far."""
        return sum(len(parcel.accepted) for parcel in self.parcels)

    def wait_until_begun(self) -> None:
        """Wait until the server knows of the first batch."""
        while not self._failures and not (self.parcels and self.parcels[0].chunks):
            time.sleep(LOOK_SECONDS)

    def wait_until_done(self, patience: float) -> None:
        """Wait until the server says of every batch that it is complete, or for so long."""
        deadline = time.monotonic() + patience
        for parcel in self.parcels:
            while self._unfinished(parcel) and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)

    def _send_on(self, chance: random.Random) -> None:
        try:
            while not self._enough.is_set():
                self._send_batch(chance)
        except BaseException as error:  # noqa: BLE001 - told by `running`
            self._failures.append(error)

    def _send_batch(self, chance: random.Random) -> None:
        parcel = Parcel()
        self.parcels.append(parcel)
        for number in range(CHUNKS):
            last = number == CHUNKS - 1 or self._enough.is_set()
            self._send_chunk(parcel, chance, final=last)
            if last:
                return
            while self._unfinished(parcel) > self._ahead and not self._enough.is_set():
                time.sleep(LOOK_SECONDS)

    def _send_chunk(self, parcel: Parcel, chance: random.Random, *, final: bool) -> None:
        uploads = {
            upload.name: upload
            for upload in (self._upload(chance) for _ in range(chance.randint(*FILES)))
        }
        answer = self.caller.insist(
            "POST",
            PATH,
            headers={"Idempotency-Key": uuid.uuid4().hex},
            data={"client_batch_id": parcel.name, **({"final": "true"} if final else {})},
            files=[("files", (each.name, each.data)) for each in uploads.values()],
        )
        body = answer.json()
        for item in body["accepted_files"]:
            assert item["item_id"] not in parcel.accepted
            parcel.accepted[item["item_id"]] = uploads[item["filename"]]
        parcel.rejected += len(body["rejected_files"])
        parcel.chunks += bool(body["accepted_files"])

    def _unfinished(self, parcel: Parcel) -> int:
        counts = self.caller.get(f"{PATH}/{parcel.name}", limit=1).json()
        return int(counts["queued"] + counts["processing"])

    def _upload(self, chance: random.Random) -> Upload:
        number, lot = next(self._numbers), chance.randrange(100)
        if lot < PHOTOS:
            return _photo(f"{number}.jpg", number)
        if lot < PHOTOS + REPEATED:  # of the first few, so that it is found in the cache
            return _photo(f"{number}.jpg", number % 3)
        if lot < PHOTOS + REPEATED + BROKEN:
            data = pictures.small(number)
            return Upload(
                name=f"{number}.jpg", data=data[: len(data) // 2], size=pictures.SMALL, sound=False
            )
        return Upload(
            name=f"{number}.png", data=pictures.tiny(number), size=pictures.TINY, sound=True
        )


def _photo(name: str, number: int) -> Upload:
    return Upload(name=name, data=pictures.small(number), size=pictures.SMALL, sound=True)
