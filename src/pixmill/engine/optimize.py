"""The one way through the engine: probe → plan → decode → transform → choose → encode."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.choose import IDENTICAL, Subject, choose
from pixmill.engine.content import Content, analyze
from pixmill.engine.decode import decode
from pixmill.engine.faults import blaming_the_image
from pixmill.engine.floor import optimized_already, settled, without_loss
from pixmill.engine.look import Look
from pixmill.engine.plan import plans
from pixmill.engine.probe import probe
from pixmill.engine.transform import transform
from pixmill.engine.types import Limits, Options, Picture, Plan, Result

#: How far a format's weight may be above the lowest and still win: predictions are no better.
DOUBT = 1.15

#: Pixels up to which every format is tried, as if time did not count.
TINY = 16_384


def optimize(data: bytes, options: Options, limits: Limits) -> Result:
    """
    Return *data* compressed, converted or resized as *options* say.

    Raises UnreadableImage or one of its kinds when *data* is at fault, and BadOption or one of its
    kinds when *options* cannot be met. The result of a same-format call without a resize never has
    more bytes than *data*.
    """
    candidates = plans(probe(data), options, limits)
    with blaming_the_image():
        return _smallest(data, candidates)


def _smallest(data: bytes, candidates: Sequence[Plan]) -> Result:
    """Carry out the most promising of *candidates*, and others only where they may be smaller."""
    first = _Draft.of(data, candidates[0])
    content = analyze(first.look.pixels)
    drafts = {first.plan.format: first}
    if not content.opaque:
        candidates = [plan for plan in candidates if plan.flatten is None] or candidates
    del first  # or its pixels would be held while others are encoded

    def weight(plan: Plan) -> float:
        return codecs.get(plan.format).weights.get(content.kind, 1)

    def made(plan: Plan) -> _Made:
        draft = drafts.pop(plan.format, None) or _Draft.of(data, plan)
        return draft.made(data, content)

    untried = sorted(candidates, key=weight)
    doubtful = weight(untried[0]) * DOUBT
    best: _Made | None = None
    for plan in untried:
        if best is None or weight(plan) <= doubtful or _unsatisfying(best, plan, data):
            try:
                best = _better(best, made(plan))
            except errors.DoesNotFit:
                if best is None and plan is untried[-1]:
                    raise
    assert best is not None
    return best.result


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """What came out of one format."""

    result: Result
    reached: bool  #: has the look that was asked for


def _unsatisfying(best: _Made, plan: Plan, data: bytes) -> bool:
    """Say whether *plan* is worth a try, although its format is not likely to be smaller."""
    # Who leaves the format to us wants neither another look nor more bytes than there were.
    missed = not best.reached and plan.max_bytes is None
    tiny = plan.pixels <= TINY  # of so few bytes, much is not the picture
    return missed or tiny or (plan.floor and len(best.result.data) > len(data))


def _better(one: _Made | None, other: _Made) -> _Made:
    if one is None:
        return other
    if one.reached != other.reached:
        return one if one.reached else other
    if one.reached:
        return min(one, other, key=lambda made: len(made.result.data))
    return max(one, other, key=lambda made: made.result.score or 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """A picture made ready for one format."""

    plan: Plan
    picture: Picture
    look: Look

    @classmethod
    def of(cls, data: bytes, plan: Plan) -> Self:
        picture = transform(decode(data, plan), plan)
        # Encoders, the look and the content all want the rows, and they come only once.
        picture = replace(picture, image=picture.image.copy_memory())
        return cls(plan=plan, picture=picture, look=Look(picture, codecs.get(plan.format)))

    def made(self, data: bytes, content: Content) -> _Made:
        """Encode, unless the upload is as good."""
        plan, reached = self.plan, True
        score: float | None = None
        if optimized_already(data, plan):
            encoded, how = without_loss(data, plan)
        else:
            subject = Subject(picture=self.picture, plan=plan, content=content, look=self.look)
            choice = choose(subject)
            score, reached = choice.score, choice.reached
            encoded, how = settled(data, plan, choice.data)
        if how != "encoded":
            score, reached = IDENTICAL if plan.measured else None, True
        width, height = plan.size
        result = Result(
            data=encoded,
            format=plan.format,
            width=width,
            height=height,
            # Encoders merge frames that do not differ.
            frames=probe(encoded).frames if plan.animated else 1,
            how=how,
            score=None if score is None else round(score, 2),
            source=plan.source,
        )
        return _Made(result=result, reached=reached)
