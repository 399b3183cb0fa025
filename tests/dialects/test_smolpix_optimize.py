"""POST /api/v1/optimize of Smolpix: what is asked for, and what comes back."""

import base64
from typing import Any

import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixmill.dialects.smolpix import words
from pixmill.engine.quality import score_of
from pixmill.services.outcome import Outcome

from fixtures.origins import Origin
from fixtures.pictures import animation, array, decoded, encode, exif, graphic, photo, quadrants
from fixtures.servers import Client

#: As published, in its order; and what is ours.
FIELDS = (
    "success",
    "originalSize",
    "optimizedSize",
    "savings",
    "savingsPercent",
    "format",
    "width",
    "height",
    "data",
    "contentType",
)
OURS = ("how", "score")


@pytest.fixture
def optimize(fetching_client: Client, origin: Origin):
    """Give a function that has *data*, put at a URL, optimized, and returns the answer's JSON."""

    def call(data: bytes, **fields: object) -> dict[str, Any]:
        body = {"url": origin.picture(data), **fields}
        answer = fetching_client.request("POST", "/api/v1/optimize", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    return call


def image(said: dict[str, Any]) -> bytes:
    """Return the bytes of the image, whose base64 must be strictly that (SM-35)."""
    return base64.b64decode(said["data"], validate=True)


def test_the_answer_has_what_is_published(optimize, jpeg: bytes) -> None:
    """SM-1, SM-11, SM-26, SM-27, SM-28, SM-29, SM-30, SM-31, SM-35."""
    said = optimize(jpeg, format="auto", quality=80, maxWidth=1920, smart=True)
    data = image(said)

    assert tuple(said) == (*FIELDS, *OURS)
    assert said["success"] is True
    assert said["originalSize"] == len(jpeg)
    assert said["optimizedSize"] == len(data) < len(jpeg)
    assert said["savings"] == len(jpeg) - len(data)
    assert said["savingsPercent"] == round(100 * (1 - len(data) / len(jpeg)))
    assert said["contentType"] == f"image/{said['format']}"
    assert decoded(data).format == said["format"].upper()
    assert decoded(data).size == (said["width"], said["height"]) == (320, 240)


def outcome(before: int, after: int) -> Outcome:
    return Outcome(
        data=bytes(after),
        format="avif",
        mime="image/avif",
        extension="avif",
        width=1,
        height=1,
        frames=1,
        how="encoded",
        score=None,
        original_size=before,
    )


def test_the_published_example_adds_up() -> None:
    """SM-27, SM-28."""
    said = words.optimized(outcome(1_234_567, 234_567))

    assert (said["savings"], said["savingsPercent"]) == (1_000_000, 81)


@given(before=st.integers(1, 10_000), after=st.integers(1, 10_000))
def test_savings_are_within_what_is_published(before: int, after: int) -> None:
    """SM-28, SM-34."""
    said = words.optimized(outcome(before, after))

    assert said["savings"] == max(0, before - after)
    assert 0 <= said["savingsPercent"] <= 100
    assert abs(said["savingsPercent"] - 100 * said["savings"] / before) <= 0.5


def test_the_answer_is_json_that_nobody_stores(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """SM-10: with a charset, too."""
    answer = fetching_client.request(
        "POST",
        "/api/v1/optimize",
        headers={"Content-Type": "Application/JSON; charset=utf-8"},
        data=f'{{"url": "{origin.picture(jpeg)}"}}',
    )

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_key_stays_here(fetching_client: Client, origin: Origin, jpeg: bytes) -> None:
    """SM-11: whoever has the image hears nothing of the caller."""
    url = origin.picture(jpeg)
    fetching_client.request("POST", "/api/v1/optimize", json={"url": url}, cookies={"a": "b"})
    (seen,) = origin.requests(url)

    assert fetching_client.key not in str(seen)
    assert not seen.get("Authorization")
    assert not seen.get("Cookie")


@pytest.mark.parametrize(
    ("word", "format_"), [("webp", "webp"), ("avif", "avif"), ("WebP", "webp"), ("AVIF", "avif")]
)
def test_both_formats_are_made(optimize, jpeg: bytes, word: str, format_: str) -> None:
    """SM-12, SM-29, SM-31."""
    said = optimize(jpeg, format=word, smart=False)

    assert (said["format"], said["contentType"]) == (format_, f"image/{format_}")
    assert decoded(image(said)).format == format_.upper()


def test_avif_begins_like_one(optimize, jpeg: bytes) -> None:
    """SM-32: the box says ftyp, and that says avif."""
    data = image(optimize(jpeg, format="avif"))

    assert data[4:12] == b"ftypavif"


@pytest.mark.parametrize("drawn", [False, True])
def test_auto_is_the_smaller_of_both(optimize, jpeg: bytes, png: bytes, *, drawn: bool) -> None:
    """SM-12, SM-18: AVIF for a photograph here, WebP for a drawing."""
    source = png if drawn else jpeg
    both = {format_: optimize(source, format=format_) for format_ in ("webp", "avif")}
    smaller = min(both.values(), key=lambda said: said["optimizedSize"])

    assert smaller["format"] == ("webp" if drawn else "avif")
    for fields in ({}, {"format": "auto"}, {"format": ""}, {"format": None}):
        assert optimize(source, **fields)["data"] == smaller["data"]


def test_auto_does_not_ask_the_accept_header(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """SM-12: the answer is JSON, and clients accept just that."""
    for accept in ("application/json", "image/png", "image/webp"):
        answer = fetching_client.request(
            "POST",
            "/api/v1/optimize",
            headers={"Accept": accept},
            json={"url": origin.picture(jpeg), "smart": False},
        )

        assert answer.json()["format"] == "avif"
        assert "Vary" not in answer.headers


def test_a_lower_quality_is_never_larger(optimize) -> None:
    """SM-13."""
    source = encode(photo(), "PNG")
    sizes = [
        optimize(source, quality=quality, format="webp", smart=False)["optimizedSize"]
        for quality in (100, 50, 10)
    ]

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]


def test_quality_is_80_unless_said(optimize, jpeg: bytes) -> None:
    """SM-13, SM-20: floats are rounded."""
    fixed = {"format": "webp", "smart": False}
    default = optimize(jpeg, **fixed)["data"]

    for quality in (80, 80.0, 80.4, 79.5, "80", None):
        assert optimize(jpeg, quality=quality, **fixed)["data"] == default
    assert optimize(jpeg, quality=70, **fixed)["data"] != default


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, (1920, 128)),  # SM-16
        ({"maxWidth": None}, (1920, 128)),
        ({"maxWidth": 1920}, (1920, 128)),
        ({"maxWidth": 600}, (600, 40)),  # SM-14
        ({"maxWidth": 599.5}, (600, 40)),  # SM-20
        ({"maxWidth": "600"}, (600, 40)),
        ({"maxWidth": 1}, (1, 1)),
        ({"maxWidth": 2400}, (2400, 160)),
        ({"maxWidth": 100_000}, (2400, 160)),  # SM-17
    ],
)
def test_widths(optimize, fields: dict[str, object], size: tuple[int, int]) -> None:
    """SM-14, SM-16, SM-17, SM-29."""
    wide = encode(Image.new("RGB", (2400, 160), (90, 120, 60)), "PNG")
    said = optimize(wide, format="webp", smart=False, **fields)

    assert (said["width"], said["height"]) == size
    assert decoded(image(said)).size == size


