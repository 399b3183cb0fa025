"""The smallest file at the look that was asked for, with the proof in the result."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from pixmill import errors
from pixmill.engine.optimize import optimize
from pixmill.engine.quality import score_of
from pixmill.engine.ssimulacra2 import compare
from pixmill.engine.types import Limits, Options, Result

from fixtures.pictures import (
    animation,
    decoded,
    encode,
    frames,
    graphic,
    photo,
    quadrants,
    translucent,
)

MEASURED_FORMATS = ["jpeg", "webp", "avif"]


def run(data: bytes, **options: object) -> Result:
    return optimize(data, Options(**options), Limits())  # type: ignore[arg-type]


def pixels(data: bytes, mode: str = "RGB") -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)).convert(mode))


@pytest.fixture(scope="module")
def picture() -> bytes:
    return encode(photo(400, 300), "PNG")


@pytest.mark.parametrize("target", [60, 75, 85])
@pytest.mark.parametrize("format_", MEASURED_FORMATS)
def test_a_target_is_hit_and_the_score_is_true(picture, format_, target):
    result = run(picture, format=format_, target=target)

    assert abs(result.score - target) <= 3
    assert abs(result.score - compare(pixels(picture), pixels(result.data))) < 0.5


@pytest.mark.parametrize("format_", MEASURED_FORMATS)
def test_smart_reaches_the_look_of_the_quality(picture, format_):
    result = run(picture, format=format_, quality=70, smart=True)

    assert abs(result.score - score_of(70)) <= 3


@pytest.mark.parametrize(
    ("mode", "score"), [("size", 63), ("balanced", 73), ("quality", 83), ("max", 63)]
)
def test_a_mode_has_its_look(picture, mode, score):
    assert abs(run(picture, format="webp", mode=mode).score - score) <= 3


def test_the_most_effort_takes_no_more_bytes(picture):
    hasty = run(picture, format="webp", mode="size")
    thorough = run(picture, format="webp", mode="max")

    assert thorough.score >= hasty.score - 2
    assert len(thorough.data) <= 1.01 * len(hasty.data)


@pytest.mark.parametrize("format_", ["webp", "png"])
def test_without_loss_no_pixel_changes(picture, format_):
    result = run(picture, format=format_, mode="lossless")

    assert np.array_equal(pixels(result.data), pixels(picture))


def test_what_nobody_asked_to_measure_is_not_measured(picture):
    assert run(picture, format="jpeg").score is None


def test_a_look_beyond_the_format_gives_its_best():
    noise = np.random.default_rng(3).integers(0, 255, (64, 64, 3), np.uint8)
    upload = encode(Image.fromarray(noise), "PNG")

    best = run(upload, format="jpeg", target=95)

    assert best.score >= run(upload, format="jpeg", target=80).score


@pytest.mark.parametrize("target", [29, 96, float("nan"), float("inf")])
def test_a_target_off_the_scale_is_refused(picture, target):
    with pytest.raises(errors.BadOption, match="from 30 to 95"):
        run(picture, target=target)


def test_sixteen_bits_are_kept_without_loss_whatever_the_format():
    levels = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64) * 21
    upload = encode(Image.fromarray(levels), "PNG")

    result = run(upload, format="auto", lossless=True)

    assert result.format == "png"
    assert np.array_equal(np.asarray(decoded(result.data)), levels)


def test_a_look_and_no_loss_contradict_each_other(picture):
    with pytest.raises(errors.BadOption, match="leave out one"):
        run(picture, target=80, mode="lossless")


# Bytes


@pytest.mark.parametrize("format_", MEASURED_FORMATS)
def test_a_result_fits_into_the_bytes_allowed_and_uses_them(picture, format_):
    whole = run(picture, format=format_)
    allowed = round(len(whole.data) * 0.6)

    result = run(picture, format=format_, max_bytes=allowed)

    assert 0.6 * allowed < len(result.data) <= allowed
    assert result.score is not None


def test_what_fits_already_is_left_alone(picture):
    whole = run(picture, format="webp")

    assert run(picture, format="webp", max_bytes=len(whole.data)).data == whole.data


def test_a_look_that_was_asked_for_is_lowered_only_as_far_as_needed(picture):
    tight = run(picture, format="webp", target=85, max_bytes=6_000)
    loose = run(picture, format="webp", target=85, max_bytes=8_000)

    assert len(tight.data) <= 6_000
    assert tight.score < loose.score < 85


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif", "png", "gif", "auto"])
def test_bytes_that_no_look_has_are_refused(picture, format_):
    with pytest.raises(errors.DoesNotFit, match="allow more bytes"):
        run(picture, format=format_, max_bytes=60)


@pytest.mark.parametrize("options", [{}, {"target": 60}, {"mode": "size"}])
def test_a_size_below_one_byte_is_refused(picture, options):
    with pytest.raises(errors.BadOption, match="at least 1 byte"):
        run(picture, max_bytes=0, **options)


def test_without_loss_a_jpeg_fits_or_is_refused(picture):
    upload = run(picture, format="jpeg").data

    assert len(run(upload, lossless=True, max_bytes=len(upload)).data) <= len(upload)
    with pytest.raises(errors.DoesNotFit):
        run(upload, lossless=True, max_bytes=len(upload) // 2)


@pytest.mark.parametrize("options", [{"quality": 40}, {"mode": "size"}])
def test_nothing_grows_because_there_is_room(options):
    upload = encode(graphic(200, 150).resize((300, 225), Image.Resampling.BICUBIC), "PNG")

    assert run(upload, max_bytes=10**9, **options).data == run(upload, **options).data


def test_a_drawing_that_is_kept_without_loss_can_still_be_made_to_fit():
    page = Image.new("RGB", (400, 400), (255, 255, 255))
    page.paste(photo(200, 200).quantize(200).convert("RGB"), (10, 10))
    upload = encode(page, "PNG")
    exact = run(upload, format="webp")
    allowed = len(exact.data) // 2

    result = run(upload, format="webp", max_bytes=allowed)

    assert np.array_equal(pixels(exact.data), pixels(upload))
    assert len(result.data) <= allowed
    assert result.score < 100


# Content


def test_a_drawing_is_written_without_loss_where_that_is_smaller():
    upload = encode(graphic(600, 400), "PNG")

    result = run(upload, format="webp", smart=True)

    assert result.score == 100
    assert np.array_equal(pixels(result.data), pixels(upload))


def test_a_palette_is_taken_only_where_the_eye_agrees(picture):
    poor = run(picture, format="png", target=60)
    good = run(picture, format="png", target=94)

    assert decoded(poor.data).mode == "P"
    assert poor.score >= 58
    assert decoded(good.data).mode == "RGB"
    assert np.array_equal(pixels(good.data), pixels(picture))


def test_few_colors_become_a_palette_that_changes_none():
    upload = encode(graphic(), "PNG")

    result = run(upload, format="png")

    assert decoded(result.data).mode == "P"
    assert np.array_equal(pixels(result.data), pixels(upload))


def test_red_on_blue_keeps_its_edges():
    board = np.zeros((128, 128, 3), np.uint8)
    board[:] = (20, 20, 230)
    board[::4, :] = board[:, ::3] = (230, 20, 20)
    upload = encode(Image.fromarray(board), "PNG")

    for format_ in ("jpeg", "avif"):
        result = run(upload, format=format_, target=80)

        assert result.score > 70, format_  # half-resolution color ends far below zero


def test_the_score_of_a_translucent_picture_is_that_on_the_worse_ground():
    upload = encode(translucent(), "PNG")

    result = run(upload, format="webp", target=80)

    assert abs(result.score - 80) <= 3
    score = compare(pixels(upload, "RGBA"), pixels(result.data, "RGBA"))
    assert abs(result.score - score) < 0.5


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (16, 16), (33, 7)])
@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif", "gif", "auto"])
def test_thumbnails_are_measured_as_well(format_, size):
    upload = encode(photo(64, 64).resize(size), "PNG")

    result = run(upload, format=format_, smart=True)

    assert decoded(result.data).size == size
    assert result.score is not None


def test_sixteen_bits_are_measured_as_what_becomes_of_them():
    deep = Image.fromarray((np.asarray(photo(240, 160).convert("L")).astype(np.uint16)) * 257)

    result = run(encode(deep, "PNG"), format="webp", target=75)

    assert abs(result.score - 75) <= 3


def test_a_moving_picture_is_aimed_by_one_of_its_frames():
    first, *rest = [photo(96, 64, seed=seed) for seed in range(4)]
    upload = encode(first, "WEBP", save_all=True, append_images=rest, duration=90, lossless=True)

    low = run(upload, target=50)
    high = run(upload, target=85)

    assert low.frames == high.frames == 4
    assert low.score is None
    assert len(low.data) < len(high.data)


# Optimized already


@pytest.mark.parametrize("options", [{}, {"smart": True}, {"mode": "balanced"}])
@pytest.mark.parametrize("format_", MEASURED_FORMATS)
def test_our_own_output_is_not_lost_twice(picture, format_, options):
    once = run(picture, format=format_, **options)

    twice = run(once.data, **options)

    assert twice.how in {"original", "rescanned"}
    assert np.array_equal(pixels(twice.data), pixels(once.data))
    assert len(twice.data) <= len(once.data)


def test_a_poor_jpeg_is_packed_better_and_not_made_poorer():
    upload = encode(photo(400, 300), "JPEG", quality=40)

    result = run(upload, smart=True)

    assert result.how == "rescanned"
    assert result.score == 100
    assert len(result.data) < len(upload)
    assert np.array_equal(pixels(result.data), pixels(upload))


def test_a_good_jpeg_is_made_smaller():
    upload = encode(photo(400, 300), "JPEG", quality=95)

    result = run(upload, smart=True)

    assert result.how == "encoded"
    assert len(result.data) < 0.7 * len(upload)


def test_a_palette_stays_the_palette_it_is():
    upload = encode(photo(200, 150).quantize(64), "PNG")

    result = run(upload, mode="size")

    assert np.array_equal(pixels(result.data), pixels(upload))
    assert len(result.data) <= len(upload)


def test_an_optimized_upload_is_still_lowered_to_the_bytes_allowed():
    upload = encode(photo(400, 300), "JPEG", quality=40)

    result = run(upload, max_bytes=len(upload) // 2)

    assert len(result.data) <= len(upload) // 2


# Auto


def test_a_photograph_becomes_what_is_smallest_of_what_is_accepted(picture):
    assert run(picture, format="auto").format == "avif"
    assert run(picture, format="auto", accept=("jpeg", "webp", "png")).format == "webp"
    assert run(picture, format="auto", accept=("jpeg", "png")).format == "jpeg"
    assert run(picture, format="auto", accept=("png",)).format == "png"


def test_alpha_is_kept_where_a_format_that_has_it_is_accepted():
    upload = encode(translucent(), "PNG")

    kept = run(upload, format="auto", accept=("jpeg", "webp"))
    lost = run(upload, format="auto", accept=("jpeg",))

    assert kept.format == "webp"
    assert decoded(kept.data).mode == "RGBA"
    assert lost.format == "jpeg"
    assert decoded(lost.data).getpixel((0, 0)) > (240, 240, 240)


def test_alpha_that_hides_nothing_is_not_kept_at_any_price():
    opaque = photo(200, 150).convert("RGBA")

    assert run(encode(opaque, "PNG"), format="auto", accept=("jpeg", "png")).format == "jpeg"


def test_movement_is_kept_where_a_format_that_has_it_is_accepted():
    kept = run(animation("GIF"), format="auto", accept=("jpeg", "webp"))
    lost = run(animation("GIF"), format="auto", accept=("jpeg",))

    assert (kept.format, kept.frames) == ("webp", len(frames()))
    assert (lost.format, lost.frames) == ("jpeg", 1)


def test_nothing_grows_because_the_format_was_left_to_us():
    upload = run(encode(quadrants(), "PNG"), format="png").data

    assert len(run(upload, format="auto").data) <= len(upload)


def test_of_formats_that_are_not_ours_none_is_chosen(picture):
    with pytest.raises(errors.UnknownFormat, match="avif, gif, jpeg, png, webp"):
        run(picture, format="auto", accept=("tiff",))


def test_a_side_that_one_format_cannot_hold_leaves_the_others():
    wide = encode(Image.new("RGB", (16_500, 8), (20, 90, 160)), "PNG")

    assert run(wide, format="auto").format in {"jpeg", "png", "gif"}
