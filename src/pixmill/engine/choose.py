"""Which way of writing a format is taken: the smallest that has the look that was asked for."""

from dataclasses import dataclass, field, replace
from functools import partial

import pyvips

from pixmill import errors
from pixmill.engine import codecs
from pixmill.engine.content import Content
from pixmill.engine.look import Look
from pixmill.engine.prediction import aim
from pixmill.engine.search import (
    MOST_FITS,
    MOST_PROBES,
    NEAR,
    NEAR_ENOUGH,
    Encoder,
    Probe,
    fit,
    predicted,
    reach,
)
from pixmill.engine.types import Picture, Plan, Way

#: Points by which a look is missed, and not just rounded to what the encoder can do.
MISSED = 3.0

#: The effort of ordinary pictures, and the encodes that a size may cost in larger ones.
ORDINARY_EFFORT = 3
LARGE_FITS = 3

#: Score of what differs in no pixel.
IDENTICAL = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What one way of writing came to."""

    data: bytes = field(repr=False)
    way: Way
    aim: float  #: score that the encoder was asked for
    score: float | None  #: as measured; None where that was not needed
    reached: bool  #: has the look that was asked for, as far as is known


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A picture, what is to become of it, and how that should look."""

    picture: Picture
    plan: Plan
    content: Content
    look: Look

    def aim(self, way: Way) -> float:
        """Return the score that *way* should be asked for first."""
        return aim(self.content, self.plan.score) if way.trusted else self.plan.score

    def encoder(self, way: Way) -> Encoder:
        """Return the encoder behind *way*, its number still open."""
        large = self.plan.effort < ORDINARY_EFFORT  # time is short
        return Encoder(
            encode=partial(way.encode, self.picture, self.plan),
            measure=self.look.score,
            curve=way.curve,
            whole=way.whole,
            most_probes=1 if large and not way.trusted else MOST_PROBES,
            most_fits=LARGE_FITS if large else MOST_FITS,
        )


def choose(subject: Subject) -> Choice:
    """
    Return the picture as its plan wants it, in the way that takes the fewest bytes.

    Without measuring that is one encode. A look that no way reaches gives the nearest. Raises
    DoesNotFit.
    """
    plan = subject.plan
    best: Choice | None = None
    for way in codecs.get(plan.format).ways(subject.content, plan):
        if best is None or not (best.reached and way.fallback):
            best = _better(best, _try(way, subject))
    assert best is not None
    if plan.max_bytes is not None and len(best.data) > plan.max_bytes:
        return _fitted(best, subject, plan.max_bytes)
    return best


def _better(one: Choice | None, other: Choice) -> Choice:
    if one is None:
        return other
    if one.reached and other.reached:
        return min(one, other, key=lambda choice: len(choice.data))
    # A way that misses has been measured.
    return max(one, other, key=lambda choice: (choice.reached, choice.score or 0))


def _try(way: Way, subject: Subject) -> Choice:
    plan = subject.plan
    if way.exact:
        data = way.finish(way.encode(subject.picture, plan, 0), plan)
        score = IDENTICAL if plan.measured else None
        return Choice(data=data, way=way, aim=IDENTICAL, score=score, reached=True)
    if subject.picture.frames > 1:
        return _animation(way, subject)
    if not plan.measured:
        return _blindly(way, subject)
    return _searched(way, subject)


def _blindly(way: Way, subject: Subject) -> Choice:
    """Encode once, and measure only where a curve cannot be trusted."""
    plan = subject.plan
    probe = subject.encoder(way).probe(subject.aim(way))
    score = None if way.trusted else subject.look.score(probe.data)
    reached = score is None or score >= plan.score
    data = way.finish(probe.data, plan) if reached else probe.data
    return Choice(data=data, way=way, aim=probe.aim, score=score, reached=reached)


def _searched(way: Way, subject: Subject) -> Choice:
    plan = subject.plan
    start, tolerance = subject.aim(way), NEAR
    if way.draft:
        start = predicted(subject.encoder(way.draft), plan.score, start=start)
        tolerance = NEAR_ENOUGH
    found = reach(
        subject.encoder(way),
        plan.score,
        start=start,
        tolerance=tolerance,
        from_above=not way.trusted,
    )
    return Choice(
        data=way.finish(found.data, plan),
        way=way,
        aim=found.aim,
        score=found.score,
        reached=found.score >= plan.score - MISSED,
    )


def _animation(way: Way, subject: Subject) -> Choice:
    """Find the number with one frame, and encode all of them with it."""
    picture, plan = subject.picture, subject.plan
    start = subject.aim(way)
    if plan.measured:
        frame = _still(picture, picture.frames // 2 * picture.page_height)
        still = replace(
            subject,
            picture=frame,
            plan=replace(plan, animated=False),
            look=Look(frame, subject.look.codec),
        )
        start = _searched(way, still).aim
    probe = subject.encoder(way).probe(start)
    data = way.finish(probe.data, plan)
    return Choice(data=data, way=way, aim=probe.aim, score=None, reached=True)


def _still(picture: Picture, top: int) -> Picture:
    image: pyvips.Image = picture.image.crop(0, top, picture.image.width, picture.page_height)
    image = image.copy_memory()
    for name in ("delay", "loop", "page-height"):
        if image.get_typeof(name):
            image.remove(name)
    return Picture(image=image, page_height=picture.page_height)


def _fitted(best: Choice, subject: Subject, max_bytes: int) -> Choice:
    """Lower the look until the result has no more than the bytes that are allowed."""
    plan, picture = subject.plan, subject.picture
    smallest = len(best.data)
    lossy = False
    for way in codecs.get(plan.format).ways(subject.content, replace(plan, measured=True)):
        if way.exact or (way.fallback and lossy):  # which is for better looks, not for fewer bytes
            continue
        lossy = True
        encoder = replace(subject.encoder(way), encode=partial(_finished, way, picture, plan))
        ceiling, known = subject.aim(way), list[Probe]()
        if best.way.name == way.name:
            ceiling = best.aim
            known = [Probe(aim=ceiling, number=encoder.number(ceiling), data=best.data)]
        found = fit(encoder, max_bytes, ceiling=ceiling, known=known)
        smallest = min(smallest, len(found.data))
        if smallest <= max_bytes:
            score = subject.look.score(found.data) if picture.frames == 1 else None
            return Choice(data=found.data, way=way, aim=found.aim, score=score, reached=False)
    raise errors.DoesNotFit(detail=f"the smallest has {smallest} bytes")


def _finished(way: Way, picture: Picture, plan: Plan, number: float) -> bytes:
    return way.finish(way.encode(picture, plan, number), plan)