@pytest.mark.parametrize("size", [(320, 240), (100, 2500)])
def test_nothing_is_enlarged_and_heights_are_free(optimize, size: tuple[int, int]) -> None:
    """SM-14, SM-17."""
    said = optimize(encode(Image.new("RGB", size), "PNG"), format="webp", smart=False)

    assert (said["width"], said["height"]) == size


def test_the_width_is_that_which_a_viewer_sees(optimize) -> None:
    """SM-14, SM-25."""
    turned = encode(quadrants(600, 400), "JPEG", exif=exif(6))
    said = optimize(turned, maxWidth=200, format="webp", smart=False)

    assert (said["width"], said["height"]) == (200, 300)


def test_smart_is_measured_and_the_default(optimize, jpeg: bytes) -> None:
    """SM-15, SM-18: the look of the quality is reached by measuring, else only promised."""
    smart = optimize(jpeg, smart=True, quality=70)
    plain = optimize(jpeg, smart=False, quality=70)

    assert smart["score"] == pytest.approx(score_of(70), abs=2)
    assert "score" not in plain
    assert optimize(jpeg, quality=70)["data"] == smart["data"] != plain["data"]


def test_smart_goes_by_content(optimize) -> None:
    """SM-15: a drawing with few colors is kept exactly, because that is smaller."""
    drawing = graphic()
    said = optimize(encode(drawing, "PNG"))

    assert said["score"] == 100
    assert np.array_equal(array(decoded(image(said))), array(drawing))


