"""What OctoSqueeze tells of a batch that is done, to whom the caller said."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests

from services.webhooks.receiver import Heard, Receiver, receiving

from fixtures.clients import call, clients
from fixtures.databases import PostgreSQL
from fixtures.origins import ALLOWED, Origin
from fixtures.pictures import decoded
from fixtures.servers import PATIENCE, Client, OwnServer, RunningServer, environment

SNIPPETS = Path(__file__).parent / "snippets" / "octosqueeze"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def picture(origin: Origin, jpeg: bytes) -> str:
    """Give the URL of a picture."""
    return origin.picture(jpeg)


@pytest.fixture(params=["sqlite", "postgresql"])
def some_server(request: pytest.FixtureRequest, own_server: OwnServer) -> Iterator[RunningServer]:
    """Give a server that may fetch, on each kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("fetching_server")
        return
    postgresql: PostgreSQL = request.getfixturevalue("postgresql")
    with postgresql.fresh() as url:
        running = own_server(PIXMILL_DATABASE_URL=url, **ALLOWED)
        yield running
        running.stop()


@pytest.fixture(scope="module")
def someone(fetching_server: RunningServer) -> Client:
    """Give somebody who may fetch, and whose messages `secret` signs."""
    return Client(base_url=fetching_server.base_url, key=fetching_server.key("octosqueeze-pro"))


@pytest.fixture(scope="module")
def secret(fetching_server: RunningServer, someone: Client) -> str:
    """Give what the operator prints for `someone`."""
    return command(fetching_server, "webhooks", "secret", account(someone))


@pytest.fixture(scope="module")
def message(someone: Client, receiver: Receiver, origin: Origin, jpeg: bytes) -> Heard:
    """Give the message of a batch of one."""
    item = {"url": origin.picture(jpeg), "image_id": "ü"}
    assert send(someone, item, webhook_url=receiver.url("/message")).status_code == 200
    return heard(receiver, "/message")


def send(client: Client, *items: object, **root: object) -> requests.Response:
    # As through a proxy that has the certificate.
    headers = {"Host": "images.example.com", "X-Forwarded-Proto": "https"}
    return client.request(
        "POST", "/api/v1/compress-batch", json={"items": items} | root, headers=headers
    )


def heard(receiver: Receiver, path: str) -> Heard:
    """Wait for the message to *path*."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for message in receiver.heard:
            if message.path == path:
                return message
        time.sleep(0.02)
    pytest.fail(f"nothing came to {path}")


def images(message: Heard) -> list[dict[str, Any]]:
    """Return what a message tells; nothing but the form field is in it."""
    assert message.headers["content-type"] == "application/x-www-form-urlencoded"
    form = parse_qs(message.body.decode(), strict_parsing=True)
    assert list(form) == ["images"]
    [told] = form["images"]
    listed = json.loads(told)
    assert isinstance(listed, list)
    return listed


def command(server: RunningServer, *arguments: str) -> str:
    """Return what a command prints that the operator of *server* gives."""
    return subprocess.run(
        [sys.executable, "-m", "pixmill", *arguments, "--data-dir", str(server.data_dir)],
        env=environment({"PIXMILL_DATABASE_URL": server.database_url}),
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def account(client: Client) -> str:
    id_ = client.request("GET", "/api/v1/account").json()["data"]["id"]
    assert isinstance(id_, str)
    return id_


def test_a_batch_that_is_done_is_told(
    some_server: RunningServer, receiver: Receiver, origin: Origin, jpeg: bytes
) -> None:
    """OS-76: on both databases; every image that was accepted, with links that are https."""
    client = Client(base_url=some_server.base_url, key=some_server.key("octosqueeze-free"))
    path = f"/{some_server.pid}"
    answer = send(
        client,
        {"url": origin.picture(jpeg), "image_id": 17, "name": "grö\0ße.jpg"},
        {"url": origin.page(), "image_id": "b"},
        {"image_id": "nothing"},
        {"url": origin.picture(jpeg)},
        options={"formats": ["webp", "avif"]},
        webhook_url=receiver.url(path),
    )
    items = answer.json()["data"]["items"]
    message = heard(receiver, path)
    first, failed, last = images(message)

    assert len(message.headers["x-octosqueeze-signature"]) == 64
    assert message.headers["webhook-signature"].startswith("v1,")
    assert (first["image_id"], first["name"]) == (17, "grö\0ße.jpg")
    assert first["compressions"] == items[0]["compressions"]
    assert [list(made) for made in first["compressions"]] == [["id", "format", "link", "size"]] * 2
    assert (failed["image_id"], failed["compressions"]) == ("b", [])
    assert failed["error"]["code"] == "invalid_file_type"
    assert last["image_id"] is None
    for made in (*first["compressions"], *last["compressions"]):
        public, path = made["link"].split("/api/v1/", 1)
        file = requests.get(f"{client.base_url}/api/v1/{path}", timeout=PATIENCE).content

        assert public == "https://images.example.com"
        assert len(file) == made["size"]
        assert decoded(file).format == made["format"].upper()


@clients("receiver.py", "receiver.mjs", "receiver.php")
def test_receivers_can_tell_who_sent_it(
    message: Heard, secret: str, tmp_path: Path, name: str
) -> None:
    """OS-76: code written for it, which reads the form and checks the signature."""
    [image] = images(message)
    [made] = image["compressions"]

    def run(body: bytes) -> subprocess.CompletedProcess[str]:
        return call(
            SNIPPETS / name,
            message.headers["x-octosqueeze-signature"],
            folder=tmp_path,
            replaced={"YOUR_WEBHOOK_SECRET": secret},
            stdin=body.decode(),
        )

    done, forged = run(message.body), run(message.body.replace(b"jpeg", b"gifs"))

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"ü jpeg {made['size']} {made['link']}\n"
    assert (forged.returncode, forged.stderr) == (1, "Invalid signature\n")


def test_nobody_is_told_of_a_batch_that_was_refused(
    fetching_server: RunningServer, receiver: Receiver, picture: str
) -> None:
    """OS-76, OS-89."""
    poor = Client(base_url=fetching_server.base_url, key=fetching_server.key("octosqueeze-free"))
    fetching_server.spend(poor.key, 499)
    answer = send(
        poor,
        {"url": picture},
        options={"formats": "webp,avif"},
        webhook_url=receiver.url("/refused"),
    )
    of_it = command(fetching_server, "webhooks", "list", "--account", account(poor), "--json")

    assert answer.status_code == 429
    assert json.loads(of_it) == []


@pytest.mark.parametrize("url", ["example.com/hook", "ftp://example.com/", "http://10.0.0.1/", 7])
def test_a_webhook_that_cannot_be_reached_is_refused(
    fetching_client: Client, origin: Origin, picture: str, url: object
) -> None:
    """OS-32, OS-76: before anything is accepted."""
    answer = send(fetching_client, {"url": picture}, webhook_url=url)

    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "code": "validation_failed",
        "message": "The URL of a webhook must be a public http or https URL.",
    }
    assert not origin.requests(picture)
