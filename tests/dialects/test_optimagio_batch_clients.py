"""Clients that were written for Optimagio's batches and jobs after its documents."""

import subprocess
import zipfile
from pathlib import Path

import pytest

from fixtures.clients import call, clients
from fixtures.pictures import decoded, encode, photo
from fixtures.servers import RunningServer

SNIPPETS = Path(__file__).parent / "snippets" / "optimagio"

#: Pictures of a batch: more than one chunk.
COUNT = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of pictures, with something in it that is none."""
    folder = tmp_path_factory.mktemp("folder")
    (folder / "photos").mkdir()
    for number in range(COUNT):
        data = encode(photo(32, 24, number % 5), "PNG")
        (folder / "photos" / f"{number:02} ü.png").write_bytes(data)
    (folder / "photos" / "notes.txt").write_text("Not a picture.")
    return folder


def run(
    name: str, server: RunningServer, folder: Path, *, key: str
) -> subprocess.CompletedProcess[str]:
    replaced = {"https://optimagio.com": server.base_url, "opt_your_key": key}
    return call(SNIPPETS / name, folder=folder, replaced=replaced)


@clients("batch.py", "batch.mjs")
def test_clients_get_all_results_in_one_file(
    either_server: RunningServer, folder: Path, name: str
) -> None:
    """OG-43 to OG-46, OG-49, OG-51, OG-52, OG-53, OG-69, OG-70: in chunks of fifty."""
    done = run(name, either_server, folder, key=either_server.key("optimagio-pro"))
    with zipfile.ZipFile(folder / "results.zip") as archive:
        results = {member: archive.read(member) for member in archive.namelist()}

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "chunk 50 0",
        "chunk 10 1",
        "rejected notes.txt decode_failed",
        f"completed {COUNT} 0 {sum(map(len, results.values()))}",
    ]
    assert sorted(results) == [f"{number:02} ü.webp" for number in range(COUNT)]
    assert {decoded(data).format for data in results.values()} == {"WEBP"}


@clients("batch.py", "batch.mjs")
def test_clients_hear_what_went_wrong(
    fetching_server: RunningServer, folder: Path, name: str
) -> None:
    """OG-10, OG-83, OG-87."""
    done = run(name, fetching_server, folder, key="opt_nobody_has_this_key")

    assert done.returncode == 1
    assert done.stderr == "401 unauthorized: The API key is missing or not valid.\n"


def test_a_shell_may_wait_for_a_job(
    fetching_server: RunningServer, tmp_path: Path, jpeg: bytes
) -> None:
    """OG-73 to OG-76."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    done = run("job.sh", fetching_server, tmp_path, key=fetching_server.key("optimagio-pro"))
    result = (tmp_path / "result.webp").read_bytes()
    percent = round(100 * (1 - len(result) / len(jpeg)), 2)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"completed {percent:g}\n"
    assert decoded(result).format == "WEBP"
