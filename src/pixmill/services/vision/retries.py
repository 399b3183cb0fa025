"""When a server is asked again, and how long it is left alone before."""

import math
import random
from datetime import UTC
from email.utils import parsedate_to_datetime

from pixmill import clock

#: Seconds of the longest pause that nobody has asked for.
LONGEST = 20.0

#: Seconds of the longest pause that somebody may ask for: then it is as good as never.
FOREVER = 86_400.0


class Again(Exception):
    """A try that has failed for a reason that may pass. Its text is for the log."""

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        #: Seconds to wait, if the server has said so.
        self.after = after


def pause(tries: int, *, first: float, after: float | None) -> float:
    """
    Return the seconds to wait after the try number *tries*, from 1.

    Twice as long each time, and never the same for two callers, so that those who failed together
    do not come back together. A server's own word (*after*) is kept to: never earlier.
    """
    if after is not None:
        return after + random.uniform(0, first)  # noqa: S311 - no secret
    return min(first * 2.0 ** (tries - 1), LONGEST) * random.uniform(0.5, 1.5)  # noqa: S311 - as above


def retry_after(header: str | None, *, now: clock.Clock = clock.now) -> float | None:
    """Return the seconds that a ``Retry-After`` (RFC 9110, 10.2.3) asks for, a date or not."""
    text = (header or "").strip()
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        seconds = (date - now()).total_seconds()
    return min(max(seconds, 0.0), FOREVER) if math.isfinite(seconds) else None
