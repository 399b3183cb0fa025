"""`pixmill optimize`, run as a person runs it."""

import json
import re
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


def test_a_target_is_reached_and_the_score_is_printed(folder):
    done = optimize("a.jpg", "-o", "small", "--target", 70, "--json", cwd=folder)
    table = optimize("a.jpg", "-o", "small", "--mode", "size", cwd=folder)

    (row,) = json.loads(done.stdout)["files"]
    assert row["how"] == "encoded"
    assert abs(row["score"] - 70) <= 3
    assert "score" in table.stdout
    assert re.search(r" 6\d\.\d .* encoded ", table.stdout)


def test_auto_chooses_what_is_accepted(folder):
    done = optimize(
        "a.jpg", "a.png", "-o", "small", "-f", "auto", "--accept", "png,JPG", cwd=folder
    )

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (folder / "small").iterdir()} == {"a.jpg", "a.png"}


def test_what_is_optimized_already_is_told(folder):
    optimize("a.jpg", "-o", "once", cwd=folder)
    again = optimize("once/a.jpg", "-o", "twice", "--smart", "--json", cwd=folder)

    (row,) = json.loads(again.stdout)["files"]
    assert row["how"] in {"rescanned", "original"}
    assert row["score"] == 100
    assert row["after"] <= row["before"]


def test_a_size_is_kept_or_the_file_fails(folder):
    small = optimize("a.jpg", "-o", "small", "--max-bytes", 4000, cwd=folder)
    tiny = optimize("a.jpg", "-o", "tiny", "--max-bytes", 100, cwd=folder)

    assert small.returncode == 0, small.stderr
    assert (folder / "small" / "a.jpg").stat().st_size <= 4000
    assert tiny.returncode == 1
    assert "a.jpg: No look makes the image that small" in tiny.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("--target", 29),
        ("--mode", "fast"),
        ("--max-bytes", 0),
        ("--accept", "webp,jxl"),
        ("--accept", ""),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_done(folder, arguments):
    done = optimize("a.jpg", "-o", "small", *arguments, cwd=folder)

    assert done.returncode == 2
    assert arguments[0] in done.stderr
    assert not (folder / "small").exists()
