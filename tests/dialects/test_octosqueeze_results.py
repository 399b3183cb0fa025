"""Results of OctoSqueeze: their status, their download with a key and by link, and their end."""

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from fixtures.pictures import decoded
from fixtures.servers import PATIENCE, Client, OwnServer, RunningServer

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def someone(server: RunningServer) -> Client:
    """Give somebody new."""
    return Client(base_url=server.base_url, key=server.key("octosqueeze-pro"))


def compressed(client: Client, jpeg: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    files = {"file": (name, jpeg), "format": (None, "webp")}
    answer = client.request("POST", "/api/v1/compress", files=files)
    data = answer.json()["data"]
    assert isinstance(data, dict)
    return data


def fetch(url: str, method: str = "GET", **headers: str) -> requests.Response:
    return requests.request(method, url, headers=headers, timeout=PATIENCE, allow_redirects=False)


def check_missing(answer: requests.Response, message: str = "File not found") -> None:
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"] == {"code": "not_found", "message": message}
    assert answer.json()["message"] == message


def test_the_status_tells_the_numbers_again(someone: Client, jpeg: bytes) -> None:
    """OS-56, OS-57."""
    told = compressed(someone, jpeg)
    answer = someone.request("GET", f"/api/v1/status/{told['id']}")
    data = answer.json()["data"]

    assert (answer.status_code, answer.json()["success"]) == (200, True)
    assert list(data) == [
        "id", "status", "compressed", "original_size", "compressed_size", "savings_percent",
        "format", "download_url", "created_at", "expires_at",
    ]  # fmt: skip
    assert data["status"] == "completed"
    assert {name: data[name] for name in data if name in told} == {
        name: told[name] for name in told if name in data
    }
    time.strptime(data["created_at"], "%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(
    "id_", [NOBODY, "1", "comp_abc123", "%00", "%ff", NOBODY.replace("0", "g")]
)
def test_there_is_nothing_by_an_id_that_nobody_has(someone: Client, id_: str) -> None:
    """OS-8, OS-58, OS-64."""
    check_missing(
        someone.request("GET", f"/api/v1/status/{id_}"), "There is nothing here by that name."
    )
    check_missing(someone.request("GET", f"/api/v1/download/{id_}"))
    check_missing(fetch(f"{someone.base_url}/api/v1/download/{id_}/{id_}"))


def test_a_result_is_its_owners(client: Client, someone: Client, jpeg: bytes) -> None:
    """OS-58: for others it is not there."""
    id_ = compressed(someone, jpeg)["id"]

    check_missing(
        client.request("GET", f"/api/v1/status/{id_}"), "There is nothing here by that name."
    )
    check_missing(client.request("GET", f"/api/v1/download/{id_}"))


def test_the_link_is_enough(someone: Client, jpeg: bytes) -> None:
    """OS-59, OS-60, OS-61, OS-63: without any header, and what comes is the file itself."""
    data = compressed(someone, jpeg)
    answer = fetch(data["download_url"])

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.content) == data["compressed_size"]
    assert decoded(answer.content).format == "WEBP"


def test_the_link_may_come_with_a_key(someone: Client, jpeg: bytes) -> None:
    """OS-61: clients that send theirs everywhere."""
    data = compressed(someone, jpeg)

    for key in (someone.key, "os_nobody_has_this_key"):
        answer = fetch(data["download_url"], Authorization=f"Bearer {key}")

        assert answer.status_code == 200


def test_without_a_link_it_takes_the_key(someone: Client, jpeg: bytes) -> None:
    """OS-8, OS-59, OS-62: never a page, nor a way to one."""
    data = compressed(someone, jpeg)
    url = f"{someone.base_url}/api/v1/download/{data['id']}"
    refused = fetch(url)
    answer = fetch(url, Authorization=f"Bearer {someone.key}")

    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == "application/json"
    assert refused.json()["message"] == "Invalid or missing API key"
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
    assert answer.content == fetch(data["download_url"]).content


def test_a_link_cannot_be_guessed(someone: Client, jpeg: bytes, png: bytes) -> None:
    """OS-61, OS-64."""
    links = [compressed(someone, file)["download_url"] for file in (jpeg, png)]
    (one, signature), (_, other) = (link.rsplit("/", 1) for link in links)
    until, digest = signature.split("-")

    for guess in (other, digest, f"f{until}-{digest}", signature[:-1], signature.upper(), "x"):
        check_missing(fetch(f"{one}/{guess}"))


def test_a_link_is_where_the_request_was_sent_to(someone: Client, jpeg: bytes) -> None:
    """OS-1, OS-22."""
    answer = someone.request(
        "POST", "/api/v1/compress", files={"file": jpeg},
        headers={"Host": "api.octosqueeze.com", "X-Forwarded-Proto": "https"},
    )  # fmt: skip
    data = answer.json()["data"]

    assert data["download_url"].startswith(
        f"https://api.octosqueeze.com/api/v1/download/{data['id']}/"
    )


def test_what_a_file_server_can_do(someone: Client, jpeg: bytes) -> None:
    """OS-68: by link and with the key."""
    data = compressed(someone, jpeg, name="größe.jpg")
    whole = fetch(data["download_url"])
    etag = whole.headers["ETag"]

    assert whole.headers["Content-Disposition"] == (
        "attachment; filename=\"gr__e.webp\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.webp"
    )
    for url, headers in (
        (data["download_url"], {}),
        (
            f"{someone.base_url}/api/v1/download/{data['id']}",
            {"Authorization": f"Bearer {someone.key}"},
        ),
    ):
        head = fetch(url, "HEAD", **headers)
        part = fetch(url, Range="bytes=10-19", **headers)
        known = fetch(url, **{"If-None-Match": etag}, **headers)

        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(whole.content))
        assert (part.status_code, part.content) == (206, whole.content[10:20])
        assert (known.status_code, known.content) == (304, b"")
        for answer in (head, part, known):
            assert answer.headers["X-RateLimit-Limit"]  # OS-85


def test_a_result_ends_and_its_numbers_stay(own_server: OwnServer, jpeg: bytes) -> None:
    """OS-64, OS-65, OS-66, OS-67."""
    server = own_server(PIXMILL_RESULT_TTL="1")
    someone = Client(base_url=server.base_url, key=server.key("octosqueeze-free"))
    told = compressed(someone, jpeg)

    def status() -> dict[str, Any]:
        data = someone.request("GET", f"/api/v1/status/{told['id']}").json()["data"]
        assert isinstance(data, dict)
        return data

    deadline = time.monotonic() + PATIENCE
    while status()["status"] == "completed" and time.monotonic() < deadline:
        time.sleep(0.1)

    assert (status()["status"], status()["download_url"]) == ("expired", None)
    assert status()["compressed_size"] == told["compressed_size"]
    assert status()["savings_percent"] == told["savings_percent"]
    check_missing(fetch(told["download_url"]))
    check_missing(someone.request("GET", f"/api/v1/download/{told['id']}"))
    check_missing(someone.request("GET", f"/api/v1/download/{told['id']}", headers={"Range": "x"}))


def test_a_link_says_no_more_than_it_must(someone: Client, jpeg: bytes) -> None:
    """OS-61: neither the key nor the account is in it."""
    path = urlsplit(compressed(someone, jpeg)["download_url"]).path
    account = someone.request("GET", "/api/v1/account").json()["data"]["id"]

    assert someone.key not in path
    assert account not in path
