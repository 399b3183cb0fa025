"""
Finding the encoder's number that gives the look, or the bytes, that were asked for.

Both searches walk along the encoder's curve: what they vary is the score that the curve promises,
because in it all encoders behave alike. A picture's true score is off the promise by an amount that
changes slowly, so a correction by what was missed is nearly right, and a second one is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import log, sqrt

from pixmill.engine.quality import Curve, interpolate

#: Encodes that a look may cost.
MOST_PROBES = 3

#: Points of SSIMULACRA2 within which a look counts as reached: at once, and after a correction.
NEAR = 1.0
NEAR_ENOUGH = 1.5

#: Encodes that a size may cost.
MOST_FITS = 6

#: A result of this share of the bytes allowed is as large as it need be.
FULL = 0.93

#: How much worse a point too few is than one too many.
REGRET = 1.5

#: Points of true score that a promised point brings: at first thought, and at least and at most.
TYPICAL_SLOPE = 1.1
STEEPEST = (0.25, 3.0)

# What a point of score costs, as a logarithm of bytes, before two sizes are known.
_BYTES_PER_POINT = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One encode."""

    aim: float  #: score that the curve promised
    number: float  #: the encoder's own
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured(Probe):
    """One encode, and how it looks."""

    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoder:
    """An encoder whose number is still open."""

    encode: Callable[[float], bytes]
    measure: Callable[[bytes], float]  #: SSIMULACRA2 of what was encoded
    curve: Curve
    whole: bool  #: only whole numbers are different numbers
    most_probes: int = MOST_PROBES
    most_fits: int = MOST_FITS

    def number(self, aim: float) -> float:
        """Return the number that promises the score *aim*."""
        number = interpolate(self.curve, aim)
        return round(number) if self.whole else round(number, 2)

    def probe(self, aim: float) -> Probe:
        """Encode for *aim*, or for the nearest score that the curve has."""
        aim = min(max(aim, self.curve[0][0]), self.curve[-1][0])
        number = self.number(aim)
        return Probe(aim=aim, number=number, data=self.encode(number))

    def measured(self, aim: float) -> Measured:
        """Encode for *aim* and measure what comes out."""
        probe = self.probe(aim)
        return Measured(
            aim=probe.aim,
            number=probe.number,
            data=probe.data,
            score=self.measure(probe.data),
        )


def predicted(encoder: Encoder, target: float, *, start: float) -> float:
    """Return the aim that will give *target*, from one encode by a quicker *encoder* at *start*."""
    return _corrected([encoder.measured(start)], target)


def reach(
    encoder: Encoder,
    target: float,
    *,
    start: float,
    tolerance: float = NEAR,
    from_above: bool = False,
) -> Measured:
    """
    Return what looks most like *target* of the encodes that may be taken, the first at *start*.

    The first is taken if it is within *tolerance* points. *from_above* prefers the smallest that
    looks no worse, however much better that is. A target beyond what the encoder can do gives the
    nearest that it can.
    """
    seen: list[Measured] = []
    aim = start
    while len(seen) < encoder.most_probes:
        if any(encoder.number(aim) == probe.number for probe in seen):
            break
        seen.append(encoder.measured(aim))
        if _miss(_closest(seen, target), target) <= tolerance:
            break
        aim, tolerance = _corrected(seen, target), NEAR_ENOUGH
    good = [probe for probe in seen if probe.score >= target - NEAR_ENOUGH]
    if from_above and good:
        return min(good, key=lambda probe: len(probe.data))
    return min(seen, key=lambda probe: regret(probe.score, target))


def fit(encoder: Encoder, max_bytes: int, *, ceiling: float, known: Sequence[Probe] = ()) -> Probe:
    """
    Return the best-looking encode of at most *max_bytes* that promises no more than *ceiling*.

    Takes at most `Encoder.most_fits` encodes, with those that are *known* to have more bytes. When
    even the poorest look has more, returns that.
    """
    poorest = encoder.curve[0][0]
    seen = list(known) or [encoder.probe(ceiling)]
    while len(seen) < encoder.most_fits:
        fitting = [probe for probe in seen if len(probe.data) <= max_bytes]
        if any(probe is seen[0] or len(probe.data) >= FULL * max_bytes for probe in fitting):
            break
        numbers = {probe.number for probe in seen}
        aim = min(_sized(seen, max_bytes), ceiling)
        if fitting and encoder.number(aim) in numbers:
            aim = _between(seen, max_bytes)
        elif not fitting and (encoder.number(aim) in numbers or len(seen) == encoder.most_fits - 1):
            aim = poorest
        if encoder.number(aim) in numbers:
            break
        seen.append(encoder.probe(aim))
    fitting = [probe for probe in seen if len(probe.data) <= max_bytes]
    if fitting:
        return max(fitting, key=lambda probe: probe.aim)
    return min(seen, key=lambda probe: len(probe.data))


def regret(score: float, target: float) -> float:
    """Return how bad it is to have *score* instead of *target*: a poorer look is worse."""
    return score - target if score > target else (target - score) * REGRET


def _miss(probe: Measured, target: float) -> float:
    return abs(probe.score - target)


def _closest(probes: Sequence[Measured], target: float) -> Measured:
    return min(probes, key=lambda probe: _miss(probe, target))


def _corrected(probes: Sequence[Measured], target: float) -> float:
    """Return the aim that would have met *target*, as far as *probes* tell."""
    one = _closest(probes, target)
    slope = TYPICAL_SLOPE
    others = [probe for probe in probes if probe.aim != one.aim]
    if others:
        # One on the other side of the target says more than one on the same.
        other = min(
            others, key=lambda probe: (_same_side(one, probe, target), _miss(probe, target))
        )
        slope = (other.score - one.score) / (other.aim - one.aim)
        slope = min(max(slope, STEEPEST[0]), STEEPEST[1])
        if _same_side(one, other, target):  # looks fall faster beyond than they did so far
            slope = sqrt(slope * TYPICAL_SLOPE)
    return one.aim + (target - one.score) / slope


def _same_side(one: Measured, other: Measured, target: float) -> bool:
    return (one.score < target) == (other.score < target)


def _sized(probes: Sequence[Probe], max_bytes: int) -> float:
    """Return the aim at which a result would have a little less than *max_bytes*."""
    wanted = log(max_bytes * (1 + FULL) / 2)
    near, *rest = sorted(probes, key=lambda probe: abs(log(len(probe.data)) - wanted))
    slope = _BYTES_PER_POINT
    if rest:
        far = rest[0]
        slope = log(len(far.data) / len(near.data)) / (far.aim - near.aim)
    return near.aim + (wanted - log(len(near.data))) / max(slope, _BYTES_PER_POINT / 4)


def _between(probes: Sequence[Probe], max_bytes: int) -> float:
    """Return the aim halfway between the best look that fits and the poorest that does not."""
    best = max(probe.aim for probe in probes if len(probe.data) <= max_bytes)
    return (best + min(probe.aim for probe in probes if len(probe.data) > max_bytes)) / 2
