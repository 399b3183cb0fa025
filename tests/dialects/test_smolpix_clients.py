"""
Clients written for Smolpix; only the base URL, the key and the image's URL change.

There is no SDK to run (SM-49): these are our own, after its documents.
"""

import subprocess
from pathlib import Path

from fixtures.clients import call, clients
from fixtures.origins import Origin
from fixtures.pictures import decoded
from fixtures.servers import RunningServer

SNIPPETS = Path(__file__).parent / "snippets" / "smolpix"

CLIENTS = clients("client.py", "client.mjs", "client.sh", "client.php")


def run(
    name: str, server: RunningServer, folder: Path, *, url: str, key: str
) -> subprocess.CompletedProcess[str]:
    """Run a client against *server*."""
    replaced = {
        "https://smolpix.co": server.base_url,
        "https://example.com/image.jpg": url,
        "pk_live_your_key": key,
    }
    return call(SNIPPETS / name, folder=folder, replaced=replaced)


@CLIENTS
def test_clients_get_their_image(
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """SM-1, SM-2, SM-10, SM-30, SM-33, SM-49."""
    key = fetching_server.key("smolpix-pro")
    done = run(name, fetching_server, tmp_path, url=origin.picture(jpeg), key=key)
    size = (tmp_path / "optimized").stat().st_size

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{round(100 * (1 - size / len(jpeg)))} {len(jpeg)} {size}\n"
    assert decoded((tmp_path / "optimized").read_bytes()).format == "AVIF"


@CLIENTS
def test_clients_hear_what_went_wrong(
    fetching_server: RunningServer, origin: Origin, tmp_path: Path, name: str
) -> None:
    """SM-33, SM-36, SM-47: all of them read `success`, `error` and `code`."""
    done = run(
        name, fetching_server, tmp_path, url=origin.page(), key="pk_live_nobody_has_this_key"
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "401 UNAUTHORIZED: Missing or invalid API key\n"
    assert not (tmp_path / "optimized").exists()
