"""Clients written for OctoSqueeze; only the base URL and the key change."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.pictures import decoded
from fixtures.servers import RunningServer, environment

SNIPPETS = Path(__file__).parent / "snippets" / "octosqueeze"

#: What runs each of them. PHP is not on every machine; `make test` installs it where it can.
PROGRAMS = {
    "client.py": sys.executable,
    "client.mjs": "node",
    "stream.cjs": "node",
    "client.sh": "sh",
    "client.php": "php",
}

CLIENTS = pytest.mark.parametrize(
    "name",
    [
        name
        for name, program in PROGRAMS.items()
        if program != "php" or shutil.which(program) or os.environ.get("CI")
    ],
)


def call(name: str, server: RunningServer, folder: Path, key: str) -> tuple[int, str, str]:
    """Run a client against *server*; return its exit code and what it printed."""
    code = (SNIPPETS / name).read_text()
    for published, ours in {
        "https://api.octosqueeze.com": server.base_url,
        "YOUR_API_KEY": key,
    }.items():
        assert code.count(published) == 1
        code = code.replace(published, ours)
    (folder / name).write_text(code)
    done = subprocess.run(
        [PROGRAMS[name], name],
        cwd=folder,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


@CLIENTS
def test_clients_get_their_image(
    server: RunningServer, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """OS-1, OS-2, OS-10, OS-12, OS-22, OS-25, OS-26, OS-60: the link needs no header."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    exit_code, printed, complaint = call(name, server, tmp_path, server.key("octosqueeze-free"))
    size = (tmp_path / "compressed.webp").stat().st_size

    assert (exit_code, complaint) == (0, "")
    assert printed == f"{round(100 * (1 - size / len(jpeg)))} {len(jpeg)} {size}\n"
    assert decoded((tmp_path / "compressed.webp").read_bytes()).format == "WEBP"


@CLIENTS
def test_clients_hear_what_went_wrong(
    server: RunningServer, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """OS-5, OS-6, OS-11: all of them read `success` and `error`."""
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    exit_code, printed, complaint = call(name, server, tmp_path, "os_nobody_has_this_key")

    assert (exit_code, printed) == (1, "")
    assert complaint == "401 unauthenticated: Invalid or missing API key\n"
    assert not (tmp_path / "compressed.webp").exists()
