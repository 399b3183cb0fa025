"""The errors of OctoSqueeze, its limits, and the headers that every answer has."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from pixmill import clock, errors
from pixmill.dialects.octosqueeze import DIALECT
from pixmill.http.record import Record
from pixmill.services.plans import Plans

from fixtures.origins import Origin
from fixtures.pictures import encode, photo
from fixtures.servers import Client, RunningServer, opened, run

PATH = "/api/v1/compress"
MIB = 1024 * 1024
UNSUPPORTED = "Unsupported file type. Please upload JPEG, PNG, or WebP."


def check(answer: requests.Response, status: int, code: str, message: str) -> None:
    """Check that an error has every shape that one of the official clients reads (OS-5 to OS-9)."""
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {
        "success": False,
        "error": {"code": code, "message": message},
        "code": code,
        "message": message,
        "state": "error",
    }
    check_allowance(answer)


def check_allowance(answer: requests.Response) -> None:
    """Check the headers that tell what is left of the minute (OS-85)."""
    limit, remaining, reset = (
        int(answer.headers[f"X-RateLimit-{name}"]) for name in ("Limit", "Remaining", "Reset")
    )
    assert 0 <= remaining <= limit
    assert 0 <= reset <= 60


def someone(server: RunningServer, plan: str) -> Client:
    return Client(base_url=server.base_url, key=server.key(plan))


@contextmanager
def changed(server: RunningServer, plan: str, changes: Mapping[str, object]) -> Iterator[None]:
    """Let *plan* have other numbers for a while."""

    async def change(plans: Plans) -> None:
        await plans.change(name=plan, changes=changes)

    async def reset(plans: Plans) -> None:
        await plans.reset(name=plan)

    async def do(work: Any) -> None:
        async with opened(server.database_url) as database:
            await work(Plans(database=database))

    run(do(change))
    try:
        yield
    finally:
        run(do(reset))


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer os_nobody_has_this_key"},
        {"Authorization": "Bearer YOUR_API_KEY"},
    ],
)
def test_nobody_is_served_without_a_key(
    client: Client, headers: dict[str, str], jpeg: bytes
) -> None:
    """OS-2, OS-9, OS-11, OS-85, OS-87, OS-92: the limit shown is that of the address."""
    answer = client.request("POST", PATH, headers=headers, files={"file": jpeg})

    check(answer, 401, "unauthenticated", "Invalid or missing API key")
    assert answer.headers["X-RateLimit-Limit"] == "20"
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="octosqueeze"'


FORMATS = "must be one of jpeg, png, webp, avif, or auto."
MODES = '"mode" must be one of size, balanced, quality, max, lossless.'
QUALITY = "The quality is not a whole number from 1 to 100."


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"format": "gif"}, f'"format" {FORMATS}'),
        ({"formats": "webp,heic"}, f'"formats" {FORMATS}'),
        ({"mode": "best"}, MODES),
        ({"type": "best"}, MODES),
        ({"mode": "best", "quality": 5}, MODES),
        ({"quality": 0}, QUALITY),
        ({"quality": "high"}, QUALITY),
        ({"width": 0}, '"width" must be a whole number of at least 1.'),
        ({"height": "10px"}, '"height" must be a whole number of at least 1.'),
        ({"strip_metadata": "maybe"}, '"strip_metadata" must be true or false.'),
        ({"smart": "maybe"}, '"smart" must be true or false.'),
        ({"target": 99}, '"target" must be a number from 30 to 95.'),
        ({"accept": "heic"}, '"accept" must be a list of jpeg, png, webp, avif, gif.'),
        ({"max_bytes": 20}, str(errors.DoesNotFit())),
    ],
    ids=str,
)
def test_a_value_that_cannot_be_is_refused(
    client: Client, jpeg: bytes, fields: dict[str, object], message: str
) -> None:
    """OS-32, OS-33, OS-87."""
    check(client.post(PATH, jpeg, **fields), 400, "validation_failed", message)


@pytest.mark.parametrize(
    "body",
    [
        {"image_id": [1]},
        {"hash": {"a": 1}},
        {"name": "\ud800"},
        {"format": ["webp"]},
        {"formats": {"webp": 1}},
        {"formats": [["webp"]]},
        {"url": 17},
        {"url": ["http://example.com/a.jpg"]},
    ],
    ids=str,
)
def test_json_of_another_shape_is_refused(client: Client, body: dict[str, object]) -> None:
    """OS-33, OS-39."""
    answer = client.request("POST", PATH, json={"url": "http://127.0.0.1/a.jpg"} | body)

    assert (answer.status_code, answer.json()["code"]) == (400, "validation_failed")


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_a_label_that_is_no_number_is_refused(client: Client, number: str) -> None:
    """OS-39: Python's parser takes it, but it could not be sent back."""
    answer = client.request(
        "POST",
        PATH,
        headers={"Content-Type": "application/json"},
        data=f'{{"url": "http://127.0.0.1/a.jpg", "image_id": {number}}}',
    )

    check(answer, 400, "validation_failed", '"image_id" must be a text or a number.')


