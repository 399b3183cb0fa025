"""`pixmill analyze --embed`: words go into files, and nothing else happens to them."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from zlib import crc32

import numpy as np
import pytest

from cli.analyzing import ALT, analyze, command, contents, environment, images
from pixmill.engine import words
from pixmill.engine.words.types import Words
from services.vision.server import WORDS, streaming

from fixtures.exiftool import tags
from fixtures.pictures import animation, array, decoded, encode, graphic, photo


def test_embed_writes_the_words_and_no_pixel(folder, model, tmp_path):
    (folder / "plain.jpg").chmod(0o640)
    before = contents(folder)
    done = analyze(".", "--embed", "--json", cwd=folder, model=model)

    after = contents(folder)
    plain, told = tags(tmp_path, after["plain.jpg"], after["deep/told.PNG"])
    assert done.returncode == 0, done.stderr
    assert after.keys() == before.keys()
    assert plain["XMP-iptcCore:AltTextAccessibility"] == WORDS["alt"]
    assert plain["XMP-dc:Subject"] == WORDS["keywords"]
    assert told["XMP-iptcCore:AltTextAccessibility"] == ALT
    assert told["XMP-dc:Title"] == WORDS["title"]
    for name, data in after.items():
        assert np.array_equal(array(decoded(data)), array(decoded(before[name])))
    assert (folder / "plain.jpg").stat().st_mode & 0o777 == 0o640
    for image in images(done):
        assert image["embedded"]
        assert image["sha256"] == hashlib.sha256(after[image["file"]]).hexdigest()
        assert image["facts"]["file_size"] == len(after[image["file"]])
        assert not image["missing_alt"]


def test_what_says_everything_is_not_asked_about_or_written_again(folder, model):
    analyze(".", "--embed", cwd=folder, model=model)
    before, asked = contents(folder), len(model.asked)
    done = analyze(".", "--embed", "--json", cwd=folder, model=model)

    assert [image["embedded"] for image in images(done)] == [False, False]
    assert len(model.asked) == asked == 2
    assert contents(folder) == before


def test_overwrite_lets_the_model_go_first(folder, model, tmp_path):
    analyze("deep", "--embed", "--overwrite", cwd=folder, model=model)

    (told,) = tags(tmp_path, (folder / "deep" / "told.PNG").read_bytes())
    assert told["XMP-iptcCore:AltTextAccessibility"] == WORDS["alt"]


def test_a_format_that_cannot_carry_words_is_told_and_gets_a_sidecar(tmp_path, model):
    (tmp_path / "a.gif").write_bytes(animation("GIF"))
    before = (tmp_path / "a.gif").read_bytes()

    alone = analyze("a.gif", "--embed", "--fail-on-missing-alt", cwd=tmp_path, model=model)
    both = analyze(
        "a.gif", "--embed", "--sidecar", "--fail-on-missing-alt", cwd=tmp_path, model=model
    )
    assert alone.returncode == 1
    assert "Words cannot be written into this file. --sidecar keeps them" in alone.stderr
    assert both.returncode == 0, both.stderr
    assert (tmp_path / "a.gif").read_bytes() == before
    assert json.loads((tmp_path / "a.gif.json").read_text())["words"]["alt"] == WORDS["alt"]


def test_links_in_folders_are_passed_over_and_named_ones_stay_links(folder, model, tmp_path):
    outside = tmp_path / "outside.jpg"
    outside.write_bytes(encode(photo(seed=2), "JPEG"))
    (folder / "link.jpg").symlink_to(outside)
    (folder / "up").symlink_to(tmp_path)
    walked = analyze(".", "--json", cwd=folder, model=model)
    named = analyze("link.jpg", outside, "--embed", "--sidecar", "--json", cwd=folder, model=model)

    assert [image["file"] for image in images(walked)] == ["plain.jpg", "deep/told.PNG"]
    (image,) = images(named)
    assert (folder / "link.jpg").is_symlink()
    assert words.read(outside.read_bytes()).alt == WORDS["alt"]
    assert (tmp_path / "outside.jpg.json").exists()
    assert not (folder / "link.jpg.json").exists()
    assert image["file"] == "link.jpg"


@pytest.mark.parametrize(("locked", "mode"), [(".", 0o555), ("plain.jpg", 0o444)])
def test_what_may_not_be_written_is_told_and_stays(folder, model, locked, mode):
    (folder / locked).chmod(mode)
    before = contents(folder)
    done = subprocess.run(
        [sys.executable, "-c", BOUND, *command("plain.jpg", "--embed", "--json")],
        cwd=folder,
        env=environment(model),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    (image,) = images(done)
    assert done.returncode == 1
    assert image["error"] == "Permission denied"
    assert (image["embedded"], image["missing_alt"]) == (False, True)
    assert contents(folder) == before


#: Runs a command that modes of files bind, also as root: CAP_DAC_OVERRIDE and _READ_SEARCH go.
BOUND = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_kill_in_the_middle_leaves_each_file_as_it_was_or_whole(tmp_path, model):
    said = Words(
        **{name: WORDS[name] for name in ("title", "alt", "caption", "description")},
        keywords=tuple(WORDS["keywords"]),
    )
    old = {f"{seed:02}.jpg": encode(photo(seed=seed), "JPEG", quality=95) for seed in range(24)}
    new = {name: words.embed(data, said).data for name, data in old.items()}
    for name, data in old.items():
        (tmp_path / name).write_bytes(data)

    process = subprocess.Popen(
        command(".", "--embed"),
        cwd=tmp_path,
        env=environment(model),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not changed(tmp_path, old):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.returncode == -signal.SIGKILL, "it was over too soon"

    after = {name: (tmp_path / name).read_bytes() for name in old}
    assert all(data in {old[name], new[name]} for name, data in after.items())
    assert after != old
    again = analyze(".", "--embed", "--fail-on-missing-alt", cwd=tmp_path, model=model)
    assert again.returncode == 0, again.stderr
    assert {name: (tmp_path / name).read_bytes() for name in old} == new


def changed(folder: Path, old: dict[str, bytes]) -> bool:
    return any((folder / name).stat().st_size != len(data) for name, data in old.items())


def test_a_file_that_is_changed_while_a_model_is_asked_is_left_alone(folder, model):
    newer = encode(graphic(), "JPEG")

    def answer(handler, asked):
        (folder / "plain.jpg").write_bytes(newer)
        streaming()(handler, asked)

    model.says(answer)
    done = analyze("plain.jpg", "--embed", cwd=folder, model=model)

    assert done.returncode == 1
    assert "plain.jpg: The file was changed in the meantime." in done.stderr
    assert contents(folder).keys() == {"plain.jpg", "deep/told.PNG"}
    assert (folder / "plain.jpg").read_bytes() == newer


def test_a_void_c2pa_manifest_is_told(folder):
    data = with_c2pa((folder / "deep" / "told.PNG").read_bytes())
    (folder / "plain.png").write_bytes(data)
    analyze("plain.png", "--sidecar", cwd=folder)
    sidecar = folder / "plain.png.json"
    content = json.loads(sidecar.read_text())
    content["words"]["alt"] = "Six bars."
    sidecar.write_text(json.dumps(content))
    done = analyze("plain.png", "--embed", "--json", cwd=folder)

    assert images(done)[0]["notes"] == ["c2pa_invalidated"]
    assert "plain.png: Its C2PA manifest is void" in done.stderr


def with_c2pa(png: bytes) -> bytes:
    """Return *png* with a chunk as C2PA has it; nobody reads what is in it."""
    content = b"caBX" + b"\0\0\0\x08jumb"
    chunk = (len(content) - 4).to_bytes(4, "big") + content + crc32(content).to_bytes(4, "big")
    return png[:33] + chunk + png[33:]
