"""How the tests of Optimagio ask for something."""

from typing import Any

import requests

from fixtures.servers import Client

Answer = requests.Response


def optimize(
    client: Client,
    image: bytes | None = None,
    *,
    name: str | None = "photo.jpg",
    headers: dict[str, str] | None = None,
    **fields: object,
) -> Answer:
    """Send a form with *image*, if there is one, and *fields*."""
    files: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    if image is not None:
        files["image"] = (name, image)
    return client.request(
        "POST", "/api/optimize", files=files or {"nothing": (None, "")}, headers=headers or {}
    )


def result(answer: Answer) -> bytes:
    """Return the file that *answer* leads to, which anybody can have."""
    assert answer.status_code == 200, answer.text
    download = requests.get(answer.json()["optimized_url"], timeout=10)
    assert download.status_code == 200
    return download.content


def check(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Check that *answer* is that error, and return its body (OG-87)."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body["error"].endswith(".")
    assert isinstance(body["details"], dict)
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return body
