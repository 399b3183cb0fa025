"""POST /api/v1/compress-batch of OctoSqueeze, and what is told of its images afterwards."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from pixmill.dialects.octosqueeze import items
from pixmill.dialects.octosqueeze.answers import Links
from pixmill.services.jobs.types import Failure, Job, Report, State, Told

from fixtures.clients import call, clients
from fixtures.databases import PostgreSQL
from fixtures.origins import ALLOWED, Answer, Origin
from fixtures.pictures import decoded, encode, photo
from fixtures.servers import PATIENCE, Client, OwnServer, RunningServer

PATH = "/api/v1/compress-batch"
SNIPPETS = Path(__file__).parent / "snippets" / "octosqueeze"

#: All that is told of an image.
FIELDS = [
    "id", "status", "url", "image_id", "name", "hash", "compressed", "original_size",
    "compressed_size", "savings_bytes", "savings_percent", "format", "width", "height",
    "download_url", "compressions", "created_at", "expires_at",
]  # fmt: skip

Data = dict[str, Any]


def post(client: Client, items: object, *, prefer: str = "", **root: object) -> requests.Response:
    headers = {"Prefer": prefer} if prefer else {}
    return client.request("POST", PATH, json={"items": items} | root, headers=headers)


def batch(client: Client, *items: object, prefer: str = "", **root: object) -> Data:
    """Send items, and return the data of the answer, which is a success."""
    return data_of(post(client, items, prefer=prefer, **root))


def data_of(answer: requests.Response) -> Data:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert set(body) == {"success", "data"}
    assert body["success"] is True
    data = body["data"]
    assert isinstance(data, dict)
    return data


def status(client: Client, id_: str) -> Data:
    return data_of(client.request("GET", f"/api/v1/status/{id_}"))


def until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.05)


def check(answer: requests.Response, status: int, code: str, message: str) -> None:
    assert answer.status_code == status
    assert answer.json()["error"] == {"code": code, "message": message}


def someone(server: RunningServer, plan: str = "octosqueeze-free") -> Client:
    return Client(base_url=server.base_url, key=server.key(plan))


def used(client: Client) -> int:
    count = client.request("GET", "/api/v1/usage").json()["data"]["compressions_used"]
    assert isinstance(count, int)
    return count


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Give what keeps `slow` pictures back until it is set."""
    gate = threading.Event()
    yield gate
    gate.set()


def slow(origin: Origin, data: bytes, gate: threading.Event) -> str:
    """Return the URL of a picture that comes when *gate* is set."""

    def rest(handler: BaseHTTPRequestHandler) -> None:
        gate.wait(PATIENCE)
        handler.wfile.write(data)

    return origin.answer(Answer(headers={"Content-Type": "image/jpeg"}, rest=rest))


def test_a_batch_is_answered_when_all_of_it_is_done(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, png: bytes
) -> None:
    """OS-4, OS-41, OS-42, OS-44, OS-45, OS-46, OS-53, OS-54, OS-57; the published example."""
    client = someone(fetching_server)
    urls = [origin.picture(jpeg), origin.picture(png, name="drawing.png")]
    answer = post(
        client,
        [
            {"url": urls[0], "image_id": "my-id-1", "options": {"mode": "size", "format": "webp"}},
            {"url": urls[1], "image_id": "my-id-2"},
        ],
        options={"mode": "balanced", "format": "webp"},
    )
    data = data_of(answer)

    assert answer.headers["X-RateLimit-Remaining"] == "19"
    assert "Preference-Applied" not in answer.headers
    assert list(data) == ["status", "items", "usage"]
    assert data["status"] == "completed"
    assert data["usage"] == {
        "compressions_used": 2, "compressions_limit": 500, "remaining": 498,
    }  # fmt: skip
    for item, url, upload, id_ in zip(
        data["items"], urls, (jpeg, png), ("my-id-1", "my-id-2"), strict=True
    ):
        file = requests.get(item["download_url"], timeout=PATIENCE).content
        size = len(file)

        assert sorted(item) == sorted(FIELDS)
        assert (item["status"], item["compressed"], item["format"]) == ("completed", True, "webp")
        assert (item["url"], item["image_id"]) == (url, id_)
        assert (item["name"], item["hash"]) == (None, None)
        assert (item["original_size"], item["compressed_size"]) == (len(upload), size)
        assert item["savings_bytes"] == len(upload) - size
        assert item["savings_percent"] == round(100 * (1 - size / len(upload)))
        assert (item["width"], item["height"]) == decoded(upload).size
        assert item["download_url"].startswith(f"{client.base_url}/api/v1/download/{item['id']}/")
        assert item["compressions"] == [
            {"id": item["id"], "format": "webp", "link": item["download_url"], "size": size}
        ]
        assert decoded(file).format == "WEBP"
        time.strptime(item["created_at"], "%Y-%m-%dT%H:%M:%SZ")