@pytest.mark.parametrize("format_", ["webp", "avif"])
def test_metadata_goes(optimize, jpeg: bytes, format_: str) -> None:
    """SM-25."""
    data = image(optimize(jpeg, format=format_, smart=False))

    assert b"Ada" in jpeg
    assert b"Ada" not in data
    assert not decoded(data).getexif()


@pytest.mark.parametrize("format_", ["webp", "avif"])
def test_a_picture_never_turns(optimize, format_: str) -> None:
    """SM-25."""
    source = encode(quadrants(), "JPEG", quality=95, exif=exif(6))
    shown = decoded(image(optimize(source, format=format_, smart=False)))
    top_left = array(shown)[5, 5]

    # Orientation 6 is shown turned by a quarter to the right: blue comes to the top left.
    assert shown.size == (40, 60)
    assert top_left[2] > 150 > top_left[0]


@pytest.mark.parametrize("format_", ["webp", "avif"])
def test_colors_do_not_shift(optimize, format_: str) -> None:
    """SM-25: Display P3 becomes sRGB."""
    wanted = np.full((64, 64, 3), (200, 60, 50), np.uint8)
    wide = pyvips.Image.new_from_array(wanted).copy(interpretation="srgb")
    source = wide.icc_transform("p3", input_profile="srgb").pngsave_buffer(profile="p3")
    shown = array(decoded(image(optimize(source, format=format_, quality=95))))

    assert abs(array(decoded(source)) - wanted).max() > 8
    assert abs(shown - wanted).max() <= 6


def test_a_larger_result_saves_nothing(optimize) -> None:
    """SM-34: it is what was asked for."""
    tiny = encode(Image.new("P", (1, 1)), "GIF")
    said = optimize(tiny, format="avif")

    assert said["optimizedSize"] == len(image(said)) > len(tiny)
    assert (said["savings"], said["savingsPercent"]) == (0, 0)


def test_what_was_optimized_already_comes_back(optimize) -> None:
    """SM-34: the same format never gets larger."""
    source = encode(photo(), "WEBP", quality=40)
    said = optimize(source, format="webp")

    assert image(said) == source
    assert (said["how"], said["savings"], said["savingsPercent"]) == ("original", 0, 0)


def test_an_animation_stays_one(optimize) -> None:
    """SM-18: and has no score."""
    said = optimize(animation("GIF"))

    assert getattr(decoded(image(said)), "n_frames", 1) == 5
    assert "score" not in said


def test_a_target_is_reached(optimize, jpeg: bytes) -> None:
    """SM-18: our own field, as everywhere."""
    assert optimize(jpeg, target=60)["score"] == pytest.approx(60, abs=2)


def test_a_mode_goes_before_the_quality(optimize, jpeg: bytes) -> None:
    """SM-18: our own field, as everywhere."""
    said = optimize(jpeg, mode="size", quality=100)

    assert said["score"] == pytest.approx(63, abs=2)


def test_a_size_in_bytes_is_kept(optimize, jpeg: bytes) -> None:
    """SM-18: our own field, as everywhere."""
    said = optimize(jpeg, max_bytes=2000)

    assert len(image(said)) == said["optimizedSize"] <= 2000


def test_other_fields_are_not_looked_at(optimize, jpeg: bytes) -> None:
    """SM-12: nothing but WebP and AVIF, whatever `accept` may say."""
    assert optimize(jpeg, accept="jpeg", metadata={"a": [1]}, smart=False)["format"] == "avif"
