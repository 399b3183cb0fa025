"""What happens to work that fails: it is tried again, with pauses that grow."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from pixmill import errors

log = logging.getLogger(__name__)

#: How often work is tried that fails for a reason which is not known to pass.
ATTEMPTS = 3
#: Seconds of the first pause, and of the longest; each is twice the one before.
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0


class Abandoned(Exception):
    """The process stops: the work is neither done nor failed, and is for somebody else."""


async def attempt(
    work: Callable[[], Awaitable[None]], *, id_: str, stopping: asyncio.Event
) -> None:
    """
    Do *work*, and again if it fails.

    While something that passes is in the way (Busy: the database or the object store is down), for
    as long as the process lives; otherwise `ATTEMPTS` times, and the last error is the caller's.
    Raises Abandoned instead of a further attempt once *stopping* is set.
    """
    failures = 0
    pause = FIRST_PAUSE
    while True:
        try:
            return await work()
        except errors.Busy as error:
            log.warning(
                "work must wait: %s",
                error,
                extra={"work": id_, "seconds": pause, "detail": error.detail},
            )
        except Exception as error:
            failures += 1
            last = failures == ATTEMPTS
            log.log(
                logging.ERROR if last else logging.WARNING,
                "work failed for good" if last else "work failed and is tried again",
                exc_info=True,
                extra={"work": id_, "attempt": failures, "detail": getattr(error, "detail", "")},
            )
            if last:
                raise
        await _wait(stopping, pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def _wait(stopping: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stopping.wait(), seconds)
    except TimeoutError:
        return
    raise Abandoned