def test_what_an_item_says_goes_before_what_all_say(
    fetching_client: Client, origin: Origin
) -> None:
    """OS-42, OS-47: also where both say it in other words."""
    upload = encode(photo(160, 120), "PNG")

    def sizes(*of_items: Data, **of_all: object) -> list[tuple[str, int]]:
        url = origin.picture(upload)
        data = batch(
            fetching_client, *({"url": url, "options": own} for own in of_items), options=of_all
        )
        return [(item["format"], item["compressed_size"]) for item in data["items"]]

    by_mode, by_quality, by_type, by_target, narrow, alone = sizes(
        {}, {"quality": 20}, {"type": "size"}, {"target": 40}, {"width": 20}, {"quality": ""},
        format="webp", mode="quality", strip_metadata=True,
    )  # fmt: skip
    own_mode, other, plain = sizes({"mode": "quality"}, {"format": "jpeg"}, {}, quality=20)
    listed, single = sizes({"formats": ["jpeg"]}, {"format": "png"}, formats=["webp", "avif"])

    assert by_mode == alone
    assert by_type[1] < by_mode[1]
    assert by_target[1] < by_mode[1]
    assert by_quality[1] < by_mode[1]
    assert narrow[1] < by_mode[1]
    assert own_mode[1] > plain[1]
    assert (other[0], plain[0]) == ("jpeg", "png")
    assert (listed[0], single[0]) == ("jpeg", "png")


@pytest.mark.parametrize("formats", [["webp", "avif"], "webp,avif", " WEBP, avif,"])
def test_several_formats_are_several_compressions(
    fetching_server: RunningServer, origin: Origin, png: bytes, formats: object
) -> None:
    """OS-46, OS-47: and `formats` has them as with a single image (OS-34)."""
    client = someone(fetching_server)
    data = batch(client, {"url": origin.picture(png)}, options={"formats": formats})
    [item] = data["items"]
    webp, avif = item["compressions"]

    assert (webp["format"], avif["format"]) == ("webp", "avif")
    assert (webp["id"], webp["link"]) == (item["id"], item["download_url"])
    assert webp["id"] != avif["id"]
    assert list(item["formats"]) == ["webp", "avif"]
    assert item["formats"]["avif"]["download_url"] == avif["link"]
    for made in (webp, avif):
        file = requests.get(made["link"], timeout=PATIENCE).content

        assert len(file) == made["size"]
        assert decoded(file).format == made["format"].upper()
    assert data["usage"]["compressions_used"] == 2


def test_a_format_that_cannot_be_made_does_not_spoil_the_others(
    fetching_client: Client, origin: Origin
) -> None:
    """OS-46, OS-51: WebP has at most 16,383 pixels a side."""
    wide = encode(Image.new("RGB", (16_400, 2), "red"), "PNG")
    [item] = batch(
        fetching_client, {"url": origin.picture(wide)}, options={"formats": ["png", "webp"]}
    )["items"]

    assert item["status"] == "completed"
    assert [made["format"] for made in item["compressions"]] == ["png"]
    assert item["formats"]["webp"]["error"]["code"] == "validation_failed"
    assert "16383 pixels" in item["formats"]["webp"]["error"]["message"]


