import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from pixmill.engine.content import analyze

from fixtures.pictures import graphic, photo, translucent

Pixels = NDArray[np.uint8]

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(1, 4))
PICTURES = SHAPES.flatmap(lambda shape: arrays(np.uint8, shape))


def pixels(picture: Image.Image) -> Pixels:
    array = np.asarray(picture)
    return array.reshape(*array.shape[:2], -1)


def noise(height: int, width: int, bands: int = 3, *, deviation: float = 10) -> Pixels:
    values = np.random.default_rng(1).normal(128, deviation, (height, width, bands))
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def page(ink: int = 20, paper: int = 245, *, shadow: int = 0, grain: float = 0) -> Pixels:
    picture = Image.new("L", (480, 360), paper)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(14)
    for line in range(15):
        words = "the quick brown fox jumps over the lazy dog and lies down "
        draw.text((16, 16 + 22 * line), (words[3 * line :] + words)[:60], ink, font)
    values = np.asarray(picture) - np.linspace(0, shadow, 480)
    values += np.random.default_rng(1).normal(0, 1, values.shape) * grain
    return np.clip(values, 0, 255).astype(np.uint8)[:, :, np.newaxis]


def window() -> Pixels:
    picture = Image.new("RGB", (480, 360), (246, 247, 249))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(12)
    draw.rectangle((0, 0, 479, 40), (30, 80, 190))
    draw.rectangle((0, 40, 120, 359), (225, 229, 238))
    for row in range(6):
        draw.rectangle((140, 60 + 48 * row, 460, 98 + 48 * row), "white", (170, 176, 190))
        draw.text((150, 70 + 48 * row), f"Order {1000 + row}", (25, 30, 40), font)
        draw.rectangle((390, 68 + 48 * row, 450, 90 + 48 * row), (40, 150, 80))
    return pixels(picture)


