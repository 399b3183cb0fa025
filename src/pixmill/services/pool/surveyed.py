"""What a codec process answers when it is asked for a survey; `replies` has who believes what."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from pixmill.engine.colors import MOST as MOST_COLORS
from pixmill.engine.colors import Color
from pixmill.engine.decode import readable
from pixmill.engine.metadata.shot import MOST as LONGEST_NAME
from pixmill.engine.metadata.shot import Shot
from pixmill.engine.probe import probe
from pixmill.engine.survey import PREVIEW_SIDE, Survey
from pixmill.engine.words.types import Words
from pixmill.errors import UnreadableImage
from pixmill.services.pool.replies import Count, Format, Lie, Reply, Source, Strict

#: ISO 8601, perhaps with an offset.
_TAKEN = r"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9](:[0-5][0-9]){2}([+-][01][0-9]:[0-5][0-9])?$"


def _printable(text: str) -> str:
    """Take no name with what could color a log, or start a line in it."""
    if not text.isprintable():
        raise ValueError
    return text


_Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_printable)]


def _readable(name: str) -> str:
    """Take no format that is not read."""
    if name not in readable():
        raise ValueError
    return name


class _Color(Strict):
    hex: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]
    share: Annotated[float, Field(ge=0, le=1)]


class _Shot(Strict):
    taken: Annotated[str, Field(pattern=_TAKEN)] | None
    make: _Name | None
    model: _Name | None


class _Words(Strict):
    title: str | None
    alt: str | None
    caption: str | None
    description: str | None
    keywords: list[str]
    copyright: str | None

    @model_validator(mode="after")
    def _are_clean(self) -> Self:
        words = self.told()
        if words != words.cleaned().fitting():
            raise ValueError
        return self

    def told(self) -> Words:
        return Words(**{**dict(self), "keywords": tuple(self.keywords)})


class _SurveyFacts(Source):
    format: Annotated[Format, AfterValidator(_readable)]
    file_size: Count
    alpha: bool
    colors: Annotated[list[_Color], Field(max_length=MOST_COLORS)]
    sharpness: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    shot: _Shot
    gps: bool
    words: _Words
    c2pa: bool


class Surveyed(Reply[Survey]):
    """An image was measured; the bytes are its preview."""

    facts: _SurveyFacts

    def _answer(self, data: bytes) -> Survey:
        _check_preview(data)
        facts = self.facts
        return Survey(
            format=facts.format,
            width=facts.width,
            height=facts.height,
            file_size=facts.file_size,
            frames=facts.frames,
            alpha=facts.alpha,
            colors=tuple(Color(hex=each.hex, share=each.share) for each in facts.colors),
            sharpness=facts.sharpness,
            shot=Shot(taken=facts.shot.taken, make=facts.shot.make, model=facts.shot.model),
            gps=facts.gps,
            words=facts.words.told(),
            c2pa=facts.c2pa,
            data=data,
        )


def _check_preview(data: bytes) -> None:
    """Raise `Lie` if *data* is not the header of a small JPEG; its pixels nobody here decodes."""
    try:
        info = probe(data)
    except UnreadableImage:
        raise Lie("sent a preview that is none") from None
    if info.format != "jpeg" or max(info.width, info.height) > PREVIEW_SIDE or info.metadata:
        raise Lie("sent another preview than was asked for")