def test_labels_come_back_as_they_were_sent_and_in_order(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """OS-43, OS-52: an id keeps its type; two may be the same."""
    labels: list[Data] = [
        {"image_id": 17, "hash": "d41d8cd9", "name": "größe.jpg"},
        {"image_id": "17", "hash": None},
        {"image_id": 17, "name": "a\0b"},
        {"image_id": 1.5, "hash": 5, "name": 7},
        {},
    ]
    url = origin.picture(jpeg)
    data = batch(fetching_client, *({"url": url} | label for label in labels))

    for item, label in zip(data["items"], labels, strict=True):
        for name in ("image_id", "hash", "name"):
            assert item[name] == label.get(name)
            assert isinstance(item[name], type(label.get(name)))


def test_a_file_is_called_by_its_name(fetching_client: Client, origin: Origin, png: bytes) -> None:
    """OS-43: without one, as its server calls it."""
    items = batch(
        fetching_client,
        {"url": origin.picture(png, name="cat.png"), "name": "folder/dog.jpeg"},
        {"url": origin.picture(png, name="cat.png")},
        options={"format": "webp"},
    )["items"]

    for item, name in zip(items, ("dog.webp", "cat.webp"), strict=True):
        answer = requests.get(item["download_url"], timeout=PATIENCE)

        assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'


def test_what_cannot_be_made_smaller_is_compressed_all_the_same(
    fetching_client: Client, origin: Origin
) -> None:
    """OS-46: clients take "not compressed" for "not yet", and would ask for ever."""
    poor = encode(photo(), "JPEG", quality=20)

    def once_more(upload: bytes) -> Data:
        [item] = batch(
            fetching_client, {"url": origin.picture(upload)}, options={"mode": "quality"}
        )["items"]
        assert isinstance(item, dict)
        return item

    small = requests.get(once_more(poor)["download_url"], timeout=PATIENCE).content
    item = once_more(small)

    assert item["compressed"] is True
    assert (item["savings_percent"], item["compressed_size"]) == (0, len(small))


def test_an_item_that_fails_does_not_spoil_the_others(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes
) -> None:
    """OS-51, OS-54: it is told of in its place, and costs nothing."""
    client = someone(fetching_server)
    url = origin.picture(jpeg)
    wrong: list[tuple[object, str, str]] = [
        ({"url": origin.failing()}, "url_fetch_failed", "The URL could not be fetched."),
        (
            {"url": origin.page()},
            "invalid_file_type",
            "Unsupported file type. Please upload JPEG, PNG, or WebP.",
        ),
        (
            {"url": origin.picture(jpeg[: len(jpeg) // 2])},
            "validation_failed",
            "The image could not be processed.",
        ),
        ({"url": origin.large(25 * 2**20 + 1)}, "file_too_large", "File too large."),
        ({}, "validation_failed", "The url field is required."),
        (None, "validation_failed", "The url field is required."),
        ([url], "validation_failed", '"url" must be a single value.'),
        (
            {"url": "photo.jpg", "image_id": 8},
            "validation_failed",
            "The URL is not a plain http or https URL.",
        ),
        (
            {"url": "http://127.0.0.1/\ud800.jpg", "image_id": 9},
            "validation_failed",
            "The URL is not a plain http or https URL.",
        ),
        (
            {"url": url, "options": {"quality": 101}},
            "validation_failed",
            "The quality is not a whole number from 1 to 100.",
        ),
        ({"url": url, "options": "webp"}, "validation_failed", '"options" must be an object.'),
        (
            {"url": url, "image_id": ["a"]},
            "validation_failed",
            '"image_id" must be a text or a number.',
        ),
    ]
    data = batch(client, {"url": url}, *(item for item, _, _ in wrong), {"url": url})
    first, *failed, last = data["items"]

    assert data["status"] == "completed"
    assert (first["status"], last["status"]) == ("completed", "completed")
    assert data["usage"]["compressions_used"] == used(client) == 2
    for told, (_, code, message) in zip(failed, wrong, strict=True):
        assert told["error"] == {"code": code, "message": message}
        assert (told["status"], told["compressed"]) == ("failed", False)
        assert (told["download_url"], told["compressions"]) == (None, [])
    assert [told["image_id"] for told in failed[7:9]] == [8, 9]
    assert [told["url"] for told in failed[7:9]] == ["photo.jpg", None]
    assert [told["id"] is None for told in failed] == [False] * 4 + [True] * 8


def test_the_status_says_why_an_item_failed(fetching_client: Client, origin: Origin) -> None:
    """OS-55, OS-56."""
    [item] = batch(fetching_client, {"url": origin.page(), "image_id": 4})["items"]
    told = status(fetching_client, item["id"])

    assert told == item
    assert told["status"] == "failed"
    assert told["error"]["code"] == "invalid_file_type"


NONE = "The items field is required: a list of images."


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, NONE),
        ({"items": []}, NONE),
        ({"items": None}, NONE),
        ({"items": "http://127.0.0.1/a.jpg"}, NONE),
        ({"items": {"url": "http://127.0.0.1/a.jpg"}}, NONE),
        ({"items": [{}] * 101}, "A batch has a maximum of 100 items."),
        ({"items": [{}, {"url": "x"}]}, "The url field is required."),
        (
            {"items": [{"url": "http://127.0.0.1/a.jpg"}], "options": {"format": "gif"}},
            '"format" must be one of jpeg, png, webp, avif, or auto.',
        ),
        (
            {"items": [{"url": "http://127.0.0.1/a.jpg"}], "options": "webp"},
            '"options" must be an object.',
        ),
    ],
    ids=str,
)
def test_a_batch_of_which_nothing_can_be_done_is_refused(
    fetching_client: Client, body: Data, message: str
) -> None:
    """OS-33, OS-49, OS-50."""
    check(fetching_client.request("POST", PATH, json=body), 400, "validation_failed", message)


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("application/json", b"[1]", "The body must be a JSON object."),
        ("application/json", b"{", "The body is not JSON."),
        ("multipart/form-data; boundary=x", b"", "Send application/json with a list of items."),
        ("text/plain", b"{}", "Send application/json with a list of items."),
        ("application/json", b'"' + bytes(2**21), "The body has more than 2097152 bytes."),
    ],
)
def test_a_batch_is_json(
    fetching_client: Client, content_type: str, body: bytes, message: str
) -> None:
    """OS-33, OS-41."""
    answer = fetching_client.request(
        "POST", PATH, data=body, headers={"Content-Type": content_type}
    )

    check(answer, 400, "validation_failed", message)


