"""What `pixmill analyze` tells of pictures, and how it ends."""

import json
import os

from cli.analyzing import ALT, analyze, contents, images
from pixmill.engine import words
from pixmill.engine.words.types import Words
from services.vision.server import KEY, MODEL, WORDS, saying, streaming

from fixtures.pictures import encode, graphic, photo


def test_without_a_model_facts_and_the_files_own_words_are_told_and_nothing_is_invented(folder):
    before = contents(folder)
    done = analyze(".", "--json", cwd=folder)

    report = json.loads(done.stdout)
    plain, told = report["images"]
    assert done.returncode == 0, done.stderr
    assert (report["version"], report["model"]) == (1, None)
    assert (plain["file"], told["file"]) == ("plain.jpg", "deep/told.PNG")
    assert plain["facts"]["gps"]
    assert (plain["facts"]["width"], plain["facts"]["height"]) == (320, 240)
    assert plain["facts"]["colors"]
    assert plain["words"]["alt"] is None
    assert (plain["engine"], plain["sources"], plain["missing_alt"]) == ("local", {}, True)
    assert told["words"]["alt"] == ALT
    assert (told["sources"], told["missing_alt"]) == ({"alt": "file"}, False)
    assert "No model is configured" in done.stderr
    assert contents(folder) == before


def test_people_get_a_table_in_which_nothing_is_obeyed(folder):
    data = words.embed(encode(photo(), "JPEG"), Words(alt="[red]a[/red] :dog: \u202ex")).data
    (folder / "\x1b[31m[b]red.jpg").write_bytes(data)
    done = analyze(folder, cwd=folder)

    assert done.returncode == 0, done.stderr
    assert "�[31m[b]red.jpg" in done.stdout
    assert "alt: [red]a[/red] :dog: �x [file]" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert "no alt text" in done.stdout
    assert "JPEG 320×240" in done.stdout


def test_a_model_describes_and_words_in_the_file_go_first(folder, model):
    done = analyze(".", "--json", "--language", "de", cwd=folder, model=model)

    report = json.loads(done.stdout)
    plain, told = report["images"]
    assert done.returncode == 0, done.stderr
    assert (report["model"], report["language"]) == (MODEL, "de")
    assert plain["words"]["alt"] == WORDS["alt"]
    assert plain["sources"]["alt"] == "model"
    assert told["words"]["alt"] == ALT
    assert told["words"]["title"] == WORDS["title"]
    assert (told["sources"]["alt"], told["sources"]["title"]) == ("file", "model")
    assert [plain["filename"], told["filename"]] == ["red-kite-beach", "red-kite-beach-2"]
    assert all('"de"' in asked.body["messages"][0]["content"] for asked in model.asked)
    assert "No model" not in done.stderr
    assert KEY not in done.stdout + done.stderr


def test_missing_alt_fails_and_is_listed_until_it_is_kept(folder, model):
    without = analyze(".", "--fail-on-missing-alt", cwd=folder)
    suggested = analyze(".", "--fail-on-missing-alt", cwd=folder, model=model)
    kept = analyze(".", "--fail-on-missing-alt", "--embed", cwd=folder, model=model)
    after = analyze(".", "--fail-on-missing-alt", cwd=folder)

    assert [without.returncode, suggested.returncode] == [1, 1]
    assert "plain.jpg: No alt text.\n" in without.stderr
    assert "told.PNG" not in without.stderr
    assert "plain.jpg: No alt text. One was suggested; --embed or" in suggested.stderr
    assert [kept.returncode, after.returncode] == [0, 0]
    assert "No alt text" not in kept.stderr + after.stderr


def test_bad_files_do_not_stop_the_good_ones(folder):
    (folder / "a-cut.jpg").write_bytes(encode(photo(), "JPEG")[:2000])
    (folder / "b-empty.png").write_bytes(b"")
    (folder / "c-text.webp").write_text("<svg onload=alert(1)>")
    (folder / "d-bomb.png").write_bytes(bomb())
    os.mkfifo(folder / "e-pipe.jpg")
    (folder / "nothing").mkdir()
    (folder / "loop").symlink_to("loop")
    before = contents(folder)
    done = analyze(".", "absent.jpg", "nothing", "loop", "--json", "--embed", cwd=folder)

    found = {image["file"]: image["error"] for image in images(done)}
    assert done.returncode == 1
    assert found.pop("plain.jpg") is None
    assert found.pop("deep/told.PNG") is None
    assert found == {
        "a-cut.jpg": "The image could not be processed.",
        "b-empty.png": "The file is not an image of a supported format.",
        "c-text.webp": "The file is not an image of a supported format.",
        "d-bomb.png": "The image has a side of more than 65535 pixels.",
        "e-pipe.jpg": "This is not a regular file.",
        "absent.jpg": "No such file or directory",
        "nothing": "There are no pictures in this folder.",
        "loop": found["loop"],
    }
    assert found["loop"]
    assert contents(folder) == before


def bomb() -> bytes:
    data = bytearray(encode(graphic(), "PNG"))
    data[16:24] = (200_000).to_bytes(4, "big") * 2
    return bytes(data)


def test_a_model_that_fails_costs_no_facts_and_writes_nothing(folder, model):
    before = contents(folder)
    model.says(
        saying(401, {"error": {"message": KEY}}), streaming(json.dumps({**WORDS, "alt": ""}))
    )
    done = analyze(".", "--embed", "--sidecar", "--json", cwd=folder, model=model)

    found = images(done)
    assert done.returncode == 1
    assert all(image["error"] and image["facts"]["width"] for image in found)
    assert {image["words"]["alt"] for image in found} == {None, ALT}
    assert KEY not in done.stdout + done.stderr
    assert contents(folder) == before
