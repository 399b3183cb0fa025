"""Searching along an encoder's curve, against encoders that are made of numbers alone."""

from dataclasses import dataclass, field

from hypothesis import assume, given
from hypothesis import strategies as st

from pixmill.engine.quality import interpolate
from pixmill.engine.search import (
    MOST_FITS,
    MOST_PROBES,
    NEAR_ENOUGH,
    Encoder,
    fit,
    predicted,
    reach,
    regret,
)

CURVE = ((0, 1), (60, 49), (70, 70), (80, 86), (90, 96), (95, 100))


@dataclass
class Codec:
    """Keeps the promises of its curve but for a bend: *offset* points, and *slope* for one."""

    offset: float = 0
    slope: float = 1
    best: float = 100
    whole: bool = True
    tried: list[float] = field(default_factory=list)

    def encode(self, number: float) -> bytes:
        """Return as many bytes as the number costs; the number itself is the first."""
        self.tried.append(number)
        promised = interpolate([(y, x) for x, y in CURVE], number)
        return bytes([round(number)]) + b"x" * round(1000 * 2 ** (promised / 15))

    def measure(self, data: bytes) -> float:
        promised = interpolate([(y, x) for x, y in CURVE], data[0])
        return min(self.best, 70 + self.offset + self.slope * (promised - 70))

    @property
    def encoder(self) -> Encoder:
        return Encoder(encode=self.encode, measure=self.measure, curve=CURVE, whole=self.whole)


def reached(codec: Codec, target: float) -> float:
    return reach(codec.encoder, target, start=target).score


def test_a_promise_that_is_kept_costs_one_encode():
    codec = Codec()

    assert abs(reached(codec, 75) - 75) < 1
    assert len(codec.tried) == 1


@given(
    st.floats(-12, 12),
    st.floats(0.7, 1.4),
    st.floats(40, 90),
)
def test_a_look_within_reach_is_reached_in_three_encodes(offset, slope, target):
    codec = Codec(offset=offset, slope=slope)
    assume(codec.measure(b"\x01") + 2 < target < codec.measure(b"\x64") - 2)

    score = reached(codec, target)

    step = max(  # a whole number of the encoder's may be worth more than the tolerance
        abs(codec.measure(bytes([number])) - codec.measure(bytes([number + 1])))
        for number in range(1, 100)
        if abs(codec.measure(bytes([number])) - target) < 5
    )
    assert abs(score - target) <= max(3, step)
    assert len(codec.tried) <= MOST_PROBES


@given(st.floats(-200, 200), st.floats(-3, 3), st.floats(-100, 100), st.floats(30, 95))
def test_whatever_an_encoder_does_no_number_is_tried_twice(offset, slope, best, target):
    codec = Codec(offset=offset, slope=slope, best=best)

    score = reached(codec, target)

    assert len(set(codec.tried)) == len(codec.tried) <= MOST_PROBES
    assert regret(score, target) == min(
        regret(codec.measure(bytes([round(number)])), target) for number in codec.tried
    )


def test_from_above_a_better_look_is_taken_rather_than_a_worse_one():
    codec = Codec(offset=-8, slope=3)
    coarse = Encoder(
        encode=lambda number: codec.encode(round(number / 25) * 25 or 1),
        measure=codec.measure,
        curve=CURVE,
        whole=True,
    )

    found = reach(coarse, 75, start=75, from_above=True)

    assert found.score >= 75 - NEAR_ENOUGH


def test_a_draft_tells_where_the_search_begins():
    codec = Codec(offset=-6)

    assert abs(predicted(codec.encoder, 70, start=70) - 76) < 1


def test_a_look_out_of_reach_gives_the_best_there_is():
    codec = Codec(best=82)

    assert reached(codec, 90) == 82


@given(st.integers(1_100, 90_000), st.floats(30, 95))
def test_a_size_is_kept_to_and_used(max_bytes, ceiling):
    codec = Codec()

    found = fit(codec.encoder, max_bytes, ceiling=ceiling)

    assert len(codec.tried) <= MOST_FITS
    assert len(found.data) <= max_bytes
    assert found.aim <= ceiling
    full = len(found.data) >= 0.85 * max_bytes
    next_number = codec.encode(found.number + 1)
    assert full or len(next_number) > max_bytes or found.number >= codec.encoder.number(ceiling)


def test_a_size_that_no_look_has_gives_the_smallest():
    codec = Codec()

    found = fit(codec.encoder, 10, ceiling=80)

    assert found.number == 1
    assert len(codec.tried) <= 3


def test_of_few_numbers_the_best_that_fits_is_found():
    bits = Encoder(
        encode=lambda number: bytes(1000 * round(number)),
        measure=len,
        curve=((0, 4), (56, 6), (67, 7), (72, 8)),
        whole=True,
    )

    found = fit(bits, 6500, ceiling=72)

    assert found.number == 6


def test_what_is_known_not_to_fit_is_not_encoded_again():
    codec = Codec()
    known = codec.encoder.probe(80)
    codec.tried.clear()

    found = fit(codec.encoder, len(known.data) // 2, ceiling=80, known=[known])

    assert len(found.data) <= len(known.data) // 2
    assert known.number not in codec.tried
