"""POST /api/optimize of Optimagio, by file: what may be asked for, and what is said of it."""

import numpy as np
import pytest
from PIL import Image

from dialects.optimagio import optimize, result

from fixtures.pictures import (
    animation,
    array,
    decoded,
    encode,
    exif,
    graphic,
    photo,
    quadrants,
    translucent,
)
from fixtures.servers import Client

#: The tag of EXIF that names who took the picture.
ARTIST = 0x013B

#: The nine published fields (OG-23), and their types.
PUBLISHED = {
    "optimized_url": str,
    "original_size": int,
    "optimized_size": int,
    "saved_bytes": int,
    "percent": float,
    "format": str,
    "width": int,
    "height": int,
    "cached": bool,
}


def test_the_answer_tells_of_the_result(client: Client, jpeg: bytes) -> None:
    """OG-11, OG-12, OG-15, OG-16, OG-23, OG-27, OG-29."""
    answer = optimize(client, jpeg, accept_file="true", format="webp", compression="low")
    body = answer.json()
    data = result(answer)
    saved = len(jpeg) - len(data)

    assert {name: type(body[name]) for name in PUBLISHED} == PUBLISHED
    assert set(body) - set(PUBLISHED) == {"how", "score", "expires_at"}
    assert (body["original_size"], body["optimized_size"]) == (len(jpeg), len(data))
    assert (body["saved_bytes"], body["percent"]) == (saved, round(100 * saved / len(jpeg), 2))
    assert (body["format"], body["width"], body["height"]) == ("webp", 320, 240)
    assert body["cached"] is False
    assert (decoded(data).format, decoded(data).size) == ("WEBP", (320, 240))


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "GIF", "AVIF"])
def test_every_input_format_is_taken_and_kept(client: Client, format_: str) -> None:
    """OG-17, OG-39."""
    answer = optimize(client, encode(photo(80, 60), format_))

    assert answer.json()["format"] == format_.lower()
    assert decoded(result(answer)).format == format_


@pytest.mark.parametrize("format_", ["TIFF", "BMP"])
def test_what_is_no_output_becomes_the_best_that_is_accepted(client: Client, format_: str) -> None:
    """OG-17, OG-39."""
    upload = encode(photo(80, 60), format_)
    automatic = optimize(client, upload, accept="jpeg,webp")
    chosen = optimize(client, upload, format="auto", accept="jpeg,webp")
    named = optimize(client, upload, format="png")

    assert automatic.json()["format"] == "webp"
    assert result(automatic) == result(chosen)
    assert named.json()["format"] == "png"


@pytest.mark.parametrize(
    ("word", "format_"),
    [("jpeg", "JPEG"), ("JPG", "JPEG"), ("png", "PNG"), ("WebP", "WEBP"), ("gif", "GIF"),
     ("avif", "AVIF")],
)  # fmt: skip
def test_every_output_format_is_made(client: Client, word: str, format_: str) -> None:
    """OG-18, OG-29."""
    answer = optimize(client, encode(graphic(80, 60), "PNG"), format=word)

    assert answer.json()["format"] == format_.lower()
    assert decoded(result(answer)).format == format_


@pytest.mark.parametrize(
    ("accept", "format_"),
    [
        ("image/jpeg", "jpeg"),
        ("image/webp,image/jpeg;q=0.5", "webp"),
        ("image/avif;q=0, image/webp;q=0, image/*", "jpeg"),
    ],
)
def test_auto_chooses_what_the_caller_accepts(client: Client, accept: str, format_: str) -> None:
    """OG-18, OG-22, OG-38."""
    upload = encode(photo(160, 120), "PNG")
    answer = optimize(client, upload, format="auto", headers={"Accept": accept})

    assert answer.json()["format"] == format_
    assert answer.headers["Vary"] == "Accept"


def test_auto_keeps_transparency_and_animation(client: Client) -> None:
    """OG-38."""
    clear = optimize(client, encode(translucent(), "PNG"), format="auto", accept="jpeg,webp")
    moving = optimize(client, animation("GIF"), format="auto", accept="png,jpeg,webp")

    assert clear.json()["format"] == "webp"
    assert decoded(result(clear)).mode == "RGBA"
    assert getattr(decoded(result(moving)), "n_frames", 1) == 5


@pytest.mark.parametrize("accept", ["*/*", "application/json, text/plain, */*"])
def test_auto_may_choose_anything_for_programs(client: Client, accept: str) -> None:
    """OG-38: what curl and axios send names no picture."""
    answer = optimize(client, encode(photo(160, 120), "PNG"), format="auto",
                      headers={"Accept": accept})  # fmt: skip

    assert answer.json()["format"] in {"avif", "webp"}


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("picture", [photo(200, 150), graphic()], ids=["photo", "graphic"])
def test_more_compression_never_gives_more_bytes(client: Client, picture, format_: str) -> None:
    """OG-34, OG-35."""
    upload = encode(picture, "PNG")
    sizes = [
        optimize(client, upload, format=format_, compression=level).json()["optimized_size"]
        for level in ("low", "medium", "HIGH", "max")
    ]

    assert sizes == sorted(sizes, reverse=True)


