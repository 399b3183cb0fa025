"""Sidecars of `pixmill analyze`: written, edited by people, and read again."""

import hashlib
import json

from cli.analyzing import analyze, contents, images
from services.vision.server import MODEL, WORDS

from fixtures.exiftool import tags
from fixtures.pictures import encode, graphic


def test_a_sidecar_that_a_person_has_edited_is_embedded_and_no_model_is_asked(
    folder, model, tmp_path
):
    first = analyze("plain.jpg", "--sidecar", "--json", cwd=folder, model=model)
    sidecar = folder / "plain.jpg.json"
    content = json.loads(sidecar.read_text())
    assert images(first)[0]["sidecar"] == "plain.jpg.json"
    assert content["sha256"] == hashlib.sha256((folder / "plain.jpg").read_bytes()).hexdigest()
    assert (content["engine"], content["words"]["alt"]) == (MODEL, WORDS["alt"])
    assert content["facts"]["width"] == 320

    for alt in ("Ada flies her kite.", "Ada’s kite – again."):
        content["words"]["alt"] = alt
        sidecar.write_text(json.dumps(content))
        done = analyze("plain.jpg", "--embed", "--json", cwd=folder, model=model)

        data = (folder / "plain.jpg").read_bytes()
        (read,) = tags(tmp_path, data)
        (image,) = images(done)
        content = json.loads(sidecar.read_text())
        assert read["XMP-iptcCore:AltTextAccessibility"] == alt
        assert read["XMP-dc:Title"] == WORDS["title"]
        assert image["sources"]["alt"] == "sidecar"
        # It is still this picture's, so that it can be edited once more.
        assert content["sha256"] == hashlib.sha256(data).hexdigest()
    assert len(model.asked) == 1


def test_a_sidecar_of_another_picture_is_neither_used_nor_replaced_unasked(folder):
    analyze("plain.jpg", "--sidecar", cwd=folder)
    sidecar = folder / "plain.jpg.json"
    content = json.loads(sidecar.read_text())
    content["words"]["alt"] = "Somebody wrote this."
    sidecar.write_text(json.dumps(content))
    (folder / "plain.jpg").write_bytes(encode(graphic(), "JPEG"))

    told = analyze("plain.jpg", "--json", cwd=folder)
    kept = analyze("plain.jpg", "--sidecar", "--json", cwd=folder)
    assert images(told)[0]["notes"] == ["sidecar_of_another_picture"]
    assert images(told)[0]["words"]["alt"] is None
    assert kept.returncode == 1
    assert "--overwrite replaces it" in kept.stderr
    assert "Somebody wrote this." in sidecar.read_text()

    replaced = analyze("plain.jpg", "--sidecar", "--overwrite", cwd=folder)
    assert replaced.returncode == 0, replaced.stderr
    assert "Somebody wrote this." not in sidecar.read_text()


OWN = {"kind": "pixmill-sidecar", "version": 1, "sha256": "0" * 64, "engine": "local"}
BROKEN = {
    '{"kind": "pixmill-sidecar", }': "Its sidecar is not JSON. Line 1",
    "[" * 100_000: "Its sidecar is not JSON.",
    json.dumps({**OWN, "sha256": "", "words": {}}): "Its sidecar cannot be used. sha256",
    json.dumps({**OWN, "words": {"alt_text": "x"}}): "Its sidecar cannot be used. words.alt_text",
    json.dumps({**OWN, "words": {"alt": "x" * 1001}}): "A description has at most",
    " " * ((1 << 20) + 1): "Its sidecar cannot be used. The file has more than",
}


def test_a_broken_sidecar_is_told_and_kept(tmp_path):
    for number, content in enumerate(BROKEN):
        (tmp_path / f"{number}.jpg").write_bytes(encode(graphic(), "JPEG"))
        (tmp_path / f"{number}.jpg.json").write_text(content)
    before = contents(tmp_path)
    done = analyze(".", "--sidecar", "--embed", "--overwrite", cwd=tmp_path)

    assert done.returncode == 1
    for number, said in enumerate(BROKEN.values()):
        assert f"{number}.jpg: {said}" in done.stderr
    assert contents(tmp_path) == before


def test_another_programs_file_is_not_taken_for_a_sidecar_and_not_replaced(folder):
    (folder / "plain.jpg.json").write_text('{"title": "from somewhere else"}')
    read = analyze("plain.jpg", "--json", cwd=folder)
    written = analyze("plain.jpg", "--sidecar", "--overwrite", cwd=folder)

    assert read.returncode == 0, read.stderr
    assert images(read)[0]["words"]["title"] is None
    assert written.returncode == 1
    assert "a file of another program" in written.stderr
    assert (folder / "plain.jpg.json").read_text() == '{"title": "from somewhere else"}'


def test_a_link_in_place_of_a_sidecar_is_not_written_through(folder, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text('{"kind": "pixmill-sidecar"}')
    (folder / "plain.jpg.json").symlink_to(victim)
    done = analyze("plain.jpg", "--sidecar", "--overwrite", cwd=folder)

    assert done.returncode == 1
    assert victim.read_text() == '{"kind": "pixmill-sidecar"}'
