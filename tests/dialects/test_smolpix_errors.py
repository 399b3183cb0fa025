"""The errors of Smolpix: what cannot be used, what cannot be fetched, and in which words."""

import base64
import json
import socket
from typing import Any

import pytest
import requests

from pixmill import errors
from pixmill.dialects.smolpix import DIALECT
from pixmill.http.record import Record

from fixtures.origins import ALLOWED, Answer, Origin
from fixtures.servers import Client, OwnServer, RunningServer

MIB = 1024 * 1024
PATH = "/api/v1/optimize"

NOT_FETCHED = "The URL could not be fetched."
NO_URL = "The URL is not a plain http or https URL."


def check(answer: requests.Response, status: int, code: str, message: str) -> None:
    """SM-36, SM-47."""
    assert answer.status_code == status, answer.text
    assert answer.json() == {"success": False, "error": message, "code": code}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def refusal(client: Client, **body: object) -> requests.Response:
    return client.request("POST", PATH, json=body)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer pk_live_xxxxxxxxxxxxxxxxxxxxx"},
        {"Authorization": "Bearer " + "x" * 5000},
        {"Authorization": "", "X-API-Key": "'; DROP TABLE keys"},
    ],
)
def test_nobody_is_served_without_a_key(client: Client, headers: dict[str, str]) -> None:
    """SM-2, SM-38: before anything else is looked at."""
    answer = client.request("POST", PATH, headers=headers, data=b"not even JSON")

    check(answer, 401, "UNAUTHORIZED", "Missing or invalid API key")
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="smolpix"'


def test_a_revoked_key_is_no_key(server: RunningServer) -> None:
    """SM-6, SM-38."""
    key = server.key("smolpix-pro")
    client = Client(base_url=server.base_url, key=key)
    before = refusal(client)
    server.revoke(key)

    check(before, 400, "BAD_REQUEST", '"url" is required.')
    check(refusal(client), 401, "UNAUTHORIZED", "Missing or invalid API key")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, '"url" is required.'),
        ({"url": None}, '"url" is required.'),
        ({"url": " "}, '"url" is required.'),
        ({"URL": "https://example.com/image.jpg"}, '"url" is required.'),
        ({"url": ["https://example.com/image.jpg"]}, '"url" must be a single value.'),
        ({"url": {}}, '"url" must be a single value.'),
        ({"url": 5}, NO_URL),
        ({"url": "image.jpg"}, NO_URL),
        ({"url": "//example.com/image.jpg"}, NO_URL),
        ({"url": "ftp://example.com/image.jpg"}, NO_URL),
        ({"url": "file:///etc/passwd"}, NO_URL),
        ({"url": "data:image/png;base64,AAAA"}, NO_URL),
        ({"url": "https://me:secret@example.com/image.jpg"}, NO_URL),
    ],
)
def test_a_url_is_required(client: Client, body: dict[str, object], message: str) -> None:
    """SM-11, SM-21, SM-37."""
    check(client.request("POST", PATH, json=body), 400, "BAD_REQUEST", message)


FORMATS = '"format" must be auto, webp or avif.'
QUALITIES = '"quality" must be a number from 1 to 100.'
WIDTHS = '"maxWidth" must be a number of at least 1.'


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format", "jpeg", FORMATS),  # SM-19
        ("format", "png", FORMATS),
        ("format", "gif", FORMATS),
        ("format", "original", FORMATS),
        ("format", True, FORMATS),
        ("format", ["webp"], '"format" must be a single value.'),
        ("quality", 0, QUALITIES),  # SM-20
        ("quality", 0.9, QUALITIES),
        ("quality", 101, QUALITIES),
        ("quality", 100.1, QUALITIES),
        ("quality", -5, QUALITIES),
        ("quality", 1e30, QUALITIES),
        ("quality", "high", QUALITIES),
        ("quality", True, QUALITIES),
        ("quality", float("nan"), QUALITIES),
        ("maxWidth", 0, WIDTHS),
        ("maxWidth", 0.9, WIDTHS),
        ("maxWidth", -1, WIDTHS),
        ("maxWidth", "wide", WIDTHS),
        ("maxWidth", False, WIDTHS),
        ("smart", "perhaps", '"smart" must be true or false.'),
        ("smart", 2, '"smart" must be true or false.'),
        ("target", 20, '"target" must be a number from 30 to 95.'),
        ("mode", "tiny", '"mode" must be one of size, balanced, quality, max, lossless.'),
        ("max_bytes", 0, '"max_bytes" must be a whole number of at least 1.'),
    ],
)
def test_a_value_that_cannot_be_is_refused(
    client: Client, origin: Origin, field: str, value: object, message: str
) -> None:
    """SM-12, SM-19, SM-20, SM-37: before anything is fetched."""
    url = origin.page()
    body = json.dumps({"url": url, field: value})  # Python writes NaN, and reads it
    headers = {"Content-Type": "application/json"}
    answer = client.request("POST", PATH, headers=headers, data=body)

    check(answer, 400, "BAD_REQUEST", message)
    assert not origin.requests(url)


