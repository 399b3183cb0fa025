"""POST /v1/resize of OptiPic."""

import pytest

from fixtures.pictures import array, decoded, encode, exif, photo, quadrants
from fixtures.servers import Client


@pytest.fixture(scope="module")
def wide() -> bytes:
    """Return a picture of 640 × 400."""
    return encode(photo(640, 400), "JPEG", quality=90)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": 320}, (320, 200)),  # OP-52
        ({"height": 100}, (160, 100)),  # OP-53
        ({"width": 300, "height": 300}, (300, 300)),  # OP-54
        ({"width": 1280}, (1280, 800)),  # OP-57: larger is allowed
        ({"width": 700, "height": 10}, (700, 10)),  # OP-54, OP-57
        ({"width": 1}, (1, 1)),  # OP-56: 0.625 rounds to 1
        ({"width": 321}, (321, 201)),  # OP-56: 200.625
        ({"width": 4, "height": ""}, (4, 3)),  # OP-56: 2.5 rounds up; OP-34
        ({"height": 1}, (2, 1)),  # OP-56: 1.6
    ],
)
def test_sizes(client: Client, wide: bytes, fields: dict[str, int], size: tuple[int, int]) -> None:
    """OP-50, OP-51, OP-59."""
    answer = client.post("/v1/resize", wide, **fields)

    assert answer.status_code == 200
    assert decoded(answer.content).size == size
    assert (answer.headers["X-Width"], answer.headers["X-Height"]) == tuple(map(str, size))
    assert int(answer.headers["X-Original-Size"]) == len(wide)
    assert int(answer.headers["X-Compressed-Size"]) == len(answer.content)
    assert answer.headers["Content-Type"] == "image/jpeg"


def test_the_published_example(client: Client) -> None:
    """OP-52: width 1280 of 2560 × 1600, to WebP."""
    upload = encode(photo(320, 200).resize((2560, 1600)), "JPEG", quality=80)
    answer = client.post("/v1/resize", upload, width=1280, format="webp")

    assert decoded(answer.content).format == "WEBP"
    assert decoded(answer.content).size == (1280, 800)


def test_sides_are_those_that_a_viewer_sees(client: Client) -> None:
    """OP-35, OP-52."""
    upload = encode(quadrants(60, 40), "JPEG", quality=95, exif=exif(6))
    answer = client.post("/v1/resize", upload, width=20)

    assert decoded(answer.content).size == (20, 30)
    assert array(decoded(answer.content))[3, 3].argmax() == 2


def test_the_other_fields_count_here_too(client: Client, jpeg: bytes) -> None:
    """OP-51."""
    answer = client.post(
        "/v1/resize", jpeg, width=100, format="png", quality=50, strip_exif="false"
    )

    assert decoded(answer.content).format == "PNG"
    assert decoded(answer.content).getexif()


@pytest.mark.parametrize("fields", [{}, {"width": "", "height": ""}, {"format": "webp"}])
def test_a_side_is_required(client: Client, wide: bytes, fields: dict[str, str]) -> None:
    """OP-55, OP-72."""
    answer = client.post("/v1/resize", wide, **fields)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "missing_dimensions",
        "message": "Resize requires width or height.",
    }


@pytest.mark.parametrize("side", ["width", "height"])
@pytest.mark.parametrize("value", ["0", "-5", "1.5", "large", "16385", "99999999999999999999"])
def test_impossible_sides_are_refused(client: Client, wide: bytes, side: str, value: str) -> None:
    """OP-57, OP-58."""
    answer = client.post("/v1/resize", wide, **{side: value})

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_dimensions"
    assert side in answer.json()["message"]


def test_too_many_pixels_to_make_are_refused(client: Client, wide: bytes) -> None:
    """OP-57: 16,384 × 10,240 are more than 100 megapixels."""
    answer = client.post("/v1/resize", wide, width=16384)

    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_dimensions"


def test_a_file_is_required(client: Client) -> None:
    """OP-51."""
    answer = client.post("/v1/resize", None, width=100)

    assert answer.status_code == 400
    assert answer.json()["error"] == "missing_file"
