"""`pixmill optimize`, run as a person runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.pictures import decoded, encode, graphic, photo


def optimize(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pixmill", "optimize", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.png").write_bytes(encode(graphic(), "PNG"))
    (tmp_path / "a.jpg").write_bytes(encode(photo(), "JPEG", quality=95))
    (tmp_path / "broken.jpg").write_bytes(encode(photo(), "JPEG")[:2000])
    return tmp_path


def test_results_go_into_the_folder_asked_for(folder):
    done = optimize("a.png", "a.jpg", "-o", "small", "--format", "webp", "--width", 100, cwd=folder)

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (folder / "small").iterdir()} == {"a.webp", "a-2.webp"}
    assert decoded((folder / "small" / "a.webp").read_bytes()).width == 100
    assert "saved" in done.stdout
    assert "2 files" in done.stdout


def test_json_tells_of_every_file_and_one_failure_is_exit_code_1(folder):
    done = optimize("a.jpg", "broken.jpg", "none.png", "-o", "small", "--json", cwd=folder)

    report = json.loads(done.stdout)
    good, broken, absent = report["files"]
    assert done.returncode == 1
    assert report["version"] == 1
    assert good["error"] is None
    assert good["after"] == (folder / "small" / "a.jpg").stat().st_size < good["before"]
    assert broken["error"] == "The image could not be processed."
    assert absent["error"] == "No such file or directory"


def test_an_upload_is_never_overwritten(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    done = optimize("a.png", "a.jpg", "-o", ".", "--format", "jpeg", cwd=folder)

    assert done.returncode == 0, done.stderr
    for name, data in before.items():
        assert (folder / name).read_bytes() == data
    assert {path.name for path in folder.iterdir()} == {*before, "a-2.jpg", "a-3.jpg"}


def test_lossless_where_it_cannot_be_is_said(folder):
    done = optimize("a.png", "-o", "small", "--format", "jpeg", "--lossless", cwd=folder)

    assert done.returncode == 1
    assert "JPEG cannot be written without loss" in done.stderr
    assert not list((folder / "small").iterdir())
