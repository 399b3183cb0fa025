"""POST /v1/compress of OptiPic, and what its answers have in common with the other two."""

import importlib
import re
from io import BytesIO

import numpy as np
import pytest
import pyvips
from PIL import Image

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


def test_the_answer_is_the_image(client: Client, jpeg: bytes) -> None:
    """OP-6, OP-10, OP-18, OP-23."""
    answer = client.post("/v1/compress", jpeg, format="webp", quality=80, strip_exif="true")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert decoded(answer.content).format == "WEBP"
    assert decoded(answer.content).size == decoded(jpeg).size


def test_the_answer_tells_the_sizes(client: Client, jpeg: bytes) -> None:
    """OP-19, OP-20, OP-21, OP-24."""
    answer = client.post("/v1/compress", jpeg, format="webp")
    size = len(answer.content)

    assert int(answer.headers["X-Original-Size"]) == len(jpeg)
    assert int(answer.headers["X-Compressed-Size"]) == size
    assert int(answer.headers["Content-Length"]) == size
    assert answer.headers["X-Savings-Percent"] == f"{100 * (1 - size / len(jpeg)):.1f}"


def test_the_headers_of_an_image(client: Client, jpeg: bytes) -> None:
    """OP-22, OP-24: a snapshot, so that none is lost or added by accident."""
    answer = client.post("/v1/compress", jpeg, format="webp")
    headers = {name.lower(): value for name, value in answer.headers.items()}

    assert re.fullmatch("req_[0-9a-z]{14}", headers.pop("x-request-id"))
    assert headers.pop("date")
    size = str(len(answer.content))
    assert headers == {
        "cache-control": "no-store",
        "content-disposition": 'inline; filename="photo.webp"',
        "content-length": size,
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
        "content-type": "image/webp",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "server": "pixmill",
        "x-compressed-size": size,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-height": "240",
        "x-original-size": str(len(jpeg)),
        "x-pixmill-result": "encoded",
        "x-savings-percent": f"{100 * (1 - int(size) / len(jpeg)):.1f}",
        "x-width": "320",
    }


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_every_input_format_is_taken_and_kept(client: Client, format_: str) -> None:
    """OP-13, OP-14."""
    answer = client.post("/v1/compress", encode(photo(), format_))

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"image/{format_.lower()}"
    assert decoded(answer.content).format == format_
    assert decoded(answer.content).size == (320, 240)


def test_heic_becomes_jpeg(client: Client, *, in_ci: bool) -> None:
    """OP-13, OP-28: a picture as an iPhone leaves it."""
    if not in_ci:
        pytest.importorskip("pillow_heif", reason="pixmill[heic] is not installed")
    pillow_heif = importlib.import_module("pillow_heif")
    heic = BytesIO()
    pillow_heif.from_pillow(photo()).save(heic, quality=90)
    answer = client.post("/v1/compress", heic.getvalue())

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert decoded(answer.content).size == (320, 240)


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif"])
def test_every_output_format_is_made(client: Client, jpeg: bytes, format_: str) -> None:
    """OP-14, OP-18."""
    answer = client.post("/v1/compress", jpeg, format=format_)

    assert answer.headers["Content-Type"] == f"image/{format_}"
    assert decoded(answer.content).format == format_.upper()


@pytest.mark.parametrize(("word", "format_"), [("jpg", "jpeg"), ("JPG", "jpeg"), ("WebP", "webp")])
def test_format_names_are_read_generously(
    client: Client, png: bytes, word: str, format_: str
) -> None:
    """OP-30."""
    answer = client.post("/v1/compress", png, format=word)

    assert answer.headers["Content-Type"] == f"image/{format_}"


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
def test_a_lower_quality_is_never_larger(client: Client, format_: str) -> None:
    """OP-15."""
    upload = encode(photo(), "PNG")
    sizes = [
        len(client.post("/v1/compress", upload, format=format_, quality=quality).content)
        for quality in (100, 50, 10)
    ]

    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2]


def test_quality_is_80_unless_said(client: Client) -> None:
    """OP-15, OP-34."""
    upload = encode(photo(), "PNG")
    default = client.post("/v1/compress", upload, format="webp").content

    assert default == client.post("/v1/compress", upload, format="webp", quality=80).content
    assert default == client.post("/v1/compress", upload, format="webp", quality="").content
    assert default != client.post("/v1/compress", upload, format="webp", quality=70).content


@pytest.mark.parametrize(
    ("format_", "strip_exif"), [("jpeg", ""), ("webp", "true"), ("avif", "1"), ("png", "YES")]
)
def test_exif_goes_by_default(client: Client, jpeg: bytes, format_: str, strip_exif: str) -> None:
    """OP-16, OP-33, OP-34."""
    answer = client.post("/v1/compress", jpeg, format=format_, strip_exif=strip_exif)

    assert not decoded(answer.content).getexif()
    assert b"Ada" not in answer.content


@pytest.mark.parametrize(
    ("format_", "strip_exif"), [("jpeg", "false"), ("webp", "0"), ("avif", "No"), ("png", "off")]
)
def test_exif_stays_on_request(client: Client, jpeg: bytes, format_: str, strip_exif: str) -> None:
    """OP-17, OP-33."""
    answer = client.post("/v1/compress", jpeg, format=format_, strip_exif=strip_exif)

    assert decoded(answer.content).getexif()[ARTIST] == "Ada"


