"""What will be done, decided without a pixel."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.engine.plan import memory_size, plans, result_size
from pixmill.engine.types import ImageInfo, Limits, Options, Plan

JPEG = ImageInfo(format="jpeg", width=2560, height=1600)
LIMITS = Limits()


def plan(info: ImageInfo, options: Options, limits: Limits) -> Plan:
    (only,) = plans(info, options, limits)
    return only


sizes = st.tuples(st.integers(1, 70_000), st.integers(1, 70_000))
sides = st.one_of(st.none(), st.integers(1, 20_000))


@pytest.mark.parametrize(
    ("options", "size"),
    [
        (Options(width=1280), (1280, 800)),
        (Options(height=800), (1280, 800)),
        (Options(width=1280, height=100), (160, 100)),
        (Options(width=1280, height=100, fit="exact"), (1280, 100)),
        (Options(width=5120), (2560, 1600)),
        (Options(width=5120, enlarge=True), (5120, 3200)),
        (Options(width=1), (1, 1)),
        (Options(), (2560, 1600)),
    ],
)
def test_the_size_follows_from_what_was_asked(options, size):
    assert plan(JPEG, options, LIMITS).size == size


def test_the_other_side_is_rounded_half_up():
    assert result_size((1000, 5), Options(width=300)) == (300, 2)  # 1.5 → 2
    assert result_size((1000, 5), Options(width=100)) == (100, 1)  # 0.5 → 1


def test_a_size_is_asked_for_as_the_picture_is_seen():
    sideways = replace(JPEG, orientation=6)

    assert plan(sideways, Options(width=800), LIMITS).size == (800, 1280)


@given(sizes, sides, sides, st.sampled_from(["inside", "exact"]))
def test_a_picture_is_never_enlarged_unasked(size, width, height, fit):
    result = result_size(size, Options(width=width, height=height, fit=fit))

    assert 1 <= result[0] <= size[0]
    assert 1 <= result[1] <= size[1]


@given(sizes, sides, sides)
def test_a_picture_that_fits_within_stays_within(size, width, height):
    result = result_size(size, Options(width=width, height=height, enlarge=True))

    assert width is None or result[0] <= width
    assert height is None or result[1] <= height


@given(sizes, sides, sides, st.booleans())
def test_resizing_to_the_size_reached_changes_nothing(size, width, height, enlarge):
    options = Options(width=width, height=height, fit="exact", enlarge=enlarge)
    once = result_size(size, options)

    assert result_size(once, options) == once


@pytest.mark.parametrize(
    "info",
    [
        replace(JPEG, width=10_000, height=5_001),
        replace(JPEG, format="gif", frames=13),
        replace(JPEG, width=65_536, height=1),
        replace(JPEG, format="gif", width=1, height=1, frames=1_001),
    ],
)
def test_too_many_pixels_over_all_frames_are_refused_from_the_header(info):
    with pytest.raises(errors.TooManyPixels):
        plan(info, Options(), LIMITS)


def test_a_side_that_the_format_cannot_hold_is_named_with_a_way_out():
    wide = replace(JPEG, width=20_000, height=100)

    with pytest.raises(errors.BadDimensions, match=r"WEBP holds at most 16383 .* smaller width"):
        plan(wide, Options(format="webp"), LIMITS)
    assert plan(wide, Options(format="webp", width=16_383), LIMITS).size == (16_383, 82)


def test_an_unknown_format_is_refused_with_the_known_ones():
    with pytest.raises(errors.UnknownFormat, match="avif, gif, jpeg"):
        plan(JPEG, Options(format="bmp"), LIMITS)


@pytest.mark.parametrize(
    ("source", "alpha", "format_"),
    [
        ("heic", False, "jpeg"),
        ("bmp", False, "jpeg"),
        ("tiff", False, "jpeg"),
        ("tiff", True, "png"),
        ("gif", True, "gif"),
        ("webp", False, "webp"),
    ],
)
def test_a_source_that_cannot_be_written_becomes_jpeg_or_png(source, alpha, format_):
    info = replace(JPEG, format=source, alpha=alpha)

    assert plan(info, Options(), LIMITS).format == format_


@pytest.mark.parametrize(
    ("source", "target", "animated"),
    [
        ("gif", "gif", True),
        ("gif", "webp", True),
        ("gif", "avif", True),
        ("gif", "png", False),
        ("png", "png", True),
        ("gif", "jpeg", False),
    ],
)
def test_an_animation_is_kept_where_people_expect_it(source, target, animated):
    info = replace(JPEG, format=source, width=100, height=100, frames=5)

    steps = plan(info, Options(format=target), LIMITS)

    assert steps.animated is animated
    assert steps.frames == (5 if animated else 1)


def test_the_floor_holds_for_the_same_format_and_size_only():
    assert plan(JPEG, Options(), LIMITS).floor
    assert plan(JPEG, Options(format="jpeg", width=9_999), LIMITS).floor
    assert not plan(JPEG, Options(format="webp"), LIMITS).floor
    assert not plan(JPEG, Options(width=100), LIMITS).floor


def test_avif_is_admitted_at_twenty_bytes_a_pixel():
    small = plan(JPEG, Options(format="avif"), LIMITS)

    assert memory_size(small) >= 20 * JPEG.pixels
