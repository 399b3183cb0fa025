"""Silence: receivers that let us wait are left alone for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

#: So many attempts in a row that took so long and failed, and nobody tries for so long.
PATIENCE = 5
SLOW_MILLISECONDS = 1_000
REST = timedelta(seconds=30)

#: Receivers that are remembered; the one that was heard of least recently is forgotten first.
REMEMBERED = 1_000


@dataclass(slots=True)
class _Record:
    failures: int = 0
    until: datetime | None = None


class Silence:
    """
    Which receivers do not answer, as this process has seen it.

    One that swallows connections would otherwise hold every place for the length of its timeout,
    and all other receivers would wait for it.
    """

    def __init__(self) -> None:
        self._records: dict[str, _Record] = {}

    def rests(self, url: str, *, now: datetime) -> bool:
        """Say whether the receiver at *url* is to be left alone."""
        record = self._records.get(_receiver(url))
        return record is not None and record.until is not None and now < record.until

    def note(self, url: str, *, failed: bool, milliseconds: int, now: datetime) -> None:
        """Remember how an attempt went."""
        receiver = _receiver(url)
        record = self._records.pop(receiver, _Record())
        if not failed or milliseconds < SLOW_MILLISECONDS:
            return
        record.failures += 1
        if record.failures >= PATIENCE:
            record.until = now + REST
        self._records[receiver] = record
        if len(self._records) > REMEMBERED:
            del self._records[next(iter(self._records))]


def _receiver(url: str) -> str:
    return urlsplit(url).netloc.lower()
