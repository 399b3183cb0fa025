"""What Pixmill adds to OptiPic's image calls: `target`, `smart`, `mode`, `max_bytes` and `auto`."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import requests
from PIL import Image

from pixmill.engine.ssimulacra2 import Reference

from fixtures.pictures import animation, array, decoded, encode, graphic, photo, translucent
from fixtures.servers import Client, RunningServer

ROOT = Path(__file__).parents[2]
CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"


@pytest.fixture(scope="module")
def sharp() -> bytes:
    """Return a photograph that lost nothing yet."""
    return encode(photo(), "PNG")


@pytest.fixture
def free(server: RunningServer) -> Client:
    """Give somebody new on the free plan."""
    return Client(base_url=server.base_url, key=server.key("optipic-free"))


def score(answer: requests.Response) -> float:
    assert answer.status_code == 200, answer.text
    return float(answer.headers["X-Pixmill-Score"])


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture.convert("RGB"))


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
@pytest.mark.parametrize("target", [60, 77.5])
def test_a_target_is_reached_and_the_answer_says_how_nearly(
    client: Client, sharp: bytes, format_: str, target: float
) -> None:
    answer = client.post("/v1/compress", sharp, format=format_, target=target)
    seen = Reference(pixels(photo())).score(pixels(decoded(answer.content)))

    assert re.fullmatch(r"\d\d\.\d\d", answer.headers["X-Pixmill-Score"])
    assert abs(score(answer) - target) <= 3
    assert abs(score(answer) - seen) <= 1  # decoders differ a little


def test_only_what_was_measured_has_a_score(client: Client, sharp: bytes) -> None:
    plain = client.post("/v1/compress", sharp, format="webp", quality=84)
    smart = client.post("/v1/compress", sharp, format="webp", quality=84, smart="true")

    assert "X-Pixmill-Score" not in plain.headers
    assert plain.headers["X-Pixmill-Result"] == "encoded"
    assert abs(score(smart) - 80) <= 3  # the look of a JPEG of quality 84


def test_every_call_has_the_fields(client: Client, sharp: bytes) -> None:
    converted = client.post("/v1/convert", sharp, to="webp", target=70)
    resized = client.post("/v1/resize", sharp, format="webp", width=160, target=70)

    assert abs(score(converted) - 70) <= 3
    assert abs(score(resized) - 70) <= 3
    assert decoded(resized.content).width == 160


def test_modes_are_looks_with_names(client: Client, sharp: bytes) -> None:
    answers = {
        mode: client.post("/v1/compress", sharp, format="webp", mode=mode)
        for mode in ("size", "balanced", "quality", "max")
    }
    scores = {mode: round(score(answer)) for mode, answer in answers.items()}
    sizes = {mode: len(answer.content) for mode, answer in answers.items()}

    assert scores == {mode: pytest.approx(aim, abs=3) for mode, aim in
                      {"size": 63, "balanced": 73, "quality": 83, "max": 63}.items()}  # fmt: skip
    assert sizes["max"] <= 1.02 * sizes["size"] < sizes["balanced"] < sizes["quality"]


def test_a_target_goes_before_a_mode_and_a_mode_before_a_quality(
    client: Client, sharp: bytes
) -> None:
    target = client.post("/v1/convert", sharp, to="jpeg", target=85, mode="size", quality=10)
    mode = client.post("/v1/convert", sharp, to="jpeg", mode="size", quality=100)

    assert abs(score(target) - 85) <= 3
    assert abs(score(mode) - 63) <= 3


@pytest.mark.parametrize("format_", ["png", "webp"])
def test_lossless_changes_no_pixel(client: Client, sharp: bytes, format_: str) -> None:
    answer = client.post("/v1/compress", sharp, format=format_, mode="lossless", quality=10)

    assert np.array_equal(array(decoded(answer.content)), array(decoded(sharp)))
    assert len(answer.content) <= len(sharp)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "jpeg", "mode": "lossless"}, "cannot be written without loss"),
        ({"target": 70, "mode": "lossless"}, "Without loss there is no look to aim at"),
    ],
)
def test_what_contradicts_itself_is_refused(
    client: Client, sharp: bytes, fields: dict[str, object], message: str
) -> None:
    answer = client.post("/v1/compress", sharp, **fields)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_parameter")
    assert message in answer.json()["message"]


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
def test_a_result_keeps_to_the_bytes_that_it_may_have(
    client: Client, sharp: bytes, format_: str
) -> None:
    free = client.post("/v1/compress", sharp, format=format_)
    most = len(free.content) * 2 // 3
    small = client.post("/v1/compress", sharp, format=format_, max_bytes=most)
    ample = client.post("/v1/compress", sharp, format=format_, max_bytes=len(free.content))

    assert 0.7 * most < len(small.content) <= most
    assert score(small) < 80
    assert ample.content == free.content


def test_what_cannot_fit_is_refused_and_not_charged(free: Client, sharp: bytes) -> None:
    answer = free.post("/v1/compress", sharp, format="jpeg", max_bytes=100)

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_parameter",
        "message": "No look makes the image that small; "
        "allow more bytes, a smaller size or another format.",
    }
    assert free.request("GET", "/v1/usage").json()["requests"] == 0


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("target", "101", "a number from 30 to 95"),
        ("target", "nan", "a number from 30 to 95"),
        ("smart", "perhaps", "true or false"),
        ("mode", "fast", "one of size, balanced, quality, max, lossless"),
        ("max_bytes", "0", "a whole number of at least 1"),
        ("max_bytes", "10 KB", "a whole number of at least 1"),
        ("accept", "jxl", "a list of jpeg, png, webp, avif, gif"),
    ],
)
def test_a_wrong_value_is_refused_before_the_image_is_looked_at(
    free: Client, name: str, value: str, allowed: str
) -> None:
    answer = free.post("/v1/resize", b"no image", width=10, **{name: value})

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_parameter",
        "message": f'"{name}" must be {allowed}.',
    }
    assert free.request("GET", "/v1/usage").json()["requests"] == 0


@pytest.mark.parametrize("path", ["/v1/compress", "/v1/convert", "/v1/resize"])
def test_auto_chooses_among_all_formats_unless_told_otherwise(
    client: Client, sharp: bytes, path: str
) -> None:
    answer = client.post(path, sharp, format="auto", to="auto", width=200)

    assert answer.headers["Content-Type"] in {"image/webp", "image/avif"}
    assert decoded(answer.content).format == answer.headers["Content-Type"][6:].upper()
    assert answer.headers["Vary"] == "Accept"
    for other in ("jpeg", "png"):
        plain = client.post(path, sharp, format=other, to=other, width=200)
        assert len(answer.content) < len(plain.content)
        assert "Vary" not in plain.headers


@pytest.mark.parametrize(
    ("header", "accept", "formats"),
    [
        (CHROMIUM, "", {"webp", "avif"}),
        ("image/webp, */*;q=0.1", "", {"webp"}),
        ("image/png, image/*;q=0.8", "", {"jpeg"}),
        ("image/avif;q=0, image/*", "", {"webp"}),
        ("image/webp", "png, JPG", {"jpeg"}),
        ("image/jxl", "image/avif", {"avif"}),
    ],
)
def test_auto_chooses_what_is_accepted(
    client: Client, sharp: bytes, header: str, accept: str, formats: set[str]
) -> None:
    answer = client.request(
        "POST",
        "/v1/compress",
        headers={"Accept": header},
        files={"file": ("photo.png", sharp)},
        data={"format": "auto", "accept": accept},
    )

    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].removeprefix("image/") in formats
    assert answer.headers["Content-Disposition"].startswith('inline; filename="photo.')
    assert ("Vary" in answer.headers) == (not accept)


def test_a_caller_may_accept_nothing_that_can_be_made(client: Client, sharp: bytes) -> None:
    answer = client.request(
        "POST",
        "/v1/convert",
        headers={"Accept": "image/jxl"},
        files={"file": sharp},
        data={"to": "auto"},
    )

    assert answer.status_code == 400
    assert answer.json() == {
        "error": "invalid_format",
        "message": 'The "Accept" header allows none of jpeg, png, webp, avif, gif.',
    }


@pytest.mark.parametrize("accept", ["", "jpeg,webp", "jpeg,png", "jpeg,avif"])
def test_auto_keeps_transparency(client: Client, accept: str) -> None:
    upload = encode(translucent(), "PNG")
    answer = client.post("/v1/compress", upload, format="auto", accept=accept)
    alpha = np.asarray(decoded(answer.content).convert("RGBA"))[:, :, 3].astype(int)

    assert answer.headers["Content-Type"] != "image/jpeg"
    assert alpha[:, 0].max() == 0
    assert abs(alpha - np.asarray(translucent())[:, :, 3]).mean() <= 4


@pytest.mark.parametrize("accept", ["", "jpeg,png,gif", "jpeg,avif"])
def test_auto_keeps_an_animation(client: Client, accept: str) -> None:
    answer = client.post("/v1/compress", animation("GIF"), format="auto", accept=accept)

    assert getattr(decoded(answer.content), "n_frames", 1) == 5


def test_auto_keeps_the_look(client: Client) -> None:
    answer = client.post("/v1/compress", encode(graphic(), "PNG"), format="auto", target=80)

    assert score(answer) >= 77
    assert answer.headers["Content-Type"] != "image/jpeg"


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif"])
def test_what_is_optimized_already_loses_nothing_more(
    client: Client, sharp: bytes, format_: str
) -> None:
    once = client.post("/v1/compress", sharp, format=format_)
    twice = client.post("/v1/compress", once.content)

    assert once.headers["X-Pixmill-Result"] == "encoded"
    assert twice.headers["X-Pixmill-Result"] in {"rescanned", "original"}
    assert np.array_equal(array(decoded(twice.content)), array(decoded(once.content)))


def test_a_poor_upload_is_packed_better_and_says_so(client: Client) -> None:
    poor = encode(photo(), "JPEG", quality=30)
    answer = client.post("/v1/compress", poor)
    again = client.post("/v1/compress", answer.content, smart="true")

    assert answer.headers["X-Pixmill-Result"] == "rescanned"
    assert len(answer.content) < len(poor)
    assert again.headers["X-Pixmill-Result"] == "original"
    assert again.content == answer.content
    assert score(again) == 100  # the pixels are the upload's own


def test_the_commands_of_the_document_run(client: Client, tmp_path: Path) -> None:
    """docs/look.md, as it is printed; only the address and the key change."""
    document = (ROOT / "docs" / "look.md").read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    script = "\n".join(blocks).replace("http://127.0.0.1:8080", client.base_url)
    (tmp_path / "photo.jpg").write_bytes(encode(photo(), "JPEG", quality=95))
    (tmp_path / "logo.png").write_bytes(encode(graphic(), "PNG"))
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env={"KEY": client.key, "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        text=True,
    )

    assert len(blocks) >= 5
    assert done.stdout.lower().count("x-pixmill-result") == script.count("curl ")
    for path in tmp_path.iterdir():
        assert decoded(path.read_bytes())
