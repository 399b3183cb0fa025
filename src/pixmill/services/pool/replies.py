"""
What a codec process answers, believed only as far as a sound one could have said it.

A process that a picture has taken over says whatever it likes. Its words cannot do anything by
being read, because they are JSON, and they get no further than this module unless they have exactly
the shape that is written down here.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import cache
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.types import How
from pixmill.services.pool.channel import MESSAGE_SIZE
from pixmill.services.pool.sandbox import LAYERS, Layers
from pixmill.services.pool.types import Optimized, SourceFacts

Message = TypeVar("Message")
Answer = TypeVar("Answer")


class Lie(Exception):
    """A codec process said something that a sound one does not say."""


Format = Annotated[str, Field(pattern=r"^[a-z0-9]{1,16}$")]
Count = Annotated[int, Field(ge=1, lt=2**31)]
_Score = Annotated[float, Field(le=100, allow_inf_nan=False)]
_Text = Annotated[str, Field(max_length=1000)]


class Strict(BaseModel):
    """Exactly these fields, of exactly these types: no text that looks like a number."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Ready(Strict):
    on: list[_Text]
    missing: dict[str, _Text]


class Reply(Strict, ABC, Generic[Answer]):
    """A success as a process claims it; the bytes are still to be seen."""

    id: int
    size: Count

    def with_data(self, data: bytes) -> Answer:
        """Return the answer, now that its *data* was read. Raises `Lie` if it is shorter."""
        if len(data) != self.size:
            raise Lie(f"promised {self.size} bytes and wrote {len(data)}")
        return self._answer(data)

    @abstractmethod
    def _answer(self, data: bytes) -> Answer: ...


class Source(Strict):
    """What an image is claimed to be."""

    format: Format
    width: Count
    height: Count
    frames: Count


def _known(name: str) -> str:
    """Take no format that the server could not word an answer for."""
    if name not in codecs.names():
        raise ValueError
    return name


class _Facts(Source):
    format: Annotated[Format, AfterValidator(_known)]
    how: How
    score: _Score | None = None
    source: Source


class Done(Reply[Optimized]):
    """An image was optimized."""

    facts: _Facts

    def _answer(self, data: bytes) -> Optimized:
        facts = self.facts
        return Optimized(
            data=data,
            format=facts.format,
            width=facts.width,
            height=facts.height,
            frames=facts.frames,
            how=facts.how,
            score=facts.score,
            source=SourceFacts(
                format=facts.source.format,
                width=facts.source.width,
                height=facts.source.height,
                frames=facts.source.frames,
            ),
        )


class _Failed(Strict):
    id: int
    error: _Text
    detail: _Text


_READY = TypeAdapter(_Ready)


@cache
def _adapter(kind: type[Reply[Answer]]) -> TypeAdapter[Reply[Answer] | _Failed]:
    return TypeAdapter(kind | _Failed)  # type: ignore[arg-type]  # a class is a form, in a variable too


def _family(kind: type[errors.Error]) -> Iterator[type[errors.Error]]:
    yield kind
    for heir in kind.__subclasses__():
        yield from _family(heir)


#: What can go wrong with an image, by code. A codec process has no say about keys and quotas.
_FAILURES = {
    kind.code: kind
    for root in (errors.UnreadableImage, errors.BadOption, errors.Internal)
    for kind in _family(root)
}


def read_ready(message: bytes) -> Layers:
    """Read a process's first message: how well it is locked. Raises `Lie`."""
    first = _read(_READY, message)
    if sorted([*first.on, *first.missing]) != sorted(LAYERS):
        raise Lie("spoke of other layers than there are")
    return Layers(
        on=frozenset(first.on),
        missing={layer: _printable(why) for layer, why in first.missing.items()},
    )


def read_reply(
    message: bytes, *, kind: type[Reply[Answer]], job_id: int, output_size: int
) -> Reply[Answer]:
    """
    Read the answer to job *job_id*, of that *kind*, whose result may have *output_size* bytes.

    Raises `Lie`, or the error that the process reports.
    """
    reply = _read(_adapter(kind), message)
    if reply.id != job_id:
        raise Lie(f"answered job {reply.id} instead of {job_id}")
    if isinstance(reply, _Failed):
        failure = _FAILURES.get(reply.error)
        if failure is None:
            raise Lie("reported an error that is none of its business")
        raise failure(detail=_printable(reply.detail))
    if reply.size > output_size:
        raise Lie(f"promised {reply.size} bytes")
    return reply


def _read(kind: TypeAdapter[Message], message: bytes) -> Message:
    if not message:
        raise Lie("ended without an answer")
    if len(message) > MESSAGE_SIZE:
        raise Lie("sent too long a message")
    try:
        return kind.validate_json(message)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        raise Lie(f"sent a message of another shape: {first['type']}") from None


def _printable(text: str) -> str:
    """Return *text* without what could start a new line in a log or color it."""
    return "".join(each if each.isprintable() else "?" for each in text)
