"""The Tinify API as anybody can speak it: bodies, links, counts, errors."""

import base64
import json
import re
from typing import Any

import psutil
import pytest
import requests

from dialects.tinify import Secured, Shrinker, logo, somebody

from fixtures.origins import Origin
from fixtures.pictures import decoded, encode, exif, graphic, photo, translucent
from fixtures.servers import PATIENCE, OwnServer, RunningServer

ID = re.compile(r"/output/[0-9a-z-]{100,140}")


@pytest.fixture(scope="module")
def shrinker(shrinking_server: RunningServer) -> Shrinker:
    return somebody(shrinking_server)


def test_an_image_is_compressed_and_can_be_had_without_a_key(
    shrinker: Shrinker, jpeg: bytes
) -> None:
    shrunk = shrinker.shrink(jpeg)
    told = shrunk.json()
    image = requests.get(told["output"]["url"], timeout=PATIENCE)

    assert shrunk.status_code == 201
    assert told["input"] == {"size": len(jpeg), "type": "image/jpeg"}
    assert told["output"] == {
        "size": len(image.content),
        "type": "image/jpeg",
        "width": 320,
        "height": 240,
        "ratio": round(len(image.content) / len(jpeg), 4),
        "url": f"{shrinker.base_url}{shrunk.headers['Location']}",
    }
    assert ID.fullmatch(shrunk.headers["Location"])
    assert (image.status_code, image.headers["Content-Type"]) == (200, "image/jpeg")
    assert (image.headers["Image-Width"], image.headers["Image-Height"]) == ("320", "240")
    assert len(image.content) < len(jpeg)
    assert decoded(image.content).size == (320, 240)
    assert b"Ada" not in image.content


