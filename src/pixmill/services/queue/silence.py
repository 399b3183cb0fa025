"""What DBOS may say in our log: what is wrong, and not again and again."""

import logging
import time

#: Seconds before the same trouble is worth another line.
AGAIN_SECONDS = 60.0

#: Work that failed or was canceled: we have said it already, and how.
_SAID = ("Asyncio task cancelled", "Exception encountered in asynchronous workflow")
#: Words that tell one kind of trouble from another; then come ids, addresses and traces.
_WORDS = 4
#: Kinds that are remembered; some words are ids.
_KINDS = 100


class Sparing(logging.Filter):
    """Keeps out what we say ourselves, and what was just said: four threads see each outage."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether to keep the record."""
        message = record.getMessage()
        if message.startswith(_SAID):
            return False
        kind = " ".join(message.split(maxsplit=_WORDS)[:_WORDS])
        now = time.monotonic()
        again = now - self._last.get(kind, -AGAIN_SECONDS) < AGAIN_SECONDS
        if not again:
            if len(self._last) >= _KINDS:
                self._last.clear()
            self._last[kind] = now
        return not again


def dbos() -> None:
    """Let DBOS speak through the log of this process, and only of what is wrong."""
    logger = logging.getLogger("dbos")
    if not logger.handlers:  # without one, it would add its own and leave ours out
        logger.addHandler(logging.NullHandler())
        logger.addFilter(Sparing())
        logger.setLevel(logging.WARNING)