def test_a_hundred_images_with_long_urls_are_taken(fetching_client: Client, origin: Origin) -> None:
    """OS-41, OS-49, OS-52: and each comes out in its place."""
    url = f"{origin.picture(encode(Image.new('RGB', (8, 8), 'teal'), 'PNG'))}?".ljust(2048, "x")
    data = batch(fetching_client, *({"url": url, "image_id": number} for number in range(100)))

    assert [item["image_id"] for item in data["items"]] == list(range(100))
    assert {item["status"] for item in data["items"]} == {"completed"}


@pytest.mark.parametrize("name", ["items", "images", "urls"])
def test_images_may_be_said_by_their_urls_alone(
    fetching_client: Client, origin: Origin, jpeg: bytes, name: str
) -> None:
    """OS-48: also a batch of one."""
    url = origin.picture(jpeg)
    answer = fetching_client.request("POST", PATH, json={name: [url], "options": []})
    [item] = data_of(answer)["items"]

    assert (item["url"], item["status"]) == (url, "completed")


def test_what_is_left_of_the_month_goes_to_the_first_images(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes
) -> None:
    """OS-51, OS-54, OS-89: when nothing is left, the call is refused."""
    client = someone(fetching_server)
    fetching_server.spend(client.key, 498)
    item = {"url": origin.picture(jpeg)}
    data = batch(client, item, item | {"options": {"formats": "webp,avif"}}, item, item)
    refused = post(client, [item])

    assert [item["status"] for item in data["items"]] == [
        "completed", "failed", "completed", "failed",
    ]  # fmt: skip
    assert data["items"][3]["error"] == {
        "code": "usage_limit_exceeded",
        "message": "Monthly usage limit reached",
    }
    assert data["usage"] == {"compressions_used": 500, "compressions_limit": 500, "remaining": 0}
    check(refused, 429, "usage_limit_exceeded", "Monthly usage limit reached")
    assert int(refused.headers["Retry-After"]) > 0


def test_nothing_is_accepted_of_a_batch_that_does_not_fit_the_month(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes
) -> None:
    """OS-89: something is left, but not for this."""
    client = someone(fetching_server)
    fetching_server.spend(client.key, 499)
    item = {"url": origin.picture(jpeg)}
    refused = post(client, [item, item], options={"formats": "webp,avif"})

    check(refused, 429, "usage_limit_exceeded", "Monthly usage limit reached")
    assert used(client) == 499
    assert batch(client, item)["usage"]["remaining"] == 0