def test_the_levels_differ(client: Client) -> None:
    """OG-34, OG-35."""
    upload = encode(photo(), "JPEG", quality=96)
    answers = {
        level: optimize(client, upload, format="webp", compression=level).json()
        for level in ("low", "medium", "high", "max", "")
    }
    sizes = [answer["optimized_size"] for answer in answers.values()]

    assert sizes[0] > sizes[1] > sizes[2] > sizes[3]
    assert answers[""]["cached"]  # the default is `high`
    assert answers[""]["score"] == answers["high"]["score"]


def test_lossless_changes_no_pixel(client: Client) -> None:
    """OG-34."""
    upload = encode(photo(80, 60), "PNG")
    data = result(optimize(client, upload, format="webp", compression="lossless"))

    assert np.array_equal(array(decoded(data)), array(decoded(upload)))


def test_quality_goes_before_compression(client: Client) -> None:
    """OG-36."""
    upload = encode(photo(), "PNG")
    sizes = [
        optimize(client, upload, format="jpeg", compression="max", **fields).json()
        for fields in ({"quality": 95}, {"quality": 15}, {})
    ]

    assert sizes[0]["optimized_size"] > sizes[2]["optimized_size"] > sizes[1]["optimized_size"]


def test_the_looks_of_pixmill_go_before_both(client: Client) -> None:
    """`mode` and `target` mean here what they mean everywhere."""
    upload = encode(photo(), "PNG")
    target = optimize(client, upload, format="webp", compression="max", target=85).json()
    mode = optimize(client, upload, format="webp", mode="quality").json()
    small = optimize(client, upload, format="webp", max_bytes=1500).json()

    assert abs(target["score"] - 85) < 2
    assert abs(mode["score"] - 83) < 2
    assert small["optimized_size"] <= 1500


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": 100}, (100, 75)),
        ({"height": 60}, (80, 60)),
        ({"width": 100, "height": 60}, (80, 60)),
        ({"max_width": 100, "max_height": 90}, (100, 75)),
        ({"width": 200, "max_width": 100}, (100, 75)),
        ({"width": 8000, "height": 8000}, (320, 240)),
        ({"width": "", "max_height": ""}, (320, 240)),
        ({"width": 1}, (1, 1)),
    ],
)
def test_it_fits_inside_and_is_never_enlarged(
    client: Client, jpeg: bytes, fields: dict[str, object], size: tuple[int, int]
) -> None:
    """OG-11, OG-19, OG-37."""
    answer = optimize(client, jpeg, quality=70, **fields)

    assert (answer.json()["width"], answer.json()["height"]) == size
    assert decoded(result(answer)).size == size


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif", "png"])
def test_exif_goes_unless_it_is_to_be_kept(client: Client, jpeg: bytes, format_: str) -> None:
    """OG-20."""
    stripped = result(optimize(client, jpeg, format=format_, quality=70))
    kept = result(optimize(client, jpeg, format=format_, quality=70, keep_exif="true"))

    assert not decoded(stripped).getexif()
    assert b"Ada" not in stripped
    assert decoded(kept).getexif()[ARTIST] == "Ada"


def test_a_picture_never_turns(client: Client) -> None:
    """OG-20: without its EXIF, too."""
    upload = encode(quadrants(), "JPEG", quality=95, exif=exif(6))
    shown = decoded(result(optimize(client, upload, format="png", quality=95)))
    top_left = array(shown)[5, 5]

    assert shown.size == (40, 60)
    assert top_left[2] > 150 > top_left[0]


def test_the_result_is_never_larger_than_the_upload(client: Client) -> None:
    """OG-27: nothing saved is plain zero."""
    poor = encode(photo(), "JPEG", quality=20, optimize=True)
    once = result(optimize(client, poor, quality=100))
    again = optimize(client, once, quality=100).json()

    assert len(once) <= len(poor)
    assert (again["saved_bytes"], again["percent"]) == (0, 0.0)


def test_a_conversion_may_make_it_larger_and_says_so(client: Client) -> None:
    """OG-27."""
    answer = optimize(client, encode(Image.new("P", (1, 1)), "GIF"), format="avif").json()

    assert answer["saved_bytes"] == answer["original_size"] - answer["optimized_size"] < 0
    assert answer["percent"] < 0


def test_the_file_may_be_called_otherwise(client: Client, jpeg: bytes) -> None:
    """OG-15, OG-30, OG-31: `file`, without `accept_file`, without a file name."""
    usual = optimize(client, jpeg, quality=60, accept_file="true")
    other = client.request(
        "POST", "/api/optimize", files={"file": (None, jpeg)}, data={"quality": "60"}
    )

    assert result(other) == result(usual)


def test_both_ways_to_send_a_key_work(client: Client, jpeg: bytes) -> None:
    """OG-3, OG-4, OG-9: the header of the API's own wins."""
    nobody = "opt_nobody_has_this_key"
    for headers, status in (
        ({"Authorization": f"Bearer {client.key}"}, 200),
        ({"Authorization": "", "X-API-Key": client.key}, 200),
        ({"Authorization": f"Bearer {client.key}", "X-API-Key": client.key}, 200),
        ({"Authorization": f"Bearer {nobody}", "X-API-Key": client.key}, 200),
        ({"Authorization": f"Bearer {client.key}", "X-API-Key": nobody}, 401),
    ):
        assert optimize(client, jpeg, quality=60, headers=headers).status_code == status
