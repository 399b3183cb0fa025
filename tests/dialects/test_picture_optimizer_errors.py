"""How Picture Optimizer says no, and who is let in."""

import re

import pytest
import requests

from dialects.picture_optimizer import SESSIONS, images, post, refused, send, someone, upload
from pixmill.services.keys import Keys

from fixtures.pictures import encode, photo
from fixtures.servers import OwnServer, RunningServer, opened, run

BALANCE = "/v1/credits/balance"


def get(server: RunningServer, path: str = BALANCE, **headers: str) -> requests.Response:
    return requests.get(f"{server.base_url}{path}", headers=headers, timeout=10)


def switch(server: RunningServer, secret: str, *, on: bool) -> None:
    async def change() -> None:
        async with opened(server.database_url) as database:
            keys = Keys(database=database)
            [key] = [key for key in await keys.all() if secret.startswith(key.display_prefix)]
            await keys.switch(id_=key.id, on=on)

    run(change())


@pytest.mark.parametrize("prefix", ["", "/image-forge-api"])
def test_keys_are_taken_from_two_headers(server: RunningServer, prefix: str) -> None:
    """PO-2, PO-3, PO-18."""
    key = server.key("picture-optimizer-free")
    path = f"{prefix}{BALANCE}"

    assert get(server, path, **{"X-API-Key": key}).status_code == 200
    assert get(server, path, Authorization=f"Bearer {key}").status_code == 200
    both = get(server, path, **{"X-API-Key": key, "Authorization": "Bearer sk-nobody"})
    assert both.status_code == 200


def test_how_keys_look(server: RunningServer) -> None:
    """PO-4, PO-5, PO-6: what is kept is a digest, and what is shown is a few characters."""
    key = server.key("picture-optimizer-free")

    async def kept() -> tuple[str, str]:
        async with opened(server.database_url) as database:
            found = (await Keys(database=database).authenticate(presented=key)).key
            return found.digest, found.display_prefix

    digest, shown = run(kept())

    assert re.fullmatch(r"sk-[A-Za-z0-9]{32}", key)
    assert key not in digest
    assert key.startswith(shown)
    assert len(shown) < 10


def test_a_key_that_is_none(server: RunningServer) -> None:
    """PO-10, PO-13, PO-91."""
    for headers in ({}, {"X-API-Key": "sk-" + "x" * 32}, {"X-API-Key": "é"}):
        sent = {name: value.encode("latin-1") for name, value in headers.items()}
        answer = requests.get(f"{server.base_url}{BALANCE}", headers=sent, timeout=10)
        body = refused(answer, 401, "invalid_api_key")
        assert body["error"] == "Invalid API key"
    answer = requests.post(f"{server.base_url}/v1/credits/check", json={}, timeout=10)
    assert answer.json()["error"] == "Invalid API key"


def test_a_key_that_is_switched_off(server: RunningServer) -> None:
    """PO-7, PO-12, PO-17: at once, and until it is switched on again."""
    key = server.key("picture-optimizer-free")
    switch(server, key, on=False)
    body = refused(get(server, **{"X-API-Key": key}), 403, "api_key_inactive")
    elsewhere = get(server, "/api/v1/usage", Authorization=f"Bearer {key}")
    switch(server, key, on=True)
    again = get(server, **{"X-API-Key": key})
    server.revoke(key)
    gone = refused(get(server, **{"X-API-Key": key}), 401, "invalid_api_key")

    assert body["error"] == "API key is inactive"
    assert elsewhere.status_code == 401
    assert again.status_code == 200
    assert gone["error"] == "Invalid API key"


def test_a_file_that_is_too_large(server: RunningServer) -> None:
    """PO-15, PO-33."""
    client = someone(server, "picture-optimizer-free")
    small = encode(photo(64, 48), "PNG")
    body = upload(client, [("a.png", small), ("huge.png", small.ljust(26 << 20, b"\0"))])

    assert [each["code"] for each in body["rejected"]] == ["file_too_large"]
    assert len(body["images"]) == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/sessions/x/nothing", 404, "not_found"),
        ("GET", "/image-forge-api/v1/nothing", 404, "not_found"),
        ("PUT", "/v1/analyze", 405, "method_not_allowed"),
        ("GET", "/image-forge-api/v1/export", 405, "method_not_allowed"),
    ],
)
def test_other_paths(server: RunningServer, method: str, path: str, status: int, code: str) -> None:
    """PO-2, PO-15: in these words also for who has no key of this kind."""
    answer = requests.request(method, f"{server.base_url}{path}", timeout=10)

    refused(answer, status, code)


@pytest.mark.parametrize(
    "body", ["", "[]", "{", "7", '{"a":' * 5000, "\ud800".encode("utf-8", "surrogatepass")]
)
def test_bodies_that_are_none(server: RunningServer, body: str | bytes) -> None:
    """PO-15."""
    client = someone(server)
    for path in ("/v1/analyze", "/v1/export", "/v1/credits/check"):
        headers = {"Content-Type": "application/json"}
        data = body.encode() if isinstance(body, str) else body
        answer = client.request("POST", path, data=data, headers=headers)
        assert answer.status_code == 400, answer.text
        assert set(answer.json()) == {"error", "code"}
    form = client.request("POST", "/v1/analyze", data={"sessionId": "x"})
    refused(form, 415, "unsupported_media_type")


def test_uploads_are_not_counted_against_the_month(server: RunningServer) -> None:
    """PO-14, PO-28: nor refused when it is used up."""
    client = someone(server, "picture-optimizer-free")
    server.spend(client.key, 10_000)
    session = upload(client, [("a.png", encode(photo(64, 48), "PNG"))])
    path = f"{SESSIONS}/{session['sessionId']}/sample"

    assert post(client, path, {"images": images(session)}).status_code == 200


def test_requests_a_minute(own_server: OwnServer) -> None:
    """PO-14: plans of this API have no such limit; with one, it is said."""
    server = own_server()
    client = someone(server, "octosqueeze-free")
    small = encode(photo(64, 48), "PNG")
    answers = [send(client, [("a.png", small)]) for _ in range(25)]
    last = next(answer for answer in answers if answer.status_code != 200)

    refused(last, 429, "rate_limited")
    assert int(last.headers["Retry-After"]) > 0


def test_both_prefixes_serve_the_same(server: RunningServer) -> None:
    """PO-2, PO-103: and the document has each once."""
    paths = requests.get(f"{server.base_url}/openapi.json", timeout=10).json()["paths"]
    ours = [
        path for path in paths if path.startswith(("/v1/sessions", "/v1/an", "/v1/ex", "/v1/cr"))
    ]

    assert len(ours) >= 8
    assert not [path for path in paths if path.startswith("/image-forge-api")]
    for path in ours:
        there = requests.options(f"{server.base_url}/image-forge-api{path}", timeout=10)
        here = requests.options(f"{server.base_url}{path}", timeout=10)
        assert here.headers["Allow"] == there.headers["Allow"]