def test_what_is_not_done_in_time_can_be_asked_for(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, gate: threading.Event
) -> None:
    """OS-46, OS-53, OS-55, OS-56: by the id that it keeps."""
    client = someone(fetching_server)
    url = slow(origin, jpeg, gate)
    answer = post(client, [{"url": url, "image_id": 3}], prefer="wait=0")
    data = data_of(answer)
    [item] = data["items"]
    asked = status(client, item["id"])
    missing = client.request("GET", f"/api/v1/download/{item['id']}")
    gate.set()
    until(lambda: status(client, item["id"])["status"] not in {"queued", "processing"})
    done = status(client, item["id"])
    file = client.request("GET", f"/api/v1/download/{item['id']}")

    assert answer.headers["Preference-Applied"] == "wait=0"
    assert data["status"] == "processing"
    assert data["usage"]["compressions_used"] == 0
    for told in (item, asked):
        assert sorted(told) == sorted(FIELDS)
        assert told["status"] in {"queued", "processing"}
        assert (told["compressed"], told["download_url"], told["compressions"]) == (False, None, [])
    assert (missing.status_code, missing.json()["message"]) == (404, "File not found")
    assert sorted(done) == sorted(FIELDS)
    assert (done["status"], done["compressed"], done["image_id"]) == ("completed", True, 3)
    assert (done["id"], done["url"]) == (item["id"], url)
    assert file.content == requests.get(done["download_url"], timeout=PATIENCE).content
    assert len(file.content) == done["compressed_size"]
    assert done["compressions"][0]["link"] == done["download_url"]


@pytest.mark.parametrize(
    ("prefer", "applied"),
    [
        ("wait=30", "wait=30"),
        ('respond-async, Wait = "120" ; why="a test"', "wait=120"),
        ("wait=121", None),
        ("wait=-1", None),
        ("wait=soon", None),
        ("return=minimal", None),
    ],
)
def test_a_caller_may_say_how_long_to_wait(
    fetching_client: Client, origin: Origin, jpeg: bytes, prefer: str, applied: str | None
) -> None:
    """OS-53: RFC 7240; what cannot be is no error."""
    answer = post(fetching_client, [origin.picture(jpeg)], prefer=prefer)

    assert data_of(answer)["status"] == "completed"
    assert answer.headers.get("Preference-Applied") == applied


def test_a_caller_who_hangs_up_finds_it_done(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, gate: threading.Event
) -> None:
    """OS-29, OS-53: what was accepted is done, and charged for."""
    client = someone(fetching_server)
    url = slow(origin, jpeg, gate)
    with pytest.raises(requests.Timeout):
        requests.post(
            f"{client.base_url}{PATH}",
            json={"items": [url]},
            headers={"Authorization": f"Bearer {client.key}"},
            timeout=(PATIENCE, 1),
        )
    gate.set()
    until(lambda: used(client) == 1)

    assert len(origin.requests(url)) == 1


def test_a_server_that_stops_does_not_make_callers_wait(
    own_server: OwnServer, origin: Origin, jpeg: bytes, gate: threading.Event, tmp_path: Path
) -> None:
    """OS-53, OS-56: what it accepted is done by the next one."""
    server = own_server(folder=tmp_path / "files", PIXMILL_SHUTDOWN_TIMEOUT="1", **ALLOWED)
    client = someone(server)
    url = slow(origin, jpeg, gate)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(batch, client, {"url": url, "image_id": 5})
        until(lambda: bool(origin.requests(url)))
        exit_code = server.stop()
        [item] = answer.result()["items"]
    gate.set()
    again = own_server(folder=tmp_path / "files", **ALLOWED)
    later = Client(base_url=again.base_url, key=client.key)
    until(lambda: status(later, item["id"])["compressed"])

    assert exit_code == 0
    assert (item["status"], item["compressed"]) == ("processing", False)
    assert status(later, item["id"])["image_id"] == 5
    assert used(later) == 1


@pytest.fixture
def own_postgresql() -> Iterator[PostgreSQL]:
    """Give a server for a test to stop."""
    folder = Path(tempfile.mkdtemp(prefix="pixmill-pg-", dir="/tmp"))
    server = PostgreSQL(folder)
    server.start()
    yield server
    shutil.rmtree(folder)


def test_what_was_accepted_is_not_refused_when_the_books_are_out_of_reach(
    own_server: OwnServer, own_postgresql: PostgreSQL, origin: Origin, gate: threading.Event
) -> None:
    """OS-29, OS-30: clients would send it again, and pay for it twice."""
    server = own_server(PIXMILL_DATABASE_URL=own_postgresql.url("postgres"), **ALLOWED)
    client = someone(server)
    url = slow(origin, b"", gate)
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(batch, client, {"url": url, "image_id": 5})
        until(lambda: bool(origin.requests(url)))
        own_postgresql.stop()
        data = answer.result()
    [item] = data["items"]

    assert (data["status"], data["usage"]) == ("processing", None)
    assert (item["status"], item["image_id"], item["url"]) == ("queued", 5, url)
    assert item["id"]


