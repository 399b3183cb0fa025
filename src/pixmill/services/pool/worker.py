"""What a codec process does: lock itself in, say so, and answer jobs until its channel closes."""

import os
from collections.abc import Callable
from typing import Any, NoReturn

from pixmill import errors
from pixmill.engine.survey import Survey
from pixmill.engine.types import Limits, Options, Result
from pixmill.services.pool import kernel, messages, sandbox
from pixmill.services.pool.channel import Channel
from pixmill.services.pool.messages import Job

#: Bytes of freed memory that are kept for the next job. Giving all of it back after each would cost
#: 5 ms of page faults an image; what is kept here is used again, and does not grow.
KEPT_MEMORY = 32 * 1024 * 1024

#: What does a job: `pixmill.engine.work.work`, or a test's own.
Target = Callable[[bytes, Options | None, Limits], Result | Survey]


def run(
    channel: Channel,
    *,
    target: Target,
    conditions: sandbox.Conditions,
    number: int,
    parent: int,
) -> NoReturn:
    """Be codec process *number* until the server closes *channel*, or kills this process."""
    layers = sandbox.lock(conditions, channel=channel.fileno(), number=number, parent=parent)
    channel.send(messages.ready(layers))
    while True:
        message, files = channel.receive(files=2)
        if not message:
            os._exit(0)
        reply = _answer(message, files, target, conditions.output_size)
        for file in files:  # no later job may find this one's pictures
            os.close(file)
        channel.send(reply)
        kernel.give_memory_back(above=KEPT_MEMORY)


def _answer(message: bytes, files: list[int], target: Target, output_size: int) -> dict[str, Any]:
    job = Job.from_message(message)
    upload, output = files
    try:
        result = target(_read(upload), job.options, job.limits)
        _write(output, result.data, output_size)
    except errors.Error as error:
        return messages.failed(job, error)
    except MemoryError:
        return messages.failed(job, errors.TooCostly(detail="out of memory"))
    except Exception as error:  # noqa: BLE001 whatever a codec raises, this image is at fault
        # Not its text: that may hold anything, and names what only a developer needs to know.
        return messages.failed(job, errors.UnreadableImage(detail=type(error).__name__))
    return messages.done(job, size=len(result.data), facts=result.facts())


def _read(file: int) -> bytes:
    # Not fstat: the C library makes it a newfstatat, which is refused with all that takes a path.
    return os.pread(file, os.lseek(file, 0, os.SEEK_END), 0)


def _write(file: int, data: bytes, limit: int) -> None:
    if len(data) > limit:
        raise errors.TooCostly(detail=f"a result of {len(data)} bytes")
    written = 0
    with memoryview(data) as rest:
        while written < len(rest):
            written += os.pwrite(file, rest[written:], written)
