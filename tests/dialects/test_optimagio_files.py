"""The links that Optimagio gives: who can have a result, how, and how often."""

import hashlib
import re
import time

import pytest
import requests

from dialects.optimagio import check, optimize, result
from pixmill.settings import variable

from fixtures.origins import Origin
from fixtures.servers import PATIENCE, Client, OwnServer, RunningServer


@pytest.fixture
def url(client: Client, jpeg: bytes) -> str:
    """Give the address of a result."""
    return str(optimize(client, jpeg, quality=60).json()["optimized_url"])


def test_a_link_leads_to_the_file_without_a_key(client: Client, jpeg: bytes) -> None:
    """OG-28: absolute, on the host that was asked, and its path ends as the file does."""
    answer = optimize(client, jpeg, name="summer night.png", format="webp", quality=60).json()
    address = answer["optimized_url"]
    download = requests.get(address, timeout=10)

    assert address.startswith(f"{client.base_url}/api/files/")
    assert re.search(r"/summer%20night\.webp\?signature=[0-9a-f]+-[0-9a-f]{64}$", address)
    assert (download.status_code, len(download.content)) == (200, answer["optimized_size"])
    assert download.headers["Content-Type"] == "image/webp"
    assert download.headers["Content-Disposition"] == 'inline; filename="summer night.webp"'
    assert download.headers["X-Content-Type-Options"] == "nosniff"


def test_a_fetched_file_keeps_its_name(
    fetching_client: Client, origin: Origin, jpeg: bytes
) -> None:
    """OG-28."""
    answer = optimize(fetching_client, url=origin.picture(jpeg, name="größe.jpg"), format="webp")
    download = requests.get(answer.json()["optimized_url"], timeout=10)

    assert "/gr%C3%B6%C3%9Fe.webp?" in answer.json()["optimized_url"]
    assert "filename*=UTF-8''gr%C3%B6%C3%9Fe.webp" in download.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("headers", "base_url"),
    [
        ({"Host": "api.optimagio.dev"}, "http://api.optimagio.dev"),
        (
            {"X-Forwarded-Host": "optimagio.com", "X-Forwarded-Proto": "https"},
            "https://optimagio.com",
        ),
    ],
)
def test_a_link_is_on_the_host_that_was_asked(
    client: Client, jpeg: bytes, headers: dict[str, str], base_url: str
) -> None:
    """OG-1, OG-2, OG-28: one server for both published hosts."""
    answer = optimize(client, jpeg, quality=60, headers=headers)

    assert answer.json()["optimized_url"].startswith(f"{base_url}/api/files/")


def test_a_link_understands_head_and_ranges(url: str) -> None:
    """OG-28."""
    whole = requests.get(url, timeout=10)
    head = requests.head(url, timeout=10)
    part = requests.get(url, headers={"Range": "bytes=10-19"}, timeout=10)
    known = requests.get(url, headers={"If-None-Match": whole.headers["ETag"]}, timeout=10)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.content))
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert (known.status_code, known.content) == (304, b"")
    assert whole.headers["ETag"] == f'"{hashlib.sha256(whole.content).hexdigest()}"'


def test_a_link_cannot_be_guessed(client: Client, png: bytes, url: str) -> None:
    """OG-28: neither without its signature, nor with that of another result."""
    path, _, signature = url.partition("?signature=")
    other, _, _ = optimize(client, png).json()["optimized_url"].partition("?")
    last = "0" if signature[-1] != "0" else "1"
    for address in (
        path,
        f"{path}?signature=",
        f"{path}?signature={signature[:-1]}{last}",
        f"{other}?signature={signature}",
        f"{client.base_url}/api/files/x/y?signature=z",
    ):
        for headers in ({}, {"X-API-Key": client.key}):
            check(requests.get(address, headers=headers, timeout=10), 404, "not_found")


def test_a_link_is_not_logged(server: RunningServer, client: Client, jpeg: bytes) -> None:
    """Whoever may read the log may not read the pictures."""
    address = optimize(client, jpeg, quality=60).json()["optimized_url"]
    answer = requests.get(address, timeout=10)
    line = server.logged(answer.headers["X-Request-Id"])

    assert line["path"].startswith("/api/files/")
    assert address.partition("signature=")[2] not in str(line)


def test_a_link_ends(own_server: OwnServer, jpeg: bytes) -> None:
    """OG-28: after a day, or as the setting says."""
    server = own_server(**{variable("result_ttl"): "1"})
    client = Client(base_url=server.base_url, key=server.key())
    lasting = optimize(client, jpeg, quality=60, storage_commit="true").json()["optimized_url"]
    ending = optimize(client, jpeg, quality=60).json()["optimized_url"]
    deadline = time.monotonic() + PATIENCE
    while requests.get(ending, timeout=10).status_code != 404 and time.monotonic() < deadline:
        time.sleep(0.05)

    check(requests.get(ending, timeout=10), 404, "not_found")
    assert requests.get(lasting, timeout=10).status_code == 200  # OG-21


def test_a_key_reads_half_as_often_as_its_account_may_ask(
    server: RunningServer, jpeg: bytes
) -> None:
    """OG-80, OG-84, OG-86: 30 a minute of 60, each key by itself."""
    key = server.key("optimagio-free")
    client = Client(base_url=server.base_url, key=key)
    answer = optimize(client, jpeg, quality=60)
    url = answer.json()["optimized_url"]
    with requests.Session() as session:
        session.headers["X-API-Key"] = key
        reads = [session.get(url, timeout=10) for _ in range(31)]
    stranger = requests.get(url, headers={"X-API-Key": server.key("optimagio-free")}, timeout=10)

    assert [read.status_code for read in reads] == [200] * 30 + [429]
    assert reads[0].headers["X-RateLimit-Limit"] == "30"
    assert reads[0].headers["X-RateLimit-Remaining"] == "29"
    assert check(reads[-1], 429, "rate_limited")["details"]["limit"] == 30
    assert stranger.headers["X-RateLimit-Remaining"] == "29"
    assert result(answer)  # whoever sends no key is not counted
    assert optimize(client, jpeg, quality=60).headers["X-RateLimit-Remaining"] == "58"


def test_a_bad_key_does_no_harm_to_a_link(url: str) -> None:
    """OG-28."""
    answer = requests.get(url, headers={"X-API-Key": "opt_nobody_has_this_key"}, timeout=10)

    assert answer.status_code == 200
