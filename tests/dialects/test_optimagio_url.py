"""POST /api/optimize of Optimagio, by URL: in every kind of body, and beside a file."""

from typing import Any

import pytest
import requests

from dialects.optimagio import check, optimize, result

from fixtures.origins import Origin
from fixtures.pictures import decoded
from fixtures.servers import Client, RunningServer


def post(client: Client, **body: Any) -> requests.Response:
    return client.request("POST", "/api/optimize", **body)


@pytest.mark.parametrize("kind", ["json", "data", "files"])
def test_every_kind_of_body_may_name_a_url(
    fetching_client: Client, origin: Origin, jpeg: bytes, kind: str
) -> None:
    """OG-11, OG-13, OG-30: JSON, an urlencoded form and a multipart form say the same."""
    fields: dict[str, Any] = {"url": origin.picture(jpeg), "format": "webp", "max_width": "100"}
    if kind == "json":
        fields |= {"max_width": 100, "keep_exif": False}
    elif kind == "files":
        fields = {name: (None, value) for name, value in fields.items()}
    answer = post(fetching_client, **{kind: fields})
    picture = decoded(result(answer))

    assert answer.json()["original_size"] == len(jpeg)
    assert (picture.format, picture.size) == ("WEBP", (100, 75))


def test_a_url_is_cached_by_what_is_there(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, png: bytes
) -> None:
    """OG-24, OG-41: another URL of the same bytes, or the same bytes as a file, are known."""
    client = Client(base_url=fetching_server.base_url, key=fetching_server.key())
    first, second, other = origin.picture(jpeg), origin.picture(jpeg), origin.picture(png)
    answers = [post(client, json={"url": url, "quality": 60}) for url in (first, second, other)]
    by_file = optimize(client, jpeg, quality=60)

    assert [answer.json()["cached"] for answer in (*answers, by_file)] == [False, True, False, True]
    assert len(origin.requests(second)) == 1


@pytest.mark.parametrize(
    ("fields", "by_file"),
    [({"accept_file": "true"}, True), ({}, False), ({"accept_file": "false"}, False)],
)
def test_a_file_wins_over_a_url_if_it_is_accepted(
    fetching_client: Client,
    origin: Origin,
    jpeg: bytes,
    png: bytes,
    fields: dict[str, str],
    *,
    by_file: bool,
) -> None:
    """OG-14, OG-32."""
    answer = optimize(fetching_client, jpeg, url=origin.picture(png), **fields)

    assert answer.json()["original_size"] == len(jpeg if by_file else png)


def test_without_a_url_a_file_is_taken(client: Client, jpeg: bytes) -> None:
    """OG-31."""
    answer = optimize(client, jpeg, url="", accept_file="false")

    assert answer.json()["original_size"] == len(jpeg)


@pytest.mark.parametrize("kind", ["json", "data"])
def test_a_file_that_is_announced_must_come(client: Client, kind: str) -> None:
    """OG-31."""
    fields = {"accept_file": "true", "url": "http://127.0.0.1/"}

    check(post(client, **{kind: fields}), 400, "missing_file")


@pytest.mark.parametrize(
    "body", [{"json": {}}, {"data": {"format": "webp"}}, {"files": {"format": (None, "webp")}}]
)
def test_something_must_come(client: Client, body: dict[str, Any]) -> None:
    """OG-33."""
    check(post(client, **body), 400, "missing_input")


@pytest.mark.parametrize("url", ["photo.jpg", "file:///etc/passwd", "ftp://example.com/a", 7])
def test_a_url_must_be_one(client: Client, url: object) -> None:
    """OG-88."""
    check(post(client, json={"url": url}), 400, "invalid_url")


def test_what_cannot_be_fetched_is_not_explained(
    client: Client, fetching_client: Client, origin: Origin
) -> None:
    """OG-88: refused, unreachable and not found look the same."""
    bodies = [
        check(post(caller, json={"url": url}), 422, "fetch_failed")
        for caller, url in (
            (client, origin.failing()),
            (client, "http://169.254.169.254/latest/meta-data/"),
            (fetching_client, origin.failing(500)),
            (fetching_client, "http://127.0.0.1:1/photo.jpg"),
        )
    ]

    assert len({body["error"] for body in bodies}) == 1
    assert all(body["details"] == {} for body in bodies)


def test_what_is_fetched_may_be_too_large(fetching_server: RunningServer, origin: Origin) -> None:
    """OG-89."""
    client = Client(base_url=fetching_server.base_url, key=fetching_server.key("optimagio-free"))
    body = check(
        post(client, json={"url": origin.large(25 * 1024 * 1024 + 1)}), 413, "file_too_large"
    )

    assert body["details"] == {"limit": 25 * 1024 * 1024}


def test_what_is_fetched_may_be_no_image(fetching_client: Client, origin: Origin) -> None:
    """OG-88."""
    check(post(fetching_client, json={"url": origin.page()}), 422, "decode_failed")


def test_fields_are_read_before_anything_is_fetched(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    url = origin.picture(jpeg)
    check(post(fetching_client, json={"url": url, "format": "svg"}), 400, "invalid_format")

    assert origin.requests(url) == []
