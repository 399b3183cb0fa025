"""POST /v1/convert of OptiPic."""

import pytest

from fixtures.pictures import decoded, encode, photo
from fixtures.servers import Client


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif"])
def test_an_image_is_converted(client: Client, png: bytes, format_: str) -> None:
    """OP-43, OP-45, OP-47, OP-49: PNG to PNG is compressing it."""
    answer = client.post("/v1/convert", png, to=format_)

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == f"image/{format_}"
    assert decoded(answer.content).format == format_.upper()
    assert int(answer.headers["X-Original-Size"]) == len(png)
    assert int(answer.headers["X-Compressed-Size"]) == len(answer.content)
    assert answer.headers["X-Savings-Percent"]
    assert answer.headers["X-Request-Id"].startswith("req_")


def test_jpg_is_another_word_for_jpeg(client: Client, png: bytes) -> None:
    """OP-30, OP-45."""
    assert client.post("/v1/convert", png, to="JPG").headers["Content-Type"] == "image/jpeg"


def test_converting_to_the_same_format_compresses(client: Client) -> None:
    """OP-49."""
    upload = encode(photo(), "JPEG", quality=95)

    assert (
        client.post("/v1/convert", upload, to="jpeg").content
        == client.post("/v1/compress", upload).content
    )


def test_quality_and_strip_exif_count_here_too(client: Client, jpeg: bytes) -> None:
    """OP-48."""
    default = client.post("/v1/convert", jpeg, to="webp")
    same = client.post("/v1/convert", jpeg, to="webp", quality=80)
    poor = client.post("/v1/convert", jpeg, to="webp", quality=10)
    kept = client.post("/v1/convert", jpeg, to="webp", strip_exif="false")

    assert default.content == same.content
    assert len(poor.content) < len(default.content)
    assert not decoded(default.content).getexif()
    assert decoded(kept.content).getexif()


@pytest.mark.parametrize("fields", [{}, {"to": ""}, {"format": "webp"}])
def test_a_target_is_required(client: Client, png: bytes, fields: dict[str, str]) -> None:
    """OP-46."""
    answer = client.post("/v1/convert", png, **fields)

    assert answer.status_code == 400
    assert answer.json()["error"] == "missing_format"


def test_an_unknown_target_is_refused(client: Client, png: bytes) -> None:
    """OP-46."""
    answer = client.post("/v1/convert", png, to="gif")

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_format"
    assert "jpeg, png, webp, avif" in answer.json()["message"]


def test_a_file_is_required(client: Client) -> None:
    """OP-44."""
    answer = client.post("/v1/convert", None, to="webp")

    assert answer.status_code == 400
    assert answer.json()["error"] == "missing_file"
