"""
Pixmill from Python: `Pixmill` waits, `AsyncPixmill` is awaited, and they do the same.

    from pathlib import Path
    from pixmill.client import Pixmill

    with Pixmill("http://127.0.0.1:8080", api_key="…") as pixmill:
        Path("photo.webp").write_bytes(pixmill.convert(Path("photo.jpg"), "webp").data)

What is said to the server, in which order, and what is done when it does not answer, stands once:
in `conversations`, which neither wait nor send anything themselves.
"""

from pixmill.client.asynchronous import AsyncPixmill
from pixmill.client.failures import (
    Conflict,
    ConnectionFailed,
    Forbidden,
    NotFound,
    PixmillError,
    QuotaExceeded,
    RateLimited,
    Refused,
    ServerFailed,
    Unauthorized,
)
from pixmill.client.synchronous import Pixmill
from pixmill.client.types import (
    Analysis,
    Batch,
    Failure,
    Item,
    Job,
    Options,
    Result,
    Source,
    Usage,
)

__all__ = [
    "Analysis",
    "AsyncPixmill",
    "Batch",
    "Conflict",
    "ConnectionFailed",
    "Failure",
    "Forbidden",
    "Item",
    "Job",
    "NotFound",
    "Options",
    "Pixmill",
    "PixmillError",
    "QuotaExceeded",
    "RateLimited",
    "Refused",
    "Result",
    "ServerFailed",
    "Source",
    "Unauthorized",
    "Usage",
]
