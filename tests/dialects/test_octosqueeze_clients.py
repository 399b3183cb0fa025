"""Clients written for OctoSqueeze; only the base URL and the key change."""

import subprocess
from pathlib import Path

from fixtures.clients import call, clients
from fixtures.pictures import decoded
from fixtures.servers import RunningServer

SNIPPETS = Path(__file__).parent / "snippets" / "octosqueeze"

CLIENTS = clients("client.py", "client.mjs", "stream.cjs", "client.sh", "client.php")


def run(
    name: str, server: RunningServer, folder: Path, key: str
) -> subprocess.CompletedProcess[str]:
    """Run a client against *server*."""
    replaced = {"https://api.octosqueeze.com": server.base_url, "YOUR_API_KEY": key}
    return call(SNIPPETS / name, folder=folder, replaced=replaced)


@CLIENTS
def test_clients_get_their_image(
    server: RunningServer, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """OS-1, OS-2, OS-10, OS-12, OS-22, OS-25, OS-26, OS-60: the link needs no header."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    done = run(name, server, tmp_path, server.key("octosqueeze-free"))
    size = (tmp_path / "compressed.webp").stat().st_size

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{round(100 * (1 - size / len(jpeg)))} {len(jpeg)} {size}\n"
    assert decoded((tmp_path / "compressed.webp").read_bytes()).format == "WEBP"


@CLIENTS
def test_clients_hear_what_went_wrong(
    server: RunningServer, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """OS-5, OS-6, OS-11: all of them read `success` and `error`."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    done = run(name, server, tmp_path, "os_nobody_has_this_key")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "401 unauthenticated: Invalid or missing API key\n"
    assert not (tmp_path / "compressed.webp").exists()