@pytest.mark.parametrize(
    "declared",
    ["image/png", "application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
)
def test_the_declared_type_does_not_matter(shrinker: Shrinker, jpeg: bytes, declared: str) -> None:
    shrunk = shrinker.shrink(jpeg, headers={"Content-Type": declared})

    assert shrunk.json()["input"]["type"] == "image/jpeg"


def test_a_body_may_come_in_chunks(shrinker: Shrinker, jpeg: bytes) -> None:
    pieces = (jpeg[at : at + 1000] for at in range(0, len(jpeg), 1000))
    shrunk = shrinker.request("POST", "/shrink", data=pieces)

    assert shrunk.json()["input"]["size"] == len(jpeg)


def test_an_image_may_be_at_a_url(shrinker: Shrinker, origin: Origin, jpeg: bytes) -> None:
    shrunk = shrinker.request("POST", "/shrink", json={"source": {"url": origin.picture(jpeg)}})

    assert shrunk.status_code == 201
    assert shrunk.json()["input"]["size"] == len(jpeg)


def test_over_https_a_location_is_absolute(
    shrinking_https: Secured, shrinker: Shrinker, jpeg: bytes
) -> None:
    shrunk = requests.post(
        f"{shrinking_https.base_url}/shrink",
        data=jpeg,
        auth=("api", shrinker.key),
        verify=str(shrinking_https.authorities),
        timeout=PATIENCE,
    )

    assert shrunk.headers["Location"].startswith(f"{shrinking_https.base_url}/output/")
    assert shrunk.json()["output"]["url"] == shrunk.headers["Location"]


def test_a_public_url_says_where_outputs_are(own_server: OwnServer, jpeg: bytes) -> None:
    server = own_server(PIXMILL_PUBLIC_URL="https://images.example.com/tinify")
    [port] = [
        each.laddr.port
        for each in psutil.Process(server.pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN
    ]
    me = Shrinker(base_url=f"http://127.0.0.1:{port}", key=server.key())
    shrunk = me.shrink(jpeg)

    assert shrunk.headers["Location"].startswith("https://images.example.com/tinify/output/")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_output_may_be_asked_for_with_a_body_whatever_the_method(
    shrinker: Shrinker, jpeg: bytes, method: str
) -> None:
    """The WordPress plugin and older clients for Node send GET, and two content types."""
    location = shrinker.shrink(jpeg).headers["Location"]
    body = json.dumps({"resize": {"method": "fit", "width": 100, "height": 100}})
    made = shrinker.request(
        method, location, data=body, headers={"Content-Type": "multipart/form-data"}
    )

    assert made.headers["Image-Width"] == "100"
    assert decoded(made.content).size == (100, 75)
    assert made.headers["Compression-Count"]


def test_only_a_key_of_the_account_makes_something_of_an_upload(
    shrinker: Shrinker, shrinking_server: RunningServer, jpeg: bytes
) -> None:
    location = shrinker.shrink(jpeg).headers["Location"]
    url, body = f"{shrinker.base_url}{location}", {"convert": {"type": "image/webp"}}
    other = somebody(shrinking_server)

    for method in ("GET", "POST"):
        assert requests.request(method, url, json=body, timeout=PATIENCE).status_code == 401
        assert other.request(method, location, json=body).status_code == 404
    assert other.request("GET", "/keys/none").headers["Compression-Count"] == "0"


@pytest.mark.parametrize("change", [lambda name: name[:-1], lambda name: name + "0", str.upper])
def test_an_id_that_was_not_given_opens_nothing(
    shrinker: Shrinker, jpeg: bytes, change: Any
) -> None:
    name = shrinker.shrink(jpeg).headers["Location"].removeprefix("/output/")
    answer = requests.get(f"{shrinker.base_url}/output/{change(name)}", timeout=PATIENCE)

    assert answer.status_code == 404
    assert answer.json() == {"error": "Not found", "message": "Resource not found or expired."}


def test_what_was_uploaded_can_be_had_nowhere(shrinker: Shrinker, jpeg: bytes) -> None:
    """It says where it was taken, and an output's link is for everybody to see."""
    location = shrinker.shrink(jpeg).headers["Location"]
    id_, token = location[8:44], location[45:]
    signed = {"signature": token}
    asked: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/api/v1/download/{id_}/{token}", {}),
        ("GET", f"/api/files/{id_}/a.jpg", {"params": signed}),
        ("GET", f"/v1/files/{id_}/{token}/a.jpg", {}),
        ("GET", f"/tool/images/{id_}/a.jpg", {"params": signed}),
        ("POST", "/tool/archive", {"data": {"results": f"{id_}.{token}"}}),
    ]
    for method, path, options in asked:
        answer = requests.request(method, f"{shrinker.base_url}{path}", timeout=PATIENCE, **options)
        assert answer.status_code == (410 if method == "POST" else 404), path
        assert b"Ada" not in answer.content
    image = requests.get(f"{shrinker.base_url}{location}", timeout=PATIENCE)
    assert (image.status_code, b"Ada" in image.content) == (200, False)


def test_neither_links_nor_keys_nor_credentials_are_logged(
    shrinking_server: RunningServer, shrinker: Shrinker, jpeg: bytes
) -> None:
    location = shrinker.shrink(jpeg).headers["Location"]
    store = {
        "service": "s3",
        "aws_access_key_id": "an-id-of-somebody",
        "aws_secret_access_key": "a-secret-of-somebody",
        "region": "us-east-1",
        "path": "results/a.jpg",
    }
    answers = [
        shrinker.request("GET", location),
        shrinker.request("POST", location, json={"store": store}),
        shrinker.request("GET", f"/keys/{shrinker.key}"),
        shrinker.request("DELETE", f"/keys/{shrinker.key}"),
        shrinker.request("GET", f"{location}/"),
    ]
    for answer in answers:
        shrinking_server.logged(answer.headers["X-Request-Id"])
    log = shrinking_server.log_path.read_text()

    assert [answer.status_code for answer in answers] == [200, 400, 200, 405, 404]
    for secret in (location.rpartition("-")[2], shrinker.key, "an-id-of-some", "a-secret-of-some"):
        assert secret not in log


def test_each_step_counts_and_nothing_that_fails(
    shrinking_server: RunningServer, jpeg: bytes
) -> None:
    me = somebody(shrinking_server)
    resize = {"method": "scale", "width": 50}
    location = me.shrink(jpeg).headers["Location"]

    def count(**commands: object) -> int:
        return int(me.request("POST", location, json=commands).headers["Compression-Count"])

    assert me.request("GET", location).headers["Compression-Count"] == "1"
    assert count() == 1
    assert count(preserve=["copyright"]) == 1
    assert count(resize=resize) == 2
    assert count(convert={"type": "image/webp"}) == 3
    assert count(resize=resize, convert={"type": "image/webp"}) == 5
    assert count(resize={"method": "scale"}) == 5
    assert count(resize=resize, store={"service": "s3"}) == 5
    assert me.shrink(b"").headers["Compression-Count"] == "5"
    assert me.shrink(b"no image").headers["Compression-Count"] == "5"


def test_a_month_that_has_less_left_than_an_output_costs(
    shrinking_server: RunningServer, jpeg: bytes
) -> None:
    me = somebody(shrinking_server, "smolpix-free")
    paid = somebody(shrinking_server, "optipic-free")
    location = paid.shrink(jpeg).headers["Location"]
    both = {"resize": {"method": "scale", "width": 50}, "convert": {"type": "image/webp"}}
    shrinking_server.spend(paid.key, 498)
    refused = paid.request("POST", location, json=both)
    last = paid.request("POST", location, json={"convert": both["convert"]})
    over = paid.shrink(jpeg)

    assert me.shrink(jpeg).status_code == 403
    assert (refused.status_code, refused.json()["error"]) == (429, "TooManyRequests")
    assert refused.headers["Compression-Count"] == "499"
    assert (last.status_code, last.headers["Compression-Count"]) == (200, "500")
    assert (over.status_code, over.headers["Compression-Count"]) == (429, "500")
    assert over.json()["message"] == "Your monthly limit has been exceeded."
    assert int(over.headers["Retry-After"]) > 0
    # What was compressed before can still be had.
    assert paid.request("GET", location).status_code == 200
    assert paid.request("POST", location, json={"preserve": ["copyright"]}).status_code == 200


def test_a_key_can_be_checked(shrinking_server: RunningServer) -> None:
    me, other = somebody(shrinking_server, "optipic-free"), somebody(shrinking_server)
    mine = me.request("GET", f"/keys/{me.key}")
    others = me.request("GET", f"/keys/{other.key}")
    basic = base64.b64encode(b"api:wrong").decode()
    wrong = requests.get(
        f"{me.base_url}/keys/{me.key}", headers={"Authorization": f"Basic {basic}"}, timeout=9
    )

    assert (mine.status_code, mine.headers["Compression-Count"]) == (200, "0")
    assert mine.headers["Compression-Count-Remaining"] == "500"
    assert others.status_code == 404
    assert (wrong.status_code, wrong.json()["error"]) == (401, "Unauthorized")


SHRINKS: list[tuple[bytes, int, str]] = [
    (b"", 400, "InputMissing"),
    (b"{}", 400, "InputMissing"),
    (b'{"source": {}}', 400, "InputMissing"),
    (b'{"source": 1', 400, "Bad request"),
    (b'{"a": "' + b"a" * 70_000 + b'"}', 400, "Bad request"),
    (b'{"a":' + b"[" * 30_000, 400, "Bad request"),
    (b'{"source": {"url": "ftp://a/b"}}', 400, "Source not found"),
    (b'{"source": {"url": "http://10.1.2.3/a.png"}}', 400, "Source not found"),
    (b"[1]", 415, "Unsupported media type"),
    (b"<svg/>", 415, "Unsupported media type"),
    (encode(photo(), "JPEG")[:2000], 415, "DecodeError"),
]


@pytest.mark.parametrize(("body", "status", "name"), SHRINKS)
def test_what_cannot_be_compressed(shrinker: Shrinker, body: bytes, status: int, name: str) -> None:
    answer = shrinker.shrink(body)

    assert (answer.status_code, answer.json()["error"]) == (status, name)
    assert set(answer.json()) == {"error", "message"}
    assert answer.headers["Compression-Count"]


OUTPUTS: list[dict[str, object]] = [
    {"resize": {"method": "scale", "width": 10, "height": 10}},
    {"resize": {"method": "scale"}},
    {"resize": {"method": "fit", "width": 10}},
    {"resize": {"method": "cover", "height": 10}},
    {"resize": {"method": "thumb", "width": -1, "height": 10}},
    {"resize": {"method": "crop", "width": 10, "height": 10}},
    {"resize": {"method": ["fit"], "width": 10, "height": 10}},
    {"resize": 5},
    {"convert": {"type": "image/tiff"}},
    {"convert": {"type": []}},
    {"convert": {"type": {"a": 1}}},
    {"convert": "image/webp"},
    {"transform": {"background": "#12345"}},
    {"transform": {"background": 5}},
    {"preserve": ["everything"]},
    {"preserve": [{}]},
    {"store": {"service": "azure", "path": "abc/b"}},
    {"store": {"service": "gcs", "path": "abc/b"}},
    {"store": {"service": "gcs", "path": "abc", "gcp_access_token": "a"}},
    {"store": {"service": "gcs", "path": "abc/../b", "gcp_access_token": "a"}},
    {"store": {"service": "gcs", "path": "abc/b", "gcp_access_token": "a\nb"}},
    {"store": []},
    {"rotate": 90},
]


@pytest.fixture(scope="module")
def location(shrinker: Shrinker, jpeg: bytes) -> str:
    return shrinker.shrink(jpeg).headers["Location"]


@pytest.mark.parametrize("commands", OUTPUTS, ids=str)
def test_what_an_output_cannot_be(
    shrinker: Shrinker, location: str, commands: dict[str, object]
) -> None:
    answer = shrinker.request("POST", location, json=commands)

    assert (answer.status_code, answer.json()["error"]) == (400, "Bad request"), answer.text


def test_a_logo_gets_small(shrinker: Shrinker) -> None:
    location = shrinker.shrink(logo()).headers["Location"]
    png = shrinker.request("GET", location)
    webp = shrinker.request("POST", location, json={"convert": {"type": "image/webp"}})
    any_ = shrinker.request("POST", location, json={"convert": {"type": "*/*"}})

    assert png.headers["Content-Type"] == "image/png"
    assert 1000 <= len(png.content) <= 1500
    assert len(any_.content) <= len(webp.content) < len(png.content)
    assert decoded(webp.content).size == (137, 21)


def test_what_is_transparent_needs_a_background_in_a_jpeg(shrinker: Shrinker) -> None:
    clear, solid = encode(translucent(), "PNG"), encode(graphic().convert("RGBA"), "PNG")
    jpeg = {"type": ["image/jpeg"]}
    refused = shrinker.output(clear, convert=jpeg)
    filled = shrinker.output(clear, convert=jpeg, transform={"background": "#1e90ff"})
    opaque = shrinker.output(solid, convert=jpeg)
    either = shrinker.output(clear, convert={"type": ["image/jpeg", "image/webp"]})
    same = shrinker.output(clear, transform={"background": "black"})

    assert (refused.status_code, refused.json()["error"]) == (400, "Bad request")
    assert "background" in refused.json()["message"]
    red, green, blue = decoded(filled.content).convert("RGB").getpixel((3, 60))
    assert abs(red - 0x1E) + abs(green - 0x90) + abs(blue - 0xFF) < 20
    assert opaque.headers["Content-Type"] == "image/jpeg"
    assert either.headers["Content-Type"] == "image/webp"
    assert same.headers["Content-Type"] == "image/png"
    assert decoded(same.content).convert("RGBA").getpixel((3, 60)) == (0, 0, 0, 255)


def test_chosen_metadata_is_kept(shrinker: Shrinker) -> None:
    block = exif(gps=True, artist="Ada")
    data = encode(photo(), "JPEG", quality=92, exif=block)
    place = decoded(shrinker.output(data, preserve=["location"]).content).getexif()
    none = decoded(shrinker.output(data, preserve=["creation"]).content).getexif()

    assert place.get_ifd(0x8825)[2] == (52.0, 31.0, 12.0)
    assert 0x013B not in place
    assert not none


def test_it_works_on_postgresql(grown_server: RunningServer, jpeg: bytes) -> None:
    me = somebody(grown_server, "optipic-free")
    made = me.output(
        jpeg,
        resize={"method": "cover", "width": 50, "height": 50},
        convert={"type": "image/webp"},
    )

    assert made.headers["Compression-Count"] == "3"
    assert decoded(made.content).size == (50, 50)


def test_what_was_promised_outlives_a_server_that_is_killed_and_a_file_that_is_lost(
    own_server: OwnServer, jpeg: bytes
) -> None:
    server = own_server()
    me = somebody(server, "optipic-free")
    location = me.shrink(jpeg).headers["Location"]
    before = me.request("GET", location).content
    server.process.kill()
    server.process.wait()
    for path in (server.data_dir / "objects").rglob("*"):
        if path.is_file() and path.read_bytes() == before:
            path.unlink()
    again = own_server(folder=server.data_dir)
    me = Shrinker(base_url=again.base_url, key=me.key)
    resized = me.request("POST", location, json={"resize": {"method": "scale", "width": 64}})

    assert requests.get(f"{again.base_url}{location}", timeout=PATIENCE).content == before
    assert (resized.status_code, resized.headers["Compression-Count"]) == (200, "2")
