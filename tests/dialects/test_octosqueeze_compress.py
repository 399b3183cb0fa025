"""POST /api/v1/compress of OctoSqueeze: what can be asked for, and what is told of the result."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from PIL import Image

from pixmill.settings import Settings

from fixtures.origins import Origin
from fixtures.pictures import animation, decoded, encode, photo
from fixtures.servers import Client, RunningServer

PATH = "/api/v1/compress"

#: The tag of EXIF that names who took the picture.
ARTIST = 0x013B


def compress(client: Client, file: bytes | None, **fields: object) -> dict[str, Any]:
    """Send a form that is answered with success, and return the data of the answer."""
    return data_of(client.post(PATH, file, **fields))


def data_of(answer: requests.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"success", "data"}
    assert body["success"] is True
    data = body["data"]
    assert isinstance(data, dict)
    return data


def result(data: dict[str, Any]) -> bytes:
    """Download what *data* tells of, without any header of our own."""
    answer = requests.get(data["download_url"], timeout=10)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == data["compressed_size"]
    return answer.content


def test_the_answer_tells_of_the_result(client: Client, jpeg: bytes) -> None:
    """OS-4, OS-12, OS-13, OS-20, OS-21, OS-22, OS-23, OS-40, OS-65, OS-66."""
    data = compress(client, jpeg, format="webp", mode="balanced")
    size = data["compressed_size"]
    expires_at = datetime.fromisoformat(data["expires_at"])

    assert list(data) == [
        "id", "compressed", "original_size", "compressed_size", "savings_percent", "format",
        "savings_bytes", "width", "height", "download_url", "expires_at",
    ]  # fmt: skip
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", data["id"])
    assert data["compressed"] is True
    assert (data["original_size"], data["format"]) == (len(jpeg), "webp")
    assert (data["width"], data["height"]) == (320, 240)
    assert data["savings_bytes"] == len(jpeg) - size
    assert data["savings_percent"] == round(100 * (len(jpeg) - size) / len(jpeg))
    assert isinstance(data["savings_percent"], int)
    assert data["download_url"].startswith(f"{client.base_url}/api/v1/download/{data['id']}/")
    assert abs(expires_at - datetime.now(UTC) - timedelta(hours=24)) < timedelta(minutes=5)
    assert decoded(result(data)).format == "WEBP"


def test_an_answer_is_not_to_be_cached(client: Client, jpeg: bytes) -> None:
    answer = client.post(PATH, jpeg)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
def test_every_input_format_is_taken_and_kept(client: Client, format_: str) -> None:
    """OS-13, OS-15, OS-35."""
    data = compress(client, encode(photo(), format_))

    assert data["format"] == format_.lower()
    assert decoded(result(data)).format == format_


@pytest.mark.parametrize(
    ("word", "format_"),
    [("jpeg", "jpeg"), ("JPG", "jpeg"), ("png", "png"), ("webp", "webp"), ("avif", "avif")],
)
def test_every_output_format_is_made(client: Client, png: bytes, word: str, format_: str) -> None:
    """OS-15."""
    data = compress(client, png, format=word)

    assert data["format"] == format_
    assert decoded(result(data)).format == format_.upper()


def test_an_animation_stays_one(client: Client) -> None:
    """OS-35."""
    for format_ in ("", "webp"):
        data = compress(client, animation("GIF"), format=format_)

        assert getattr(decoded(result(data)), "n_frames", 1) == 5


@pytest.mark.parametrize("format_", ["jpeg", "webp"])
def test_a_mode_says_how_it_looks(client: Client, format_: str) -> None:
    """OS-16, OS-36."""
    upload = encode(photo(), "PNG")
    sizes = [
        compress(client, upload, format=format_, mode=mode)["compressed_size"]
        for mode in ("size", "balanced", "quality")
    ]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2]
    assert compress(client, upload, format=format_)["compressed_size"] == sizes[1]


def test_a_mode_saves_about_what_is_promised(client: Client) -> None:
    """OS-24: a photograph of a camera, as WebP."""
    upload = encode(photo(800, 600), "JPEG", quality=90)

    for mode, percent in (("quality", 40), ("balanced", 60), ("size", 70)):
        assert compress(client, upload, format="webp", mode=mode)["savings_percent"] >= percent


def test_an_answer_comes_before_clients_give_up() -> None:
    """OS-29: they wait for 120 seconds; waiting and fetching, then waiting and working."""
    settings = Settings()

    assert 2 * settings.fetch_timeout + settings.queue_timeout + settings.job_timeout < 120


def test_a_mode_has_another_name(client: Client) -> None:
    """OS-39: `type`, as one of the plugins sends it; `mode` goes before it."""
    upload = encode(photo(), "PNG")
    wanted = compress(client, upload, format="webp", mode="Size")["compressed_size"]

    for fields in ({"type": "size"}, {"mode": "size", "type": "quality"}):
        assert compress(client, upload, format="webp", **fields)["compressed_size"] == wanted


def test_quality_overrides_the_mode(client: Client) -> None:
    """OS-17."""
    upload = encode(photo(), "PNG")

    def size(**fields: object) -> int:
        compressed = compress(client, upload, format="webp", **fields)["compressed_size"]
        assert isinstance(compressed, int)
        return compressed

    assert size(quality=95, mode="size") == size(quality=95) == size(quality=95, mode="quality")
    assert size(quality=20) < size(quality=95)
    assert size(mode="size") < size(quality=95)


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({"width": 160}, (160, 120)),
        ({"height": 60}, (80, 60)),
        ({"width": 160, "height": 60}, (80, 60)),
        ({"width": 100, "height": 1000}, (100, 75)),
        ({"width": 5000, "height": 10**17}, (320, 240)),
    ],
)
def test_it_fits_into_width_and_height(
    client: Client, jpeg: bytes, fields: dict[str, int], size: tuple[int, int]
) -> None:
    """OS-18: the aspect ratio is kept, and nothing is enlarged."""
    data = compress(client, jpeg, **fields)

    assert (data["width"], data["height"]) == size
    assert decoded(result(data)).size == size


@pytest.mark.parametrize(
    ("said", "stays"), [("", True), ("false", True), ("0", True), ("true", False), ("1", False)]
)
def test_metadata_stays_unless_said(client: Client, jpeg: bytes, said: str, *, stays: bool) -> None:
    """OS-19: the opposite of the other APIs."""
    compressed = result(compress(client, jpeg, strip_metadata=said))

    assert (b"Ada" in compressed) == stays
    assert (ARTIST in decoded(compressed).getexif()) == stays


def test_what_cannot_be_made_smaller_comes_back(client: Client) -> None:
    """OS-37."""
    poor = encode(photo(), "JPEG", quality=20)
    small = result(compress(client, poor, mode="quality"))
    data = compress(client, small, mode="quality")

    assert data["compressed"] is False
    assert data["original_size"] == data["compressed_size"] == len(small)
    assert data["savings_bytes"] == data["savings_percent"] == 0
    assert result(data) == small


def test_another_format_may_make_it_larger_and_says_so(client: Client) -> None:
    """OS-38."""
    tiny = encode(Image.new("P", (1, 1)), "GIF")
    data = compress(client, tiny, format="avif")

    assert data["compressed"] is True
    assert data["savings_bytes"] == len(tiny) - data["compressed_size"] < 0
    assert data["savings_percent"] < -100


def test_labels_come_back_as_they_were_sent(client: Client, jpeg: bytes, png: bytes) -> None:
    """OS-39: they do not change what is done."""
    labels = {"image_id": "17", "name": "größe.jpg", "hash": "d41d8cd9"}
    data = compress(client, jpeg, hash_check="true", **labels)
    plain = compress(client, png)

    assert {name: data[name] for name in labels} == labels
    assert not set(labels) & set(plain)


def test_labels_keep_their_type(fetching_client: Client, origin: Origin, jpeg: bytes) -> None:
    """OS-39."""
    labels = {"image_id": 17, "hash": 1.5, "name": ""}
    data = data_of(
        fetching_client.request("POST", PATH, json={"url": origin.picture(jpeg), **labels})
    )

    assert {name: data[name] for name in labels} == labels


def several(client: Client, png: bytes, *fields: tuple[str, str]) -> dict[str, Any]:
    files: list[Any] = [("file", ("drawing.png", png))]
    files += [(name, (None, value)) for name, value in fields]
    return data_of(client.request("POST", PATH, files=files))


@pytest.mark.parametrize(
    "fields",
    [
        [("formats[]", "webp"), ("formats[]", "avif")],
        [("formats", "webp, AVIF,")],
        [("format", "webp"), ("formats", "avif,webp")],
        [("format", "webp"), ("formats", "avif")],
    ],
)
def test_several_formats_are_several_results(
    client: Client, png: bytes, fields: list[tuple[str, str]]
) -> None:
    """OS-27, OS-34: the first is the main result, and all are in `formats`."""
    data = several(client, png, *fields)
    formats = data["formats"]

    assert data["format"] == "webp"
    assert list(formats) == ["webp", "avif"]
    assert formats["webp"]["id"] == data["id"] != formats["avif"]["id"]
    assert formats["webp"]["download_url"] == data["download_url"]
    for name, told in formats.items():
        assert set(told) == {
            "id", "format", "compressed_size", "savings_percent", "download_url",
        }  # fmt: skip
        assert told["format"] == name
        assert decoded(result(told)).format == name.upper()


@pytest.mark.parametrize("formats", [[], "", None, [""]])
def test_no_formats_mean_that_of_the_upload(
    fetching_client: Client, origin: Origin, png: bytes, formats: object
) -> None:
    """OS-28."""
    body = {"url": origin.picture(png), "formats": formats}
    data = data_of(fetching_client.request("POST", PATH, json=body))

    assert data["format"] == "png"
    assert "formats" not in data


def test_a_format_that_cannot_be_made_does_not_spoil_the_others(client: Client) -> None:
    """OS-34: WebP has at most 16,383 pixels a side."""
    wide = encode(Image.new("RGB", (16_400, 2), "red"), "PNG")
    formats = compress(client, wide, formats="png,webp,jpeg")["formats"]

    assert set(formats["webp"]) == {"error"}
    assert formats["webp"]["error"]["code"] == "validation_failed"
    assert "16383 pixels" in formats["webp"]["error"]["message"]
    assert decoded(result(formats["png"])).size == (16_400, 2)
    assert decoded(result(formats["jpeg"])).size == (16_400, 2)


def test_each_format_is_charged_as_long_as_there_is_something_left(
    server: RunningServer, png: bytes
) -> None:
    """OS-34: what is over the limit is told in its place."""
    key = server.key("octosqueeze-free")
    server.spend(key, 499)
    someone = Client(base_url=server.base_url, key=key)
    data = compress(someone, png, formats="webp,jpeg")

    assert data["formats"]["webp"]["id"] == data["id"]
    assert data["formats"]["jpeg"] == {
        "error": {"code": "usage_limit_exceeded", "message": "Monthly usage limit reached"}
    }
    assert someone.request("GET", "/api/v1/usage").json()["data"]["compressions_used"] == 500


def test_the_same_image_is_charged_again(server: RunningServer, jpeg: bytes) -> None:
    """OS-39: nothing is left out because of a `hash`, though the work is done once."""
    someone = Client(base_url=server.base_url, key=server.key("octosqueeze-free"))
    first, second = (compress(someone, jpeg, hash="d41d8cd9") for _ in range(2))

    assert first["id"] != second["id"]
    assert result(first) == result(second)
    assert someone.request("GET", "/api/v1/usage").json()["data"]["compressions_used"] == 2


@pytest.mark.parametrize("kind", ["json", "data", "files"])
def test_an_image_is_fetched_from_a_url(
    fetching_client: Client, origin: Origin, jpeg: bytes, kind: str
) -> None:
    """OS-12, OS-14."""
    fields = {"url": origin.picture(jpeg, name="cat.jpg"), "format": "webp", "mode": "balanced"}
    body: Any = fields if kind != "files" else {name: (None, fields[name]) for name in fields}
    data = data_of(fetching_client.request("POST", PATH, **{kind: body}))
    file = requests.get(data["download_url"], timeout=10)

    assert (data["original_size"], data["format"]) == (len(jpeg), "webp")
    assert file.headers["Content-Disposition"] == 'attachment; filename="cat.webp"'
    assert decoded(file.content).format == "WEBP"


def test_json_has_numbers_and_truth_values(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """OS-14, OS-17, OS-18, OS-19."""
    body = {
        "url": origin.picture(jpeg),
        "quality": 80,
        "width": 100.0,
        "height": None,
        "strip_metadata": True,
        "formats": ["webp", "avif"],
    }
    data = data_of(fetching_client.request("POST", PATH, json=body))

    assert (data["format"], data["width"]) == ("webp", 100)
    assert list(data["formats"]) == ["webp", "avif"]
    assert b"Ada" not in result(data)


def test_a_file_goes_before_a_url(client: Client, jpeg: bytes) -> None:
    """OS-13: the URL is not even looked at."""
    data = compress(client, jpeg, url="http://127.0.0.1:9/nothing.jpg")

    assert data["original_size"] == len(jpeg)


def test_the_look_can_be_said_as_everywhere_in_pixmill(client: Client) -> None:
    upload = encode(photo(), "PNG")

    def size(format_: str = "webp", **fields: object) -> int:
        compressed = compress(client, upload, format=format_, **fields)["compressed_size"]
        assert isinstance(compressed, int)
        return compressed

    assert size(target=40) < size(target=85)
    assert size(mode="lossless") > size(mode="quality") > 6000
    assert size(mode="quality", max_bytes=6000) <= 6000
    assert size("jpeg", quality=80, smart="true") != size("jpeg", quality=80)


def test_the_smallest_format_can_be_left_to_pixmill(client: Client) -> None:
    upload = encode(photo(), "PNG")
    answer = client.request(
        "POST", PATH, headers={"Accept": "application/json"},
        files={"file": upload, "format": (None, "auto")},
    )  # fmt: skip

    assert data_of(answer)["format"] == "avif"
    assert compress(client, upload, format="auto", accept="jpeg,webp")["format"] == "webp"
