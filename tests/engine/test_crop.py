"""Shapes cut out of pictures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from pixmill.engine.optimize import optimize
from pixmill.engine.plan import result_size
from pixmill.engine.types import Fit, Limits, Options

from fixtures.pictures import animation, array, decoded, encode, exif, photo, quadrants

LIMITS = Limits()
RED = (200, 30, 30)
sides = st.integers(1, 5000)


def cut(data: bytes, width: int, height: int, fit: Fit = "thumb", **more: object) -> Image.Image:
    options = Options(width=width, height=height, fit=fit, **more)  # type: ignore[arg-type]
    result = optimize(data, options, LIMITS)
    picture = decoded(result.data)
    assert picture.size == (result.width, result.height)
    return picture


def product(*, ground: tuple[int, ...] = (255, 255, 255), mode: str = "RGB") -> Image.Image:
    """Return something wide and red before a plain ground."""
    picture = Image.new(mode, (400, 300), ground)
    solid = (*RED, 255) if mode == "RGBA" else RED
    ImageDraw.Draw(picture).rectangle((20, 100, 379, 180), fill=solid)
    return picture


def red(picture: Image.Image) -> tuple[int, int, int, int]:
    """Return the box around what is red."""
    levels = array(picture)
    mask = (levels[:, :, 0] > 150) & (levels[:, :, 1] < 100)
    box = Image.fromarray(mask).getbbox()
    assert box is not None
    return box


@given(size=st.tuples(sides, sides), wanted=st.tuples(sides, sides))
def test_a_cut_has_its_shape_and_is_never_enlarged(
    size: tuple[int, int], wanted: tuple[int, int]
) -> None:
    width, height = result_size(size, Options(width=wanted[0], height=wanted[1], fit="cover"))

    assert width <= size[0]
    assert height <= size[1]
    if wanted[0] <= size[0] and wanted[1] <= size[1]:
        assert (width, height) == wanted
    else:
        assert width in {size[0], wanted[0]} or height in {size[1], wanted[1]}
        assert abs(width * wanted[1] - height * wanted[0]) <= max(wanted)


@pytest.mark.parametrize("fit", ["cover", "thumb"])
@pytest.mark.parametrize("size", [(100, 100), (300, 50), (50, 200), (1, 1), (320, 240)])
def test_a_cut_is_exactly_as_large_as_was_asked(fit: Fit, size: tuple[int, int]) -> None:
    assert cut(encode(photo(), "JPEG", quality=92), *size, fit=fit).size == size


def test_the_aspect_is_kept() -> None:
    picture = Image.new("RGB", (400, 200), (255, 255, 255))
    ImageDraw.Draw(picture).ellipse((150, 50, 249, 149), fill=RED)
    left, top, right, bottom = red(cut(encode(picture, "PNG"), 100, 100, "cover"))

    assert abs((right - left) - (bottom - top)) <= 2
    assert abs((right - left) - 50) <= 2


def test_what_there_is_to_see_is_not_cut_away() -> None:
    picture = Image.new("RGB", (600, 100), (128, 128, 128))
    picture.paste(photo(80, 80), (500, 10))
    shown = array(cut(encode(picture, "PNG"), 100, 100, "cover"))

    assert shown.std() > 20


def test_turned_pictures_are_cut_as_they_are_seen() -> None:
    data = encode(quadrants(60, 40), "JPEG", quality=95, exif=exif(6))

    assert cut(data, 20, 40, "cover").size == (20, 40)


def test_an_animation_is_cut_in_the_middle_of_each_frame() -> None:
    shown = cut(animation("GIF"), 24, 24, "cover")

    assert shown.size == (24, 24)
    assert shown.n_frames == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [(100, 100), (50, 100), (100, 60), (40, 40)])
def test_what_stands_free_stays_whole(size: tuple[int, int]) -> None:
    shown = cut(encode(product(), "PNG"), *size)
    left, top, right, bottom = red(shown)

    assert left > 0
    assert right < size[0]
    assert (right - left) / (bottom - top) == pytest.approx(360 / 81, rel=0.25)
    assert array(shown)[0, 0].min() > 250


def test_a_transparent_ground_stays_transparent() -> None:
    data = encode(product(ground=(0, 0, 0, 0), mode="RGBA"), "PNG")
    shown = cut(data, 80, 80).convert("RGBA")

    assert shown.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert red(shown)[0] > 0


def test_where_nothing_stands_free_a_thumb_is_a_cover() -> None:
    data = encode(photo(), "JPEG", quality=92)

    assert array(cut(data, 60, 90)).tolist() == array(cut(data, 60, 90, "cover")).tolist()


def test_a_blank_picture_can_be_cut() -> None:
    assert cut(encode(Image.new("L", (50, 40), 7), "PNG"), 20, 10).size == (20, 10)