JSON_ONLY = "The body must be JSON, with Content-Type: application/json."


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("application/x-www-form-urlencoded", b"url=https://example.com/a.jpg", JSON_ONLY),
        ("multipart/form-data; boundary=x", b"--x--\r\n", JSON_ONLY),
        ("text/plain", b"{}", JSON_ONLY),
        ("", b"{}", JSON_ONLY),
        ("application/json", b"url", "The body is not JSON."),
        ("application/json", b'{"url": "\xff"}', "The body is not JSON."),
        ("application/json", b"[" * 100_000, "The body has more than 65536 bytes."),
        ("application/json", b"[" * 60_000, "The body is not JSON."),
        ("application/json", b'["url"]', "The body must be a JSON object."),
        ("application/json", b"null", "The body must be a JSON object."),
    ],
)
def test_a_body_that_is_not_json_is_refused(
    client: Client, content_type: str, body: bytes, message: str
) -> None:
    """SM-10, SM-24."""
    answer = client.request("POST", PATH, headers={"Content-Type": content_type}, data=body)

    check(answer, 400, "BAD_REQUEST", message)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_another_method_is_refused(server: RunningServer, method: str) -> None:
    """SM-24, SM-45."""
    client = Client(base_url=server.base_url, key=server.key("smolpix-pro"))
    answer = client.request(method, PATH)

    message = "This path does not answer to that method."
    check(answer, 405, "METHOD_NOT_ALLOWED", message)
    assert answer.headers["Allow"] == "OPTIONS, POST"


@pytest.mark.parametrize("path", ["/api/v1/usage/of/nobody", "/api/v1/optimize/", "/v2/optimize"])
def test_there_is_nothing_else(server: RunningServer, path: str) -> None:
    """SM-1, SM-45."""
    client = Client(base_url=server.base_url, key=server.key("smolpix-pro"))

    check(client.request("POST", path), 404, "NOT_FOUND", "There is nothing here by that name.")


def test_the_published_host_is_known(client: Client) -> None:
    """SM-1, SM-45: behind the published name, also somebody without a key hears these words."""
    headers = {"Host": "smolpix.co", "Authorization": ""}
    answer = client.request("GET", "/nothing", headers=headers)

    check(answer, 404, "NOT_FOUND", "There is nothing here by that name.")


@pytest.mark.parametrize("status", [204, 206, 304, 401, 404, 410, 500, 503])
def test_what_is_not_there_cannot_be_fetched(
    fetching_client: Client, origin: Origin, status: int
) -> None:
    """SM-22."""
    answer = refusal(fetching_client, url=origin.failing(status))

    check(answer, 400, "BAD_REQUEST", NOT_FETCHED)