def drawing() -> Pixels:
    picture = Image.new("RGB", (320, 240), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((20, 20, 200, 200), (230, 60, 40), "black", 3)
    draw.polygon([(120, 220), (300, 180), (240, 30)], (40, 90, 220))
    draw.arc((90, 40, 310, 230), 20, 200, (20, 160, 60), 5)
    return pixels(picture)


def test_a_photograph_is_told_by_its_shading() -> None:
    assert analyze(pixels(photo())).kind == "photo"


def test_a_gray_photograph_is_a_photograph() -> None:
    content = analyze(pixels(photo().convert("L")))

    assert content.kind == "photo"
    assert content.gray


def test_a_thumbnail_of_a_photograph_is_a_photograph() -> None:
    assert analyze(pixels(photo(640, 480).resize((64, 48)))).kind == "photo"


def test_a_smooth_rendering_counts_as_a_photograph() -> None:
    ramp = np.add.outer(np.linspace(0, 120, 300), np.linspace(0, 130, 400)).astype(np.uint8)

    assert analyze(np.dstack([ramp, ramp // 2, 255 - ramp])).kind == "photo"


def test_a_drawing_is_a_graphic() -> None:
    assert analyze(drawing()).kind == "graphic"


def test_garish_patterns_are_a_graphic_though_nothing_is_flat() -> None:
    squares = np.indices((128, 128)).sum(axis=0) % 2
    colors = np.array([(250, 20, 20), (20, 30, 250)], np.uint8)

    assert analyze(colors[squares]).kind == "graphic"


def test_a_window_with_boxes_and_labels_is_a_screenshot() -> None:
    assert analyze(window()).kind == "screenshot"


@pytest.mark.parametrize(
    "sheet",
    [page(), page(235, 15), page(50, 225, shadow=70, grain=4)],
    ids=["black on white", "white on black", "scanned in uneven light"],
)
def test_a_page_is_text(sheet: Pixels) -> None:
    assert analyze(sheet).kind == "text"


def test_text_is_told_in_every_pixel_layout() -> None:
    sheet = page()
    opaque = np.full_like(sheet, 255)

    layouts = [sheet, np.dstack([sheet, opaque]), np.repeat(sheet, 3, 2)]
    layouts.append(np.dstack([layouts[2], opaque]))
    assert len({analyze(layout) for layout in layouts}) == 1


@given(PICTURES)
@settings(deadline=None)
def test_colors_are_counted_exactly(picture: Pixels) -> None:
    distinct = len(np.unique(picture.reshape(-1, picture.shape[2]), axis=0))

    assert analyze(picture).colors == (distinct if distinct <= 256 else None)


@pytest.mark.parametrize(("count", "expected"), [(256, 256), (257, None)])
def test_colors_are_counted_up_to_what_a_palette_holds(count: int, expected: int | None) -> None:
    palette = np.random.default_rng(1).permutation(1 << 24)[:count].astype("<u4")
    rgb = palette.view(np.uint8).reshape(-1, 4)[:, :3]
    picture = np.resize(rgb, (300, 300, 3))

    assert analyze(picture).colors == expected


def test_a_single_pixel_counts_wherever_it_is() -> None:
    picture = np.full((1100, 1300, 4), 255, np.uint8)
    picture[701, 331] = (255, 255, 254, 254)

    content = analyze(picture)
    assert content.colors == 2
    assert not content.opaque
    assert not content.gray


def test_what_the_sample_misses_counts_among_many_colors_too() -> None:
    picture = np.dstack([noise(1100, 1300, 1)] * 3 + [noise(1100, 1300, 1, deviation=0) + 127])
    picture[:, :1100, 3] = np.arange(1100) % 3 + 253
    picture[701, 331, 0] = 255

    content = analyze(picture)
    assert content.colors is None
    assert not content.opaque
    assert not content.gray


def test_black_without_alpha_is_a_color_like_others() -> None:
    picture = np.zeros((2, 3, 4), np.uint8)
    picture[0, 0, 0] = 1

    assert analyze(picture).colors == 2


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
def test_one_pixel_is_enough(bands: int) -> None:
    content = analyze(np.full((1, 1, bands), 255, np.uint8))

    assert content.colors == 1
    assert content.opaque
    assert content.gray
    assert content.flat == 1
    assert content.color_edges == 0


@given(PICTURES)
@settings(deadline=None)
def test_every_measure_is_a_number_within_its_range(picture: Pixels) -> None:
    content = analyze(picture)

    assert 0 <= content.flat <= 1
    assert 0 <= content.soft <= 1
    assert 0 <= content.color_edges <= 255
    assert not any(
        isinstance(value, float) and math.isnan(value) for value in asdict(content).values()
    )


@pytest.mark.parametrize(
    "shape", [(1, 600_000, 3), (600_000, 1, 1), (20, 40_000, 4), (70, 9000, 2)]
)
def test_long_and_thin_pictures_are_sampled_too(shape: tuple[int, int, int]) -> None:
    content = analyze(noise(*shape))

    assert content.flat < 0.05
    assert content.kind == "photo"


def test_opaque_means_that_nothing_shows_through() -> None:
    assert analyze(pixels(photo().convert("RGBA"))).opaque
    assert not analyze(pixels(translucent())).opaque


def test_colors_under_full_transparency_are_not_looked_at() -> None:
    hidden = np.dstack([noise(90, 120), np.zeros((90, 120), np.uint8)])

    content = analyze(hidden)
    assert content.flat == 1
    assert content.color_edges == 0
    assert content.colors is None


def test_flat_is_the_share_of_pixels_like_their_neighbors() -> None:
    picture = np.zeros((101, 101, 1), np.uint8)
    picture[:, 51:] = 200

    assert analyze(picture).flat == pytest.approx(0.99)


def test_gray_pictures_have_no_color_edges() -> None:
    assert analyze(np.repeat(page(), 3, 2)).color_edges == 0


def test_color_edges_grow_with_what_half_resolution_smears() -> None:
    shades = photo()
    saturated = analyze(graphic_in_red()).color_edges

    assert analyze(pixels(shades)).color_edges < 2
    assert saturated > 5


def graphic_in_red() -> Pixels:
    picture = Image.new("RGB", (240, 160), (200, 0, 0))
    draw = ImageDraw.Draw(picture)
    for x in range(0, 240, 7):
        draw.line((x, 0, 239 - x, 159), (0, 0, 220))
    return pixels(picture)


def test_a_few_colors_are_told_from_a_drawing() -> None:
    content = analyze(pixels(graphic()))

    assert content.colors is not None
    assert content.colors <= 8
    assert content.kind != "photo"


def test_a_large_picture_is_judged_like_a_part_of_it() -> None:
    part = pixels(photo(400, 300))
    whole, alone = analyze(np.tile(part, (4, 4, 1))), analyze(part)

    assert whole.kind == alone.kind
    assert whole.color_edges == pytest.approx(alone.color_edges, rel=0.25)


def test_pixels_may_be_a_view() -> None:
    picture = pixels(photo())

    assert analyze(picture[::2, 5:200]) == analyze(picture[::2, 5:200].copy())
