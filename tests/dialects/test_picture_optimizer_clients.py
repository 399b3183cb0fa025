"""Clients written after Picture Optimizer's documents; only the base URL and the key change."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from services.vision.server import Script

from fixtures.clients import call, clients
from fixtures.pictures import encode, photo
from fixtures.servers import RunningServer

SNIPPETS = Path(__file__).parent / "snippets" / "picture_optimizer"

CLIENTS = clients("client.py", "client.mjs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the pictures that the clients send, and a file that is none."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in (1, 2):
        (photos / f"{seed}.jpg").write_bytes(encode(photo(600, 400, seed), "JPEG"))
    (photos / "notes.txt").write_text("nothing to see")
    return tmp_path


def run(
    name: str, server: RunningServer, folder: Path, *, key: str
) -> subprocess.CompletedProcess[str]:
    replaced = {"https://optimizepicture.com": server.base_url, "sk-your_key": key}
    return call(SNIPPETS / name, folder=folder, replaced=replaced)


@CLIENTS
def test_clients_go_all_the_way(
    seeing_server: RunningServer, eyes: Script, folder: Path, name: str
) -> None:
    """PO-2, PO-3, PO-19 to PO-26, PO-37 to PO-43, PO-58 to PO-66, PO-73, PO-81, PO-87, PO-103."""
    del eyes
    key = seeing_server.key("picture-optimizer-free")
    done = run(name, seeing_server, folder, key=key)

    assert (done.returncode, done.stderr) == (0, "")
    first, second, third, *results = done.stdout.splitlines()
    assert first == "uploaded 2 rejected 1"
    assert second == "sufficient True"
    assert third == "analyzed 2 of 2"
    assert sorted(results) == ["red-kite-beach-2.webp full 480w", "red-kite-beach.webp full 480w"]
    assert sorted(zipfile.ZipFile(folder / "images.zip").namelist()) == [
        "red-kite-beach-2-480w.webp", "red-kite-beach-2.webp",
        "red-kite-beach-480w.webp", "red-kite-beach.webp",
    ]  # fmt: skip


@CLIENTS
def test_clients_hear_what_went_wrong(server: RunningServer, folder: Path, name: str) -> None:
    """PO-10, PO-13."""
    done = run(name, server, folder, key="sk-nobody")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "401 Invalid API key\n"
