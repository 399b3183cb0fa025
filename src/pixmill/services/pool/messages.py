"""
What the server, the fork server and the codec processes say to each other, as plain JSON.

The server's words can be trusted, so they are read here as they are. What a codec process answers
is read in `replies`, where nothing is believed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from pixmill import errors
from pixmill.engine.types import Limits, Options
from pixmill.services.pool.sandbox import Conditions, Layers

_DETAIL_LENGTH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a fork server is told first."""

    preload: str  #: ``module:function`` called once, before these orders are read
    target: str  #: ``module:function`` that does a job
    conditions: Conditions

    def to_values(self) -> dict[str, Any]:
        """Return this as plain values."""
        values = asdict(self)
        values["conditions"]["disable"] = sorted(self.conditions.disable)
        return values

    @classmethod
    def from_message(cls, message: bytes) -> Self:
        """Read what `to_values` returned and JSON turned into text."""
        values = json.loads(message)
        conditions = values.pop("conditions")
        conditions["disable"] = frozenset(conditions["disable"])
        return cls(**values, conditions=Conditions(**conditions))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a codec process is asked to do with the first of the two files that come along."""

    id: int
    options: Options | None  #: None asks for a survey
    limits: Limits

    def to_message(self) -> dict[str, Any]:
        """Return this as plain values."""
        return asdict(self)

    @classmethod
    def from_message(cls, message: bytes) -> Self:
        """Read what `to_message` wrote and JSON turned into text."""
        values = json.loads(message)
        limits = Limits(**values["limits"])
        if values["options"] is None:
            return cls(id=values["id"], options=None, limits=limits)
        options: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in values["options"].items()
        }
        return cls(id=values["id"], options=Options(**options), limits=limits)


def ready(layers: Layers) -> dict[str, Any]:
    """Word what a codec process says first: how well it is locked."""
    return {"on": sorted(layers.on), "missing": dict(layers.missing)}


def done(job: Job, *, size: int, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Word a success: the result is the first *size* bytes of the job's second file."""
    return {"id": job.id, "size": size, "facts": facts}


def failed(job: Job, error: errors.Error) -> dict[str, Any]:
    """Word a failure by its code; the server has the sentence that belongs to it."""
    # A library's message may hold bytes of the picture; only characters may be sent.
    detail = error.detail[:_DETAIL_LENGTH].encode("ascii", "replace").decode()
    return {"id": job.id, "error": error.code, "detail": detail}
