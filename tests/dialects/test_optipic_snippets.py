"""The code that OptiPic publishes, run as it is printed; only the base URL and the key change."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.pictures import decoded, encode, photo
from fixtures.servers import RunningServer, environment

SNIPPETS = Path(__file__).parent / "snippets"
BASE_URL = "https://api.opti.pictures"


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder in which Node finds the two packages that the published code imports."""
    folder = tmp_path_factory.mktemp("node")
    subprocess.run(
        ["npm", "install", "--prefix", folder, "--no-audit", "--no-fund", "--no-progress",
         "form-data@4", "node-fetch@3"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a folder with the picture that the published code reads."""
    picture = photo(400, 300).resize((1600, 1200))
    (tmp_path / "photo.jpg").write_bytes(encode(picture, "JPEG", quality=92))
    return tmp_path


def snippet(name: str, server: RunningServer) -> str:
    text = (SNIPPETS / name).read_text()
    assert BASE_URL in text
    return text.replace(BASE_URL, server.base_url)


def check_printed_numbers(printed: str, folder: Path) -> None:
    original, compressed, saved = printed.splitlines()
    sizes = [(folder / name).stat().st_size for name in ("photo.jpg", "photo.webp")]

    assert original == f"Original: {sizes[0]} bytes"
    assert compressed == f"Compressed: {sizes[1]} bytes"
    assert saved == f"Saved: {100 * (1 - sizes[1] / sizes[0]):.1f}%"
    assert decoded((folder / "photo.webp").read_bytes()).format == "WEBP"


def test_the_published_python_code_runs(server: RunningServer, folder: Path) -> None:
    """OP-1, OP-41."""
    done = subprocess.run(
        [sys.executable, "-c", snippet("optipic-python.txt", server)],
        cwd=folder,
        env=environment({"OPTIPIC_API_KEY": server.key("optipic-free")}),
        check=True,
        capture_output=True,
        text=True,
    )

    check_printed_numbers(done.stdout, folder)


def test_the_published_node_code_runs(
    server: RunningServer, folder: Path, node_modules: Path
) -> None:
    """OP-1, OP-40."""
    shutil.copytree(node_modules / "node_modules", folder / "node_modules")
    (folder / "snippet.mjs").write_text(snippet("optipic-node.txt", server))
    done = subprocess.run(
        ["node", "snippet.mjs"],
        cwd=folder,
        env=environment({"OPTIPIC_API_KEY": server.key("optipic-free")}),
        check=True,
        capture_output=True,
        text=True,
    )

    check_printed_numbers(done.stdout, folder)


def test_the_published_node_code_reads_errors(
    server: RunningServer, folder: Path, node_modules: Path
) -> None:
    """OP-42: the snippet throws the *error* of the body, which must be a string."""
    shutil.copytree(node_modules / "node_modules", folder / "node_modules")
    (folder / "snippet.mjs").write_text(snippet("optipic-node.txt", server))
    done = subprocess.run(
        ["node", "snippet.mjs"],
        cwd=folder,
        env=environment({"OPTIPIC_API_KEY": "op_live_nobody_has_this_key"}),
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 1
    assert "Error: invalid_api_key" in done.stderr


def test_the_published_curl_commands_run(server: RunningServer, folder: Path) -> None:
    """OP-1, OP-2, OP-23, OP-43, OP-50, OP-60."""
    commands = snippet("optipic-curl.txt", server)
    key = server.key("optipic-free")
    done = subprocess.run(
        ["bash", "-euc", commands.replace("op_live_your_api_key", key)],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    resized = decoded((folder / "photo-resized.webp").read_bytes())

    assert decoded((folder / "photo.webp").read_bytes()).format == "WEBP"
    assert decoded((folder / "photo.avif").read_bytes()).format == "AVIF"
    assert (resized.format, resized.size) == ("WEBP", (1280, 960))
    assert json.loads(done.stdout)["requests"] == 3


def test_a_chunked_upload_without_a_length_is_taken(server: RunningServer, folder: Path) -> None:
    """OP-40."""
    key = server.key("optipic-free")
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--fail", f"{server.base_url}/v1/compress",
         "--header", f"Authorization: Bearer {key}",
         "--header", "Transfer-Encoding: chunked",
         "--form", "file=@photo.jpg", "--form", "format=webp"],
        cwd=folder,
        check=True,
        capture_output=True,
    )  # fmt: skip

    assert decoded(done.stdout).format == "WEBP"