def test_the_images_of_a_batch_are_their_owners(
    fetching_server: RunningServer, fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """OS-58: for others there is nothing."""
    [item] = batch(fetching_client, origin.picture(jpeg))["items"]
    answer = someone(fetching_server).request("GET", f"/api/v1/status/{item['id']}")

    check(answer, 404, "not_found", "There is nothing here by that name.")


def test_results_end_and_their_numbers_stay(
    own_server: OwnServer, origin: Origin, jpeg: bytes
) -> None:
    """OS-52, OS-55, OS-67."""
    client = someone(own_server(PIXMILL_RESULT_TTL="1", **ALLOWED))
    [made] = batch(
        client,
        {"url": origin.picture(jpeg), "image_id": 1},
        options={"formats": "webp,jpeg"},
    )["items"]
    until(lambda: not status(client, made["id"])["compressions"])
    told = status(client, made["id"])

    assert (told["status"], told["image_id"]) == ("expired", 1)
    assert told["download_url"] is None
    assert told["compressed_size"] == made["compressed_size"]
    assert told["formats"]["jpeg"]["compressed_size"] == made["formats"]["jpeg"]["compressed_size"]
    assert told["formats"]["jpeg"]["download_url"] is None


NOW = datetime(2026, 6, 1, tzinfo=UTC)


def report(state: State, **more: Any) -> Report:
    job = Job(
        id="j", chunk_id="c", batch_id="b", account_id="a", number=0, label="{}", filename=None,
        source_key=None, source_url="http://x/", source_size=None, wanted="[{}]", committed=False,
        held=0, state=state, created_at=NOW, expires_at=NOW,
    )  # fmt: skip
    return Report(job=job, **{"label": {}, "results": (), "failure": None} | more)


@pytest.mark.parametrize(
    ("told", "status", "error"),
    [
        (report("cancelled"), "failed", ("conflict", "The job was canceled.")),
        (
            report("expired", failure=Failure(code="too_costly", message="Too late.")),
            "failed",
            ("validation_failed", "Too late."),
        ),
        (
            report("failed", failure=Failure(code="of_another_version", message="Oh.")),
            "failed",
            ("processing_failed", "Oh."),
        ),
        (
            report("completed", results=(Told(stored=None, cached=False, failure=None),)),
            "expired",
            None,
        ),
    ],
)
def test_whatever_became_of_an_image_has_a_word(
    told: Report, status: str, error: tuple[str, str] | None
) -> None:
    """OS-55: also what only other APIs, a sweep or another version can do to it."""
    item = items.item(Links(base_url="http://x", sign=str), told)

    assert item["status"] == status
    assert (item["download_url"], item["compressions"]) == (None, [])
    assert item.get("error") == (error and {"code": error[0], "message": error[1]})


def run(
    name: str, server: RunningServer, folder: Path, key: str, *urls: str
) -> subprocess.CompletedProcess[str]:
    """Run a client against *server*."""
    names = ("https://example.com/image1.jpg", "https://example.com/image2.png")
    replaced = {"https://api.octosqueeze.com": server.base_url, "YOUR_API_KEY": key}
    return call(
        SNIPPETS / name, folder=folder, replaced=replaced | dict(zip(names, urls, strict=False))
    )


CLIENTS = clients("batch.py", "batch.mjs", "batch.php")


@CLIENTS
def test_clients_get_their_images(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """OS-1, OS-2, OS-41, OS-42, OS-45, OS-46, OS-47, OS-48, OS-60."""
    key, url = fetching_server.key("octosqueeze-free"), origin.picture(jpeg)
    done = run(name, fetching_server, tmp_path, key, url, url)
    files = [tmp_path / file for file in ("my-id-1.webp", "2.webp", "2.avif")]

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{file.stem} {file.suffix[1:]} {file.stat().st_size}" for file in files
    ]
    for file in files:
        assert decoded(file.read_bytes()).format == file.suffix[1:].upper()


@CLIENTS
def test_clients_hear_what_went_wrong(
    fetching_server: RunningServer, tmp_path: Path, name: str
) -> None:
    """OS-5, OS-6, OS-11."""
    done = run(name, fetching_server, tmp_path, "os_nobody_has_this_key")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "401 unauthenticated: Invalid or missing API key\n"
