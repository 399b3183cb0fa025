"""
Clients written for Smolpix; only the base URL, the key and the image's URL change.

There is no SDK to run (SM-49): these are our own, after its documents.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.origins import Origin
from fixtures.pictures import decoded
from fixtures.servers import RunningServer, environment

SNIPPETS = Path(__file__).parent / "snippets" / "smolpix"

#: What runs each of them. PHP is not on every machine; `make test` installs it where it can.
PROGRAMS = {
    "client.py": sys.executable,
    "client.mjs": "node",
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


def call(name: str, server: RunningServer, folder: Path, **replaced: str) -> tuple[int, str, str]:
    """Run a client against *server*; return its exit code and what it printed."""
    code = (SNIPPETS / name).read_text()
    for published, ours in {
        "https://smolpix.co": server.base_url,
        "https://example.com/image.jpg": replaced["url"],
        "pk_live_your_key": replaced["key"],
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
    fetching_server: RunningServer, origin: Origin, jpeg: bytes, tmp_path: Path, name: str
) -> None:
    """SM-1, SM-2, SM-10, SM-30, SM-33, SM-49."""
    key = fetching_server.key("smolpix-pro")
    exit_code, printed, complaint = call(
        name, fetching_server, tmp_path, url=origin.picture(jpeg), key=key
    )
    size = (tmp_path / "optimized").stat().st_size

    assert (exit_code, complaint) == (0, "")
    assert printed == f"{round(100 * (1 - size / len(jpeg)))} {len(jpeg)} {size}\n"
    assert decoded((tmp_path / "optimized").read_bytes()).format == "AVIF"


@CLIENTS
def test_clients_hear_what_went_wrong(
    fetching_server: RunningServer, origin: Origin, tmp_path: Path, name: str
) -> None:
    """SM-33, SM-36, SM-47: all of them read `success`, `error` and `code`."""
    exit_code, printed, complaint = call(
        name, fetching_server, tmp_path, url=origin.page(), key="pk_live_nobody_has_this_key"
    )

    assert (exit_code, printed) == (1, "")
    assert complaint == "401 UNAUTHORIZED: Missing or invalid API key\n"
    assert not (tmp_path / "optimized").exists()