def test_the_result_is_never_larger_than_the_upload(client: Client) -> None:
    """OP-25."""
    poor = encode(photo(), "JPEG", quality=20, optimize=True)
    answer = client.post("/v1/compress", poor, quality=100)
    again = client.post("/v1/compress", answer.content, quality=100)

    assert len(answer.content) <= len(poor)
    assert len(again.content) == len(answer.content)
    assert again.headers["X-Savings-Percent"] == "0.0"


def test_exif_goes_even_when_nothing_else_can_be_saved(client: Client) -> None:
    """OP-25: the upload itself, without its EXIF."""
    small = client.post("/v1/compress", encode(photo(), "JPEG", quality=20), quality=100).content
    marked = small[:2] + exif_segment(exif(artist="Ada")) + small[2:]
    answer = client.post("/v1/compress", marked, quality=100)

    assert b"Ada" in marked
    assert b"Ada" not in answer.content
    assert np.array_equal(array(decoded(answer.content)), array(decoded(small)))


def exif_segment(block: bytes) -> bytes:
    return b"\xff\xe1" + (len(block) + 2).to_bytes(2, "big") + block


def test_a_conversion_may_make_it_larger_and_says_so(client: Client) -> None:
    """OP-26."""
    tiny = encode(Image.new("P", (1, 1)), "GIF")
    answer = client.post("/v1/compress", tiny, format="avif")

    assert decoded(answer.content).format == "AVIF"
    assert re.fullmatch(r"-\d+\.\d", answer.headers["X-Savings-Percent"])


def test_an_animated_gif_stays_one(client: Client) -> None:
    """OP-27."""
    answer = client.post("/v1/compress", animation("GIF"))

    assert answer.headers["Content-Type"] == "image/gif"
    assert getattr(decoded(answer.content), "n_frames", 1) == 5


@pytest.mark.parametrize(("format_", "frames"), [("webp", 5), ("avif", 5), ("png", 1), ("jpeg", 1)])
def test_an_animation_is_kept_where_the_format_can(
    client: Client, format_: str, frames: int
) -> None:
    """OP-29."""
    answer = client.post("/v1/compress", animation("GIF"), format=format_)

    assert getattr(decoded(answer.content), "n_frames", 1) == frames


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif", "png"])
def test_a_picture_never_turns(client: Client, format_: str) -> None:
    """OP-35."""
    upload = encode(quadrants(), "JPEG", quality=95, exif=exif(6))
    answer = client.post("/v1/compress", upload, format=format_)
    shown = decoded(answer.content)
    top_left = array(shown)[5, 5]

    # Orientation 6 is shown turned by a quarter to the right: blue comes to the top left.
    assert shown.size == (40, 60)
    assert top_left[2] > 150 > top_left[0]


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif", "png"])
def test_colors_do_not_shift(client: Client, format_: str) -> None:
    """OP-36: Display P3 becomes sRGB when the profile goes."""
    wanted = np.full((64, 64, 3), (200, 60, 50), np.uint8)
    wide = pyvips.Image.new_from_array(wanted).copy(interpretation="srgb")
    upload = wide.icc_transform("p3", input_profile="srgb").pngsave_buffer(profile="p3")
    answer = client.post("/v1/compress", upload, format=format_, quality=95)
    shown = array(decoded(answer.content))

    assert abs(array(decoded(upload)) - wanted).max() > 8
    assert abs(shown - wanted).max() <= 6


def test_transparency_becomes_white_in_jpeg(client: Client) -> None:
    """OP-37."""
    answer = client.post("/v1/compress", encode(translucent(), "PNG"), format="jpeg", quality=95)

    assert array(decoded(answer.content))[:, :30].min() > 245


@pytest.mark.parametrize("name", ["größe.jpg", '../"; drop.jpg', "a\\b.png", "", None])
def test_the_file_may_have_any_name(client: Client, jpeg: bytes, name: str | None) -> None:
    """OP-24, OP-39."""
    answer = client.request("POST", "/v1/compress", files={"file": (name, jpeg)})
    disposition = answer.headers["Content-Disposition"]

    assert answer.status_code == 200
    assert re.fullmatch(r"inline; filename=\"[\w -]+\.jpe?g\"(; filename\*=\S+)?", disposition)
    assert ".." not in disposition


def test_the_first_file_wins(client: Client, jpeg: bytes, png: bytes) -> None:
    """OP-38."""
    answer = client.request(
        "POST", "/v1/compress", files=[("file", ("a.jpg", jpeg)), ("file", ("b.png", png))]
    )

    assert answer.headers["X-Original-Size"] == str(len(jpeg))


def test_graphics_stay_sharp_as_png(client: Client) -> None:
    """OP-14: a PNG that is compressed stays a PNG, and is smaller."""
    upload = encode(graphic(), "PNG")
    answer = client.post("/v1/compress", upload)

    assert answer.headers["Content-Type"] == "image/png"
    assert len(answer.content) < len(upload)