def test_a_server_that_is_away_cannot_be_asked(fetching_client: Client) -> None:
    """SM-22."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        answer = refusal(fetching_client, url=f"http://127.0.0.1:{taken.getsockname()[1]}/a.jpg")

    check(answer, 400, "BAD_REQUEST", NOT_FETCHED)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/a.jpg",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1]/a.jpg",
        "http://localhost/a.jpg",
    ],
)
def test_what_is_inside_cannot_be_fetched(client: Client, url: str) -> None:
    """SM-21: and that sounds like a server that is away."""
    check(refusal(client, url=url), 400, "BAD_REQUEST", NOT_FETCHED)


def test_a_redirect_does_not_lead_inside(fetching_client: Client, origin: Origin) -> None:
    """SM-21, SM-23: every hop is checked."""
    answer = refusal(fetching_client, url=origin.redirect("http://10.0.0.1/a.jpg"))

    check(answer, 400, "BAD_REQUEST", NOT_FETCHED)


def test_this_machine_is_inside_unless_it_is_allowed(
    client: Client, origin: Origin, jpeg: bytes
) -> None:
    """SM-21."""
    url = origin.picture(jpeg)

    check(refusal(client, url=url), 400, "BAD_REQUEST", NOT_FETCHED)
    assert not origin.requests(url)


def test_three_redirects_are_followed_and_four_are_not(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """SM-23."""
    url = origin.picture(jpeg)

    def ask(times: int) -> requests.Response:
        return refusal(fetching_client, url=origin.redirect(url, times=times), smart=False)

    assert ask(3).json()["success"]
    check(ask(4), 400, "BAD_REQUEST", NOT_FETCHED)


def test_a_server_that_stops_in_the_middle_is_not_waited_for(
    own_server: OwnServer, origin: Origin
) -> None:
    """SM-22, SM-23: 15 seconds, here 1."""
    running = own_server(**ALLOWED, PIXMILL_FETCH_TIMEOUT="1")
    client = Client(base_url=running.base_url, key=running.key())

    check(refusal(client, url=origin.stalled()), 400, "BAD_REQUEST", NOT_FETCHED)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The file is not an image of a supported format."),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
        (b"GIF89a", None),
        (b"\xff\xd8\xff\xe0 and no more", None),
    ],
)
def test_what_is_no_image_is_refused(
    fetching_client: Client, origin: Origin, body: bytes, message: str | None
) -> None:
    """SM-22: whatever it calls itself."""
    answer = refusal(fetching_client, url=origin.picture(body))
    said = answer.json()

    check(answer, 400, "BAD_REQUEST", message or said["error"])
    assert said["error"].startswith(("The file is not an image", "The image could not be"))


def test_25_mib_pass_and_one_byte_more_does_not(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """SM-23: on a plan that would allow more, too."""
    fits = refusal(fetching_client, url=origin.large(25 * MIB, jpeg), smart=False)
    exceeds = refusal(fetching_client, url=origin.large(25 * MIB + 1, jpeg))
    endless = refusal(fetching_client, url=origin.endless())

    assert fits.json()["originalSize"] == 25 * MIB
    check(exceeds, 400, "BAD_REQUEST", "The image has more than 25 MB.")
    check(endless, 400, "BAD_REQUEST", "The image has more than 25 MB.")


def test_the_limit_of_the_plan_counts_when_it_is_smaller(
    fetching_server: RunningServer, origin: Origin
) -> None:
    """SM-23."""
    client = Client(base_url=fetching_server.base_url, key=fetching_server.key("optipic-free"))
    answer = refusal(client, url=origin.large(20 * MIB + 1))

    check(answer, 400, "BAD_REQUEST", "The image has more than 20971520 bytes.")


def test_a_result_that_cannot_be_so_small_is_refused(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """SM-18, SM-22."""
    answer = refusal(fetching_client, url=origin.picture(jpeg), max_bytes=20, maxWidth=64)

    message = "No look makes the image that small; allow more bytes, a smaller size or another "
    check(answer, 400, "BAD_REQUEST", f"{message}format.")


def test_a_compressed_body_is_not_unpacked(fetching_client: Client, origin: Origin) -> None:
    """SM-22: what was not asked for is not believed either."""
    url = origin.answer(Answer(headers={"Content-Encoding": "gzip"}, body=b"\x1f\x8b"))

    check(refusal(fetching_client, url=url), 400, "BAD_REQUEST", NOT_FETCHED)


def said(error: errors.Error) -> dict[str, Any]:
    """Return what is said of an error that no request can be made to bring about."""
    response = DIALECT.refuse(error, Record(request_id="req_1", method="POST", path=PATH))
    return json.loads(bytes(response.body)) | {"status": response.status_code}


def test_a_fault_of_ours_is_told_as_one() -> None:
    """SM-22, SM-41, SM-45."""
    assert said(errors.Internal(detail="secret")) == {
        "status": 500,
        "success": False,
        "error": "Internal server error during optimization",
        "code": "SERVER_ERROR",
    }


def test_a_server_without_room_says_when_to_come_back() -> None:
    """SM-45: there is nothing published for it."""
    record = Record(request_id="req_1", method="POST", path=PATH)
    response = DIALECT.refuse(errors.Busy(retry_after=7), record)

    assert response.status_code == 503
    assert response.headers["Retry-After"] == "7"
    assert b'"code":"SERVER_BUSY"' in bytes(response.body)


def test_only_documented_statuses_are_answered() -> None:
    """SM-37, SM-38, SM-39, SM-40, SM-41: and nothing else that a client could not know."""
    statuses = {wording.status for wording in DIALECT.errors.values()}

    assert statuses == {400, 401, 403, 404, 405, 429, 500, 503}


def test_only_what_was_answered_with_an_image_is_charged(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes
) -> None:
    """SM-40: a failed image is not one of the month's."""
    client = Client(base_url=fetching_server.base_url, key=fetching_server.key("smolpix-pro"))
    for url in (origin.failing(), origin.page(), "nothing", origin.picture(jpeg[:2000])):
        assert refusal(client, url=url).status_code == 400
    done = refusal(client, url=origin.picture(jpeg), smart=False)

    assert base64.b64decode(done.json()["data"])
    assert client.request("GET", "/v1/usage").json()["requests"] == 1


def test_the_document_says_json(server: RunningServer) -> None:
    """SM-10, SM-11, SM-12, SM-13, SM-14, SM-15."""
    document = requests.get(f"{server.base_url}/openapi.json", timeout=10).json()
    described = document["paths"][PATH]["post"]
    content = described["requestBody"]["content"]
    fields = content["application/json"]["schema"]

    assert list(content) == ["application/json"]
    assert fields["required"] == ["url"]
    defaults = {"format": "auto", "quality": 80, "maxWidth": 1920, "smart": True}
    assert {name: fields["properties"][name]["default"] for name in defaults} == defaults
    assert set(described["responses"]) == {"200", "400", "401", "403", "429", "500", "503"}
