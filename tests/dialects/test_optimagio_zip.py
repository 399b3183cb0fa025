"""Optimagio's batches as one file: GET …/zip and …/download."""

import io
import threading
import zipfile
from pathlib import Path

import pytest
import requests

from dialects.optimagio import (
    BATCHES,
    accepted,
    age,
    batch,
    check,
    finished,
    fresh,
    keyed,
    send,
    slow,
    someone,
    until,
)

from fixtures.origins import Origin
from fixtures.pictures import encode, photo
from fixtures.servers import PATIENCE, Client, RunningServer


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Give small pictures, no two of them alike."""
    return [encode(photo(48, 36, seed), "PNG") for seed in range(4)]


def ask(client: Client, name: str, path: str = "zip") -> requests.Response:
    return client.request("GET", f"{BATCHES}/{name}/{path}")


def members(answer: requests.Response) -> dict[str, bytes]:
    """Return the files in an archive, each by its name."""
    assert answer.status_code == 200, answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize("path", ["zip", "download"])
def test_all_results_are_one_file(
    either_server: RunningServer, pictures: list[bytes], path: str
) -> None:
    """OG-51, OG-52, OG-70: the same bytes as each download, under the names of the uploads."""
    client, name = someone(either_server), fresh()
    names = ["a.png", "a.png", "Grüße 1.png", "folder/../b.PNG"]
    half = [("half.png", pictures[0][:-200]), ("text.png", b"text")]
    files = [*zip(names, pictures, strict=True), *half]
    accepted(send(client, files, batch=name, format="webp", final="true"))
    items = [item for item in finished(client, name)["items"] if item["status"] == "completed"]
    answer = ask(client, name, path)
    downloads = [requests.get(item["optimized_url"], timeout=PATIENCE).content for item in items]

    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.zip"'
    assert "Content-Length" not in answer.headers
    assert members(answer) == dict(
        zip(["a.webp", "a-1.webp", "Grüße 1.webp", "b.webp"], downloads, strict=True)
    )


def test_a_batch_has_a_file_before_it_is_complete(
    fetching_server: RunningServer, origin: Origin, pictures: list[bytes], gate: threading.Event
) -> None:
    """OG-70, OG-71: of what is completed; before that there is none."""
    client, name = someone(fetching_server), fresh()
    body = {"client_batch_id": name, "urls": [slow(origin, pictures[0], gate)]}
    accepted(client.request("POST", BATCHES, json=body, headers=keyed()))
    check(ask(client, name), 409, "batch_not_ready")
    accepted(send(client, [("b.png", pictures[1])], batch=name))
    until(lambda: batch(client, name)["completed"] == 1)

    assert set(members(ask(client, name))) == {"b.png"}
    gate.set()
    until(lambda: batch(client, name)["completed"] == 2)
    assert set(members(ask(client, name))) == {"photo.png", "b.png"}


def test_a_batch_of_failures_has_no_file(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-71: and is said never to have one."""
    client, name = someone(fetching_server), fresh()
    accepted(send(client, [("a.png", pictures[0][:-200])], batch=name, final="true"))
    told = finished(client, name)
    body = check(ask(client, name), 409, "batch_not_ready")

    assert told["failed"] == 1
    assert "None of the files" in body["error"]


def test_a_file_that_is_gone_from_the_storage_is_said_to_be(fetching_server: RunningServer) -> None:
    """OG-51, OG-71: nothing is left out without a word; the ids of what is missing are told."""
    client, name = someone(fetching_server), fresh()
    # Pictures that no other test has: equal results are one file.
    files = [(f"{seed}.png", encode(photo(40, 30, seed), "PNG")) for seed in range(70, 74)]
    accepted(send(client, files, batch=name, final="true"))
    items = finished(client, name)["items"]
    assert len(members(ask(client, name))) == 4
    gone, short = items[1], items[2]
    for item, size in ((gone, None), (short, 10)):
        path = stored(
            fetching_server, requests.get(item["optimized_url"], timeout=PATIENCE).content
        )
        path.unlink() if size is None else path.write_bytes(path.read_bytes()[:size])
    body = check(ask(client, name), 409, "results_expired")

    assert body["details"] == {"missing": [gone["item_id"], short["item_id"]], "missing_count": 2}


def stored(server: RunningServer, content: bytes) -> Path:
    """Return where *content* lies."""
    [path] = [
        path
        for path in (server.data_dir / "objects").rglob("*")
        if path.is_file() and path.read_bytes() == content
    ]
    return path


def test_results_that_expired_are_said_to_have(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-51, OG-67, OG-71: and their numbers can still be asked for."""
    client, name = someone(either_server), fresh()
    files = [("a.png", pictures[0]), ("b.png", pictures[1])]
    accepted(send(client, files, batch=name, final="true"))
    finished(client, name)
    assert len(members(ask(client, name))) == 2
    age(either_server, client)
    told = batch(client, name)
    body = check(ask(client, name), 409, "results_expired")

    assert told["status"] == "expired"
    assert body["details"]["missing"] == [item["item_id"] for item in told["items"]]
    for item in told["items"]:
        assert (item["status"], item["optimized_url"]) == ("expired", None)
        assert item["optimized_size"] > 0
        assert item["error"]["code"] == "result_expired"


def test_one_may_ask_whether_there_is_a_file(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-70."""
    client, name = someone(fetching_server), fresh()
    accepted(send(client, [("a.png", pictures[0])], batch=name))
    finished(client, name)
    answer = requests.head(
        f"{client.base_url}{BATCHES}/{name}/zip", headers={"X-API-Key": client.key}, timeout=10
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/zip"
