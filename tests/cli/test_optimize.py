"""`pixmill optimize`: what comes of pictures, and what is told of it."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from cli.optimizing import command, contents, names, optimize, process, report, statuses

from fixtures.pictures import decoded, encode, exif, graphic, photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    (site / "blog").mkdir(parents=True)
    (site / "a.png").write_bytes(encode(graphic(), "PNG"))
    (site / "a.jpg").write_bytes(encode(photo(), "JPEG", quality=95, exif=exif(gps=True)))
    (site / "blog" / "hero.jpeg").write_bytes(encode(photo(seed=2), "JPEG", quality=95))
    (site / "notes.txt").write_text("no picture")
    return tmp_path


def test_a_tree_is_kept_in_several_formats_and_a_second_run_does_nothing(folder):
    (folder / "site" / "blog" / "hero.jpeg").chmod(0o640)
    os.utime(folder / "site" / "a.jpg", (1_000_000_000, 1_000_000_000))
    (folder / "site" / "broken.jpg").write_bytes(encode(photo(), "JPEG")[:2000])
    before = contents(folder / "site")
    call = ("site", "-o", "out", "-f", "same,webp", "--width", 100, "--keep-dates")

    first = report(*call, cwd=folder, code=1)
    made = contents(folder / "out")
    second = report(*call, cwd=folder, code=1)

    assert contents(folder / "site") == before
    assert set(made) == {
        *("a.jpg", "a.png", "a.jpg.webp", "a.png.webp"),
        *("blog/hero.jpeg", "blog/hero.webp"),
    }
    # A drawing of 100 pixels would be larger than it was with 240.
    widths = {name: decoded(data).width for name, data in made.items()}
    assert widths.pop("a.png") == 240
    assert set(widths.values()) == {100}
    assert (folder / "out" / "blog" / "hero.webp").stat().st_mode & 0o777 == 0o640
    assert (folder / "out" / "a.jpg").stat().st_mtime == 1_000_000_000
    assert first["schema_version"] == 2
    assert first["summary"]["written"] == 6
    assert first["summary"]["failed"] == 2
    assert statuses(first)["site/broken.jpg"] == ["failed", "failed"]
    assert statuses(second)["site/a.jpg"] == ["cached", "cached"]
    assert second["summary"]["cached"] == 6
    hero = next(each for each in first["files"] if each["file"] == "site/blog/hero.jpeg")
    assert hero["outputs"][1]["file"] == "out/blog/hero.webp"
    assert hero["outputs"][1]["after"] == len(made["blog/hero.webp"])


def test_pictures_are_replaced_once_and_known_on_another_machine(folder):
    site = folder / "site"
    (site / "a.jpg").chmod(0o604)
    before = contents(site)
    check = optimize("site", "--in-place", "--check", cwd=folder)
    dry = report("site", "--dry-run", cwd=folder)
    unchanged = contents(site)
    written = contents(folder)

    first = report("site", "--in-place", cwd=folder)
    after = contents(site)
    elsewhere = folder / "elsewhere" / "checkout"
    shutil.copytree(folder, elsewhere, ignore=shutil.ignore_patterns("elsewhere"))
    for path in elsewhere.rglob("*"):
        os.utime(path)
    second = report("site", "--in-place", "--check", cwd=elsewhere)

    assert check.exit_code == 1, check.output
    assert "to be optimized" in check.stdout
    assert unchanged == before
    assert set(written) == set(contents(folder)) - {".pixmill-cache.json"} - {
        name for name in names(folder) if name.startswith("elsewhere")
    }
    assert statuses(dry)["site/a.jpg"] == ["pending"]
    assert statuses(first)["site/a.jpg"] == ["written"]
    assert len(after["a.jpg"]) < len(before["a.jpg"])
    assert b"Exif" not in after["a.jpg"]
    assert after["notes.txt"] == before["notes.txt"]
    assert (site / "a.jpg").stat().st_mode & 0o777 == 0o604
    assert {status for each in statuses(second).values() for status in each} == {"cached"}
    assert contents(elsewhere / "site") == after
    assert names(site) == set(before)


def test_what_saves_too_little_stays_as_it_is(folder):
    report("site", "--in-place", cwd=folder)
    before = contents(folder / "site")

    again = report("site", "--in-place", "--no-cache", cwd=folder)
    wanting = report(
        "site", "--in-place", "-f", "same", "--min-savings", "99%", "--force", cwd=folder
    )
    larger = report("site/a.png", "-f", "avif", "-q", 100, "--no-cache", cwd=folder)

    assert contents(folder / "site") == before
    assert {one["reason"] for each in again["files"] for one in each["outputs"]} <= {
        "larger",
        "min_savings",
    }
    assert {one["reason"] for each in wanting["files"] for one in each["outputs"]} <= {
        "larger",
        "min_savings",
    }
    assert larger["files"][0]["outputs"][0]["reason"] == "larger"


def test_looks_limits_and_lossless_reach_the_engine(folder):
    looks = report(
        *("site/a.jpg", "-o", "out", "--target", 70, "-f", "same,auto", "--accept", "JPG,png"),
        *("--metadata", "keep"),
        cwd=folder,
    )
    small = report("site/a.jpg", "-o", "small", "--max-bytes", "4kB", cwd=folder)
    tiny = optimize("site/a.jpg", "-o", "tiny", "--max-bytes", 100, cwd=folder)
    lossless = optimize("site/a.png", "-f", "jpeg", "--lossless", cwd=folder)

    scores = [one["score"] for one in looks["files"][0]["outputs"]]
    assert all(abs(score - 70) <= 3 for score in scores)
    assert b"Exif" in (folder / "out" / "a.jpg").read_bytes()
    assert small["files"][0]["outputs"][0]["after"] <= 4000
    assert tiny.exit_code == 1
    assert "a.jpg: No look makes the image that small" in tiny.stderr
    assert lossless.exit_code == 1
    assert "JPEG cannot be written without loss" in lossless.stderr
    assert not (folder / "site" / "a.jpg.jpg").exists()


@pytest.mark.parametrize(
    ("call", "results"),
    [
        (("-f", "webp"), {"a.jpg.webp", "a.png.webp", "blog/hero.webp"}),
        (("--suffix", ".min"), {"a.min.jpg", "a.min.png", "blog/hero.min.jpeg"}),
    ],
)
def test_results_beside_pictures_are_not_taken_for_pictures(folder, call, results):
    before = names(folder / "site")

    report("site", *call, cwd=folder)
    second = report("site", *call, cwd=folder)

    assert second["summary"]["cached"] == second["summary"]["files"] == 3
    assert names(folder / "site") == before | results


def test_a_table_a_summary_and_silence(folder):
    done = optimize("site", "-o", "out", "--summary-md", "summary.md", cwd=folder)
    quiet = optimize("site", "-o", "out", "-Q", "--summary-md", "summary.md", cwd=folder)

    lines = done.stdout.splitlines()
    assert lines[0].split() == ["file", "format", "before", "after", "saved", "score", "how"]
    assert lines[-1].startswith("3 files: 3 optimized; ")
    assert done.stderr == ""
    assert quiet.stdout == ""
    text = (folder / "summary.md").read_text()
    assert text.count("### Pixmill") == 2
    assert "| out/blog/hero.jpeg | " in text
    assert "3 files: 3 unchanged." in text


def test_stdin_goes_to_stdout(folder):
    picture = (folder / "site" / "a.jpg").read_bytes()

    done = process("-", "-f", "webp", "--width", 64, cwd=folder, stdin=picture)
    wrong = process("-", cwd=folder, stdin=b"no picture")

    assert done.returncode == 0, done.stderr
    assert decoded(done.stdout).size == (64, 48)
    assert done.stderr == b""
    assert wrong.returncode == 1
    assert wrong.stdout == b""
    assert wrong.stderr.startswith(b"pixmill: The file is not an image")
    assert names(folder) == {f"site/{name}" for name in names(folder / "site")}


def test_what_a_project_wants_of_its_files_does_not_keep_a_picture_from_passing_through(folder):
    picture = (folder / "site" / "a.jpg").read_bytes()
    for text in (
        'output = "out"\nformat = ["same", "webp"]\njson = true',
        "in-place = true",
        'suffix = ".min"',
    ):
        (folder / "pixmill.toml").write_text(f"[optimize]\nwidth = 64\n{text}\n")
        done = process("-", cwd=folder, stdin=picture)
        assert done.returncode == 0, done.stderr
        assert decoded(done.stdout).size == (64, 48)
    wrong = process("-", "-o", "out", cwd=folder, stdin=picture)

    assert wrong.returncode == 2
    assert not (folder / "out").exists()


def test_whoever_interrupts_it_finds_no_half_files(tmp_path):
    picture = photo(900, 700)
    for number in range(40):
        data = encode(picture, "JPEG", quality=95, comment=str(number))
        (tmp_path / f"{number:02}.jpg").write_bytes(data)
    before = contents(tmp_path)
    with subprocess.Popen(
        command(".", "--in-place", "-j", 1), cwd=tmp_path, stderr=subprocess.PIPE
    ) as running:
        deadline = time.monotonic() + 60
        while contents(tmp_path) == before and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        code = running.wait(20)

    after = contents(tmp_path)
    assert code == 130
    assert set(after) == set(before)
    assert 0 < sum(after[name] != before[name] for name in before) < 40
    assert all(decoded(data).size == (900, 700) for data in after.values())
    assert json.loads((tmp_path / ".pixmill-cache.json").read_bytes())["entries"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("a.png",), "Say where results go"),
        (("a.png", "-o", "out", "--in-place"), "Choose one of"),
        (("a.png", "--in-place", "-f", "webp"), "keeps its format"),
        (("a.png", "-o", "out", "--target", 29), "--target"),
        (("a.png", "-o", "out", "--mode", "fast"), "--mode"),
        (("a.png", "-o", "out", "--max-bytes", "0"), "--max-bytes"),
        (("a.png", "-o", "out", "--accept", "webp,jxl"), "--accept"),
        (("a.png", "-o", "out", "--accept", ""), "--accept"),
        (("a.png", "-o", "out", "-f", "tiff"), "--format"),
        (("a.png", "-o", "out", "--min-savings", "5kg"), "--min-savings"),
        (("a.png", "--suffix", "/x"), "--suffix"),
        (("a.png", "-o", "out", "--exclude", "[z-a]"), "--exclude"),
        (("[z-a].png", "-o", "out"), "PATH"),
        (("-", "a.png"), "goes alone"),
        (("-", "-o", "out"), "stdout"),
        (("-", "-f", "webp,avif"), "--format"),
        (("a.png", "-o", "out", "--config", "none.toml"), "--config"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_done(tmp_path, arguments, named):
    (tmp_path / "a.png").write_bytes(encode(graphic(), "PNG"))

    done = optimize(*arguments, cwd=tmp_path)

    assert done.exit_code == 2
    assert named in done.stderr
    assert names(tmp_path) == {"a.png"}
