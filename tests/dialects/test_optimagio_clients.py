"""
The command that Optimagio publishes, and clients written for it after its documents.

Only the base URL, the key and the image's URL change.
"""

import json
import subprocess
from pathlib import Path

import pytest
import requests

from fixtures.clients import call, clients
from fixtures.origins import Origin
from fixtures.pictures import decoded
from fixtures.servers import RunningServer

SNIPPETS = Path(__file__).parent / "snippets" / "optimagio"

CLIENTS = clients("client.py", "client.mjs", "client.sh", "client.php")


@pytest.fixture
def folder(tmp_path: Path, jpeg: bytes) -> Path:
    """Give a folder with the picture that the clients send."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    return tmp_path


def run(
    name: str, server: RunningServer, folder: Path, *, key: str, url: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a client against *server*."""
    replaced = {"https://optimagio.com": server.base_url, "opt_your_key": key}
    if url:
        replaced["https://example.com/image.jpg"] = url
    return call(SNIPPETS / name, folder=folder, replaced=replaced)


def test_the_published_command_runs(server: RunningServer, folder: Path, jpeg: bytes) -> None:
    """OG-1, OG-3, OG-12, OG-15, OG-16, OG-23; its address hides the field's name."""
    done = run("published.txt", server, folder, key=server.key("optimagio-free"))
    answer = json.loads(done.stdout)
    result = requests.get(answer["optimized_url"], timeout=10).content

    assert answer["original_size"] == len(jpeg)
    assert answer["optimized_size"] == len(result)
    assert decoded(result).format == "WEBP"


@CLIENTS
def test_clients_get_their_results(
    fetching_server: RunningServer, origin: Origin, folder: Path, jpeg: bytes, name: str
) -> None:
    """OG-1, OG-3, OG-4, OG-12, OG-13, OG-23, OG-24, OG-28, OG-41: first by file, then by URL."""
    key = fetching_server.key("optimagio-free")
    done = run(name, fetching_server, folder, key=key, url=origin.picture(jpeg))
    result = (folder / "by-file").read_bytes()
    saved = len(jpeg) - len(result)
    numbers = f"webp {len(jpeg)} {len(result)} {saved} {round(100 * saved / len(jpeg), 2):g}"

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{numbers} false\n{numbers} true\n"
    assert decoded(result).format == "WEBP"
    assert (folder / "by-url").read_bytes() == result


@CLIENTS
def test_clients_hear_what_went_wrong(server: RunningServer, folder: Path, name: str) -> None:
    """OG-10, OG-83, OG-87: all of them read `error` and `code`."""
    done = run(name, server, folder, key="opt_nobody_has_this_key")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "401 unauthorized: The API key is missing or not valid.\n"
    assert not (folder / "by-file").exists()
