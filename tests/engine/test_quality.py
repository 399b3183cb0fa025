"""The one scale of quality."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.engine import codecs
from pixmill.engine.content import Content
from pixmill.engine.plan import plans
from pixmill.engine.quality import LOOK, interpolate, score_of
from pixmill.engine.types import ImageInfo, Limits, Options

INFO = ImageInfo(format="bmp", width=640, height=480)
PHOTO = Content(
    kind="photo",
    colors=None,
    opaque=True,
    gray=False,
    flat=0.1,
    soft=0.8,
    color_edges=1,
)
ALL_CODECS = [pytest.param(codec, id=name) for name, codec in codecs.all_codecs().items()]


@pytest.mark.parametrize(("quality", "score"), [(45, 60), (66, 70), (84, 80), (96, 90)])
def test_quality_stands_for_the_look_of_a_libjpeg_jpeg(quality, score):
    assert score_of(quality) == score


@given(st.floats(0, 101), st.floats(0, 101))
def test_a_higher_quality_never_looks_worse(one, other):
    low, high = sorted((one, other))

    assert score_of(low) <= score_of(high)


@pytest.mark.parametrize("quality", [20, 60, 80, 99])
@pytest.mark.parametrize("codec", ALL_CODECS)
def test_every_way_follows_the_scale_in_one_direction(codec, quality):
    (plan,) = plans(INFO, Options(format=codec.name, quality=quality, smart=True), Limits())

    ways = codec.ways(PHOTO, plan)

    assert ways
    for way in ways:
        numbers = [interpolate(way.curve, score) for score in range(101)] if way.curve else [0, 1]
        assert numbers in (sorted(numbers), sorted(numbers, reverse=True))
        assert numbers[0] != numbers[-1]


@given(st.floats(-1000, 1000))
def test_interpolation_stays_within_its_points(x):
    assert LOOK[0][1] <= interpolate(LOOK, x) <= LOOK[-1][1]
