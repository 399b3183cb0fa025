"""The words of webhooks."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from pixmill.services.queue.types import Lane
from pixmill.stores.deliveries import Attempt, Delivery, Receiver, State
from pixmill.stores.endpoints import Endpoint

__all__ = ["Attempt", "Delivery", "Endpoint", "Receiver", "State"]

#: Attempts that one process makes at one time.
DELIVERIES = Lane(name="webhooks", workflow="webhook", places=16)

#: Seconds that one attempt may take, from the question for the name to the answer.
ATTEMPT_TIMEOUT = 10.0

#: From each failed attempt to the next one; together almost 23 hours. After the last, it is over.
SCHEDULE = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a dialect makes of an event."""

    body: bytes  #: text in UTF-8: the library that signs takes nothing else
    content_type: str
    headers: Mapping[str, str] = field(default_factory=dict)


#: Makes the message of a delivery, for which it gets the account's secret. Raises NotFound when
#: what it is about is gone.
Render = Callable[[Delivery, str], Awaitable[Message]]