NO_IMAGE = "The file field is required when url is not present."
WRONG_TYPE = "Send multipart/form-data, or application/json with a url."
FORM = "multipart/form-data; boundary=x"
CUT_OFF = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nhalf a pic'


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("application/json", b"{", "The body is not JSON."),
        ("application/json", b"[]", "The body must be a JSON object."),
        ("application/json", b"{}", NO_IMAGE),
        ("application/x-www-form-urlencoded", b"mode=size", NO_IMAGE),
        ("image/jpeg", b"\xff\xd8\xff", WRONG_TYPE),
        ("", b"", WRONG_TYPE),
        (FORM, b"this is no form", "The multipart body cannot be read."),
        (FORM, CUT_OFF, "The body ended early, or came too slowly."),
    ],
)
def test_a_body_without_an_image_is_refused(
    client: Client, content_type: str, body: bytes, message: str
) -> None:
    """OS-13, OS-14, OS-31, OS-33."""
    answer = client.request("POST", PATH, headers={"Content-Type": content_type}, data=body)

    check(answer, 400, "validation_failed", message)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"This is a text, whatever its name says.",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        b"<!doctype html><title>No picture</title>",
        b"%PDF-1.7\n",
    ],
)
def test_what_is_no_image_is_refused(client: Client, file: bytes) -> None:
    """OS-33, OS-35, OS-88."""
    check(client.post(PATH, file), 400, "invalid_file_type", UNSUPPORTED)


