"""What a codec process can be asked for, and how its answer is read."""

from dataclasses import dataclass
from typing import Generic

from pixmill.engine.survey import Survey
from pixmill.engine.types import Options
from pixmill.services.pool.replies import Answer, Done, Reply
from pixmill.services.pool.surveyed import Surveyed
from pixmill.services.pool.types import Optimized


@dataclass(frozen=True, slots=True)
class Task(Generic[Answer]):
    """One kind of order."""

    options: Options | None
    reply: type[Reply[Answer]]


SURVEY: Task[Survey] = Task(None, Surveyed)


def optimization(options: Options) -> Task[Optimized]:
    """Return the order to optimize an image as *options* say."""
    return Task(options, Done)