def test_a_broken_image_is_refused(server: RunningServer) -> None:
    """OS-33: and nothing is charged for it."""
    client = someone(server, "octosqueeze-free")
    upload = encode(photo(), "PNG")
    answer = client.post(PATH, upload[: len(upload) // 2])
    usage = client.request("GET", "/api/v1/usage").json()["data"]

    check(answer, 400, "validation_failed", "The image could not be processed.")
    assert usage["compressions_used"] == 0


def test_a_file_that_the_plan_does_not_allow_is_refused(
    server: RunningServer, origin: Origin, fetching_server: RunningServer
) -> None:
    """OS-79, OS-87, OS-91, OS-93: by file and by URL."""
    large = bytes(25 * MIB + 1)
    sent = someone(server, "octosqueeze-free").post(PATH, large)
    fits = someone(server, "octosqueeze-free").post(PATH, large[:-1])
    fetched = someone(fetching_server, "octosqueeze-free").request(
        "POST", PATH, json={"url": origin.large(25 * MIB + 1)}
    )

    for answer in (sent, fetched):
        check(answer, 413, "file_too_large", "File too large. The maximum is 25 MB.")
    assert fits.json()["code"] == "invalid_file_type"


def test_a_url_that_is_none_is_refused(client: Client) -> None:
    """OS-33."""
    for url in ("file:///etc/passwd", "photo.jpg", "http://a b/c.jpg"):
        answer = client.request("POST", PATH, json={"url": url})

        check(answer, 400, "validation_failed", "The URL is not a plain http or https URL.")


def test_what_cannot_be_fetched_is_always_told_in_the_same_words(
    client: Client, fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """OS-91: refused, missing or closed, nobody hears which."""
    refused = client.request("POST", PATH, json={"url": origin.picture(jpeg)})
    missing = fetching_client.request("POST", PATH, json={"url": origin.failing(404)})
    closed = fetching_client.request("POST", PATH, json={"url": "http://127.0.0.1:1/a.jpg"})

    for answer in (refused, missing, closed):
        check(answer, 400, "url_fetch_failed", "The URL could not be fetched.")


def test_what_is_fetched_must_be_an_image(fetching_client: Client, origin: Origin) -> None:
    """OS-88."""
    answer = fetching_client.request("POST", PATH, json={"url": origin.page()})

    check(answer, 400, "invalid_file_type", UNSUPPORTED)


def test_a_minute_can_be_over(server: RunningServer) -> None:
    """OS-7, OS-79, OS-85, OS-86, OS-87, OS-89, OS-90: call 21 of a minute of the free plan."""
    client = someone(server, "octosqueeze-free")
    answers = [client.post(PATH, b"no image") for _ in range(20)]
    refused = client.post(PATH, b"no image")

    assert {answer.status_code for answer in answers} == {400}
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [
        str(left) for left in range(19, -1, -1)
    ]
    check(refused, 429, "rate_limited", "Too many requests")
    assert refused.headers["X-RateLimit-Limit"] == "20"
    assert refused.headers["X-RateLimit-Remaining"] == "0"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["Retry-After"] == refused.headers["X-RateLimit-Reset"]


def test_a_day_can_be_over(server: RunningServer) -> None:
    """OS-80, OS-86, OS-89: clients wait for a minute and do not for a day."""
    client = someone(server, "octosqueeze-starter")
    with changed(server, "octosqueeze-starter", {"daily_requests": 2}):
        for _ in range(2):
            assert client.post(PATH, b"no image").status_code == 400
        refused = client.post(PATH, b"no image")

    check(refused, 429, "daily_limit_exceeded", "Daily limit exceeded")
    assert refused.headers["X-RateLimit-Remaining"] == "58"
    assert 1 <= int(refused.headers["Retry-After"]) <= 86_400


def test_a_month_can_be_over(server: RunningServer, jpeg: bytes) -> None:
    """OS-7, OS-79, OS-86, OS-89."""
    client = someone(server, "octosqueeze-free")
    server.spend(client.key, 499)
    last = client.post(PATH, jpeg)
    refused = client.post(PATH, jpeg)
    now = datetime.now(UTC)
    seconds = (clock.next_period(now) - now).total_seconds()

    assert last.status_code == 200
    check(refused, 429, "usage_limit_exceeded", "Monthly usage limit reached")
    assert abs(int(refused.headers["Retry-After"]) - seconds) < 60


def test_a_plan_without_api_is_told(server: RunningServer) -> None:
    answer = someone(server, "smolpix-free").post(PATH, b"no image")

    check(
        answer,
        403,
        "forbidden",
        "The plan of this account does not include the API; choose one that does.",
    )


def test_every_answer_tells_what_is_left(server: RunningServer, jpeg: bytes) -> None:
    """OS-85, OS-92."""
    client = someone(server, "octosqueeze-pro")
    made = client.post(PATH, jpeg)
    data = made.json()["data"]
    answers = {
        200: made,
        404: client.request("GET", "/api/v1/compress-nothing"),
        405: client.request("DELETE", PATH),
        401: requests.get(f"{server.base_url}/api/v1/usage", timeout=10),
        206: requests.get(data["download_url"], headers={"Range": "bytes=0-9"}, timeout=10),
        416: requests.get(data["download_url"], headers={"Range": "bytes=99999999-"}, timeout=10),
    }
    for status, answer in answers.items():
        assert answer.status_code == status
        check_allowance(answer)
    assert (made.headers["X-RateLimit-Limit"], made.headers["X-RateLimit-Remaining"]) == (
        "120",
        "119",
    )


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", PATH, "OPTIONS, POST"),
        ("POST", "/api/v1/usage", "GET, HEAD, OPTIONS"),
        ("DELETE", "/api/v1/status/1", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v1/download/1/2", "GET, HEAD, OPTIONS"),
    ],
)
def test_another_method_is_refused(
    server: RunningServer, method: str, path: str, allowed: str
) -> None:
    answer = requests.request(method, f"{server.base_url}{path}", timeout=10)

    check(answer, 405, "method_not_allowed", "This path does not answer to that method.")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(
    ("headers", "path"),
    [
        ({}, "/api/v1/download/1/2/3"),
        ({"Authorization": "Bearer os_anything"}, "/api/v1/nothing"),
        ({"Host": "api.octosqueeze.com"}, "/nothing"),
    ],
)
def test_an_unknown_path_is_not_found(
    server: RunningServer, headers: dict[str, str], path: str
) -> None:
    """OS-91: known by its path, its key or its host."""
    answer = requests.get(f"{server.base_url}{path}", headers=headers, timeout=10)

    check(answer, 404, "not_found", "There is nothing here by that name.")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.Busy(retry_after=7), 503, "service_unavailable"),
        (errors.StorageFull(retry_after=7), 503, "service_unavailable"),
        (errors.Unavailable(retry_after=7), 503, "service_unavailable"),
        (errors.TooManyPixels(), 400, "validation_failed"),
        (errors.TooCostly(), 400, "validation_failed"),
        (errors.Internal(), 500, "processing_failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_what_is_rare_has_words_too(error: errors.Error, status: int, code: str) -> None:
    """OS-30, OS-87, OS-91."""
    response = DIALECT.refuse(error, Record(request_id="req_1", method="GET", path="/"))
    body = json.loads(bytes(response.body))

    assert (response.status_code, body["error"]["code"]) == (status, code)
    assert response.headers.get("Retry-After") == ("7" if status == 503 else None)


def test_there_is_what_the_page_has() -> None:
    """OS-1, OS-77, OS-78: and neither of the older APIs."""
    assert {(operation.method, operation.path) for operation in DIALECT.operations} >= {
        ("POST", "/api/v1/compress"),
        ("GET", "/api/v1/status/{id}"),
        ("GET", "/api/v1/download/{id}"),
        ("GET", "/api/v1/usage"),
        ("GET", "/api/v1/account"),
    }
    assert all(operation.path.startswith("/api/v1/") for operation in DIALECT.operations)
