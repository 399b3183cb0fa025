"""Picture Optimizer's exports: what is made, what is in it, and where it can be had."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import update

from dialects.optimagio import change
from dialects.picture_optimizer import (
    SESSIONS,
    Body,
    analyze,
    balance,
    export,
    images,
    named,
    post,
    refused,
    someone,
    upload,
)
from pixmill import clock
from pixmill.stores.results import results
from services.vision.server import WORDS, Script

from fixtures.exiftool import tags
from fixtures.pictures import animation, array, decoded, encode, exif, graphic, photo
from fixtures.servers import Client, RunningServer


@pytest.fixture(scope="module")
def big() -> bytes:
    return encode(photo(1100, 800), "JPEG", quality=92, exif=exif(gps=True, artist="Ada"))


@pytest.fixture
def small() -> bytes:
    return encode(photo(64, 48), "PNG")


def done(heard: list[Any]) -> list[Body]:
    """Return the results of an export that has succeeded."""
    assert heard[-1].name == "complete", heard
    assert heard[-1].data["status"] == "completed", heard
    found: list[Body] = heard[-1].data["results"]
    return found


def got(variant: Body) -> bytes:
    """Return the file of a variant, which anybody with the link can have."""
    answer = requests.get(variant["url"], timeout=10)
    assert answer.status_code == 200, answer.text
    assert len(answer.content) == variant["size"]
    return answer.content


def made(client: Client, data: bytes, settings: Body, *, name: str = "a.jpg") -> Body:
    """Return what an export of one image gives."""
    [result] = done(export(client, upload(client, [(name, data)]), settings))
    return result


@pytest.mark.parametrize("prefix", ["", "/image-forge-api"])
@pytest.mark.parametrize("by", ["body", "path"])
def test_an_export_is_told(
    server: RunningServer, big: bytes, small: bytes, prefix: str, by: str
) -> None:
    """PO-2, PO-58 to PO-62, PO-65, PO-66, PO-68, PO-72, PO-78, PO-79."""
    client = someone(server)
    session = upload(client, [("My Photo.jpg", big), ("b.png", small)])
    before = balance(client)
    path = "/v1/export" if by == "body" else f"{SESSIONS}/{session['sessionId']}/export"
    body = {"sessionId": session["sessionId"], "images": images(session), "settings": {}}
    answer = post(client, f"{prefix}{path}", body)
    text = answer.text
    heard = export(client, session)
    progress = named(heard, "progress")
    [first, second] = done(heard)
    [full] = first["variants"]

    assert answer.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert text.count("event: complete") == 1
    assert f"{server.base_url}{prefix}/v1/files/" in text
    assert sorted(each["imageId"] for each in progress) == ["img_001"] * 2 + ["img_002"] * 2
    for each in progress:
        assert set(each) == {"imageId", "status", "step", "current", "total"}
        assert (each["status"], each["step"]) in {
            ("processing", "optimizing"), ("completed", "completed"),
        }  # fmt: skip
        assert each["total"] == 2
    assert (first["imageId"], second["imageId"]) == ("img_001", "img_002")
    assert first["originalFilename"] == "My Photo.jpg"
    assert first["filename"] == full["path"] == "My Photo.webp"
    assert (first["originalSize"], first["exportedSize"]) == (len(big), full["size"])
    assert first["savingsPercent"] == round(100 * (1 - full["size"] / len(big)), 1)
    assert (full["name"], full["width"], full["height"]) == ("full", 1100, 800)
    assert full["format"] == "webp"
    assert decoded(got(full)).format == "WEBP"
    assert before - balance(client) == 4  # PO-80: twice


@pytest.mark.parametrize(
    ("given", "format_"),
    [("webp", "WEBP"), ("avif", "AVIF"), ("jpeg", "JPEG"), ("jpg", "JPEG"), ("png", "PNG")],
)
def test_formats(server: RunningServer, small: bytes, given: str, format_: str) -> None:
    """PO-61."""
    result = made(someone(server), small, {"format": given})

    assert decoded(got(result["variants"][0])).format == format_
    assert result["filename"] == f"a.{'jpg' if format_ == 'JPEG' else format_.lower()}"


def test_the_original_format_is_kept(server: RunningServer, small: bytes, big: bytes) -> None:
    """PO-76."""
    client = someone(server)
    files = [
        ("a.png", small),
        ("b.jpg", big),
        ("c.gif", animation("GIF")),
        ("d.bmp", encode(graphic(), "BMP")),
        ("e.tiff", encode(photo(64, 48), "TIFF")),
    ]
    found = done(export(client, upload(client, files), {"format": "original"}))

    assert [result["filename"] for result in found] == [
        "a.png", "b.jpg", "c.gif", "d.png", "e.jpg",
    ]  # fmt: skip
    assert getattr(decoded(got(found[2]["variants"][0])), "n_frames", 1) == 5


def test_presets(server: RunningServer) -> None:
    """PO-62, PO-64, PO-75: the better the preset the larger the file; a quality goes before it."""
    client, big = someone(server), encode(photo(400, 300), "PNG")
    sizes = [
        made(client, big, {"format": "jpeg", "preset": preset})["exportedSize"]
        for preset in ("maximum", "very_high", "high", "medium", "low", "minimum")
    ]
    usual = made(client, big, {"format": "jpeg"})["exportedSize"]
    both = made(client, big, {"format": "jpeg", "preset": "maximum", "quality": 35})

    assert sizes == sorted(set(sizes), reverse=True)
    assert usual == sizes[2]
    assert both["exportedSize"] == sizes[5]


@pytest.mark.parametrize("format_", ["png", "original"])
def test_png_is_lossless_down_to_high(server: RunningServer, format_: str) -> None:
    """PO-64: below, a palette may do."""
    data = encode(photo(200, 150), "PNG")
    client = someone(server)
    high = made(client, data, {"format": format_, "preset": "high"}, name="a.png")
    low = made(client, data, {"format": format_, "preset": "low"}, name="a.png")

    assert (array(decoded(got(high["variants"][0]))) == array(decoded(data))).all()
    assert low["exportedSize"] < high["exportedSize"]
    assert not (array(decoded(got(low["variants"][0]))) == array(decoded(data))).all()


def test_sides(server: RunningServer, big: bytes) -> None:
    """PO-75, PO-77: nothing is enlarged."""
    client = someone(server)

    def size(**settings: object) -> tuple[int, int]:
        [variant] = made(client, big, settings)["variants"]
        picture = decoded(got(variant))
        assert picture.size == (variant["width"], variant["height"])
        return picture.size

    assert size(width=550) == (550, 400)
    assert size(width=550, height=200) == (275, 200)
    assert size(width=300, height=300, fit="fill") == (300, 300)
    assert size(width=5000) == (1100, 800)


def test_variants(server: RunningServer, big: bytes) -> None:
    """PO-63, PO-66, PO-69, PO-72, PO-77, PO-79."""
    client = someone(server)
    before = balance(client)
    variants = made(client, big, {"responsive": True})["variants"]

    assert [each["name"] for each in variants] == ["full", "480w", "768w", "1024w"]
    assert [each["width"] for each in variants] == [1100, 480, 768, 1024]
    assert [each["path"] for each in variants] == [
        "a.webp", "a-480w.webp", "a-768w.webp", "a-1024w.webp",
    ]  # fmt: skip
    for each in variants:
        assert decoded(got(each)).size == (each["width"], each["height"])
    assert before - balance(client) == 1


def test_variants_of_ones_own(server: RunningServer, big: bytes) -> None:
    """PO-63, PO-77."""
    client = someone(server)
    sizes = [{"width": 100}, {"height": 100, "name": "thumb"}, 300, {"width": 2000}]
    variants = made(client, big, {"responsive": True, "responsiveSizes": sizes})["variants"]
    unused = made(client, big, {"responsiveSizes": sizes})["variants"]
    within = made(client, big, {"responsive": True, "width": 500})["variants"]

    assert [(each["name"], each["width"]) for each in variants] == [
        ("full", 1100), ("100w", 100), ("thumb", 138), ("300w", 300),
    ]  # fmt: skip
    assert [each["name"] for each in unused] == ["full"]
    assert [each["name"] for each in within] == ["full", "480w"]


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif"])
def test_words_are_in_the_files(
    seeing_server: RunningServer, eyes: Script, big: bytes, tmp_path: Path, format_: str
) -> None:
    """PO-67, PO-70: another program reads them, and where it was taken is not in there."""
    del eyes
    client = someone(seeing_server)
    session = upload(client, [("a.jpg", big)])
    analyze(client, session)
    settings = {"format": format_, "responsive": True, "responsiveSizes": [{"width": 200}]}
    [result] = done(export(client, session, settings))
    assert result["filename"].startswith("red-kite-beach.")
    for found in tags(tmp_path, *(got(each) for each in result["variants"])):
        assert found["XMP-dc:Title"] == WORDS["title"]
        assert found["XMP-dc:Description"] == WORDS["description"]
        assert found["XMP-dc:Subject"] == WORDS["keywords"]
        assert found["XMP-iptcCore:AltTextAccessibility"] == WORDS["alt"]
        assert not [name for name in found if "GPS" in name or "Artist" in name]
        if format_ == "jpeg":
            assert found["IPTC:Keywords"] == WORDS["keywords"]
        if format_ in {"jpeg", "webp"}:
            assert found["IFD0:ImageDescription"]


def test_metadata_can_be_left_out_or_kept(
    server: RunningServer, big: bytes, tmp_path: Path
) -> None:
    """PO-60, PO-70, PO-75."""
    client = someone(server)
    session = upload(client, [("a.jpg", big)])
    said = [{**images(session)[0], "metadata": {"title": "Mine", "filename": "Mein Foto"}}]

    def found(**settings: object) -> Body:
        [result] = done(export(client, session, {"format": "jpeg", **settings}, images=said))
        assert result["filename"] == "mein-foto.jpg"
        [read] = tags(tmp_path, got(result["variants"][0]))
        return read

    usual, silent = found(), found(writeMetadata=False)
    kept = found(stripMetadata=False)

    assert usual["XMP-dc:Title"] == "Mine"
    assert "IFD0:Artist" not in usual
    assert not [name for name in silent if name.startswith(("XMP", "IPTC", "GPS"))]
    assert kept["XMP-dc:Title"] == "Mine"
    assert kept["IFD0:Artist"] == "Ada"
    assert [name for name in kept if "GPS" in name]


def test_what_is_said_with_the_order_goes_first(
    seeing_server: RunningServer, eyes: Script, small: bytes, tmp_path: Path
) -> None:
    """PO-60, PO-67: field by field; what is known is not changed by it."""
    del eyes
    client = someone(seeing_server)
    session = upload(client, [("a.png", small)])
    analyze(client, session)
    said = [{**images(session)[0], "metadata": {"title": "Mine", "caption": None}}]
    [result] = done(export(client, session, {}, images=said))
    [read] = tags(tmp_path, got(result["variants"][0]))
    again = done(export(client, session))

    assert read["XMP-dc:Title"] == "Mine"
    assert read["XMP-iptcCore:AltTextAccessibility"] == WORDS["alt"]
    [known] = tags(tmp_path, got(again[0]["variants"][0]))
    assert known["XMP-dc:Title"] == WORDS["title"]


def test_equal_names_are_numbered(server: RunningServer, small: bytes) -> None:
    """PO-68, PO-82: also beside those of an earlier export, and in another case."""
    client = someone(server)
    files = [("a.png", small), ("x/A.jpg", small), ("a.gif", small), ("b.png", small)]
    session = upload(client, files)
    first = done(export(client, session, images=images(session)[:1]))
    rest = done(export(client, session, images=images(session)[1:]))
    again = done(export(client, session))

    assert [each["filename"] for each in first + rest] == [
        "a.webp", "A-2.webp", "a-3.webp", "b.webp",
    ]  # fmt: skip
    assert len({each["filename"].casefold() for each in again}) == 4


@pytest.mark.parametrize(
    ("filename", "expected"),
    [
        ("../../../etc/passwd.png", "passwd.webp"),
        ("..\\..\\boot.ini.png", "boot.ini.webp"),
        ("<script>.png", "script.webp"),
        ("....png", "img_001.webp"),
        ("Über straße.png", "Über straße.webp"),
    ],
)
def test_names_lead_nowhere(
    server: RunningServer, small: bytes, filename: str, expected: str
) -> None:
    """PO-30, PO-68."""
    client = someone(server)
    session = upload(client, [(filename, small)])
    [result] = done(export(client, session))
    file = client.request(
        "GET", f"{SESSIONS}/{session['sessionId']}/files/{result['variants'][0]['path']}"
    )

    assert result["filename"] == expected
    assert file.status_code == 200
    assert got(result["variants"][0]) == file.content


def test_files_are_downloaded(server: RunningServer, small: bytes, big: bytes) -> None:
    """PO-73, PO-81: with a key, or by the link alone; in part, and as one archive."""
    client = someone(server)
    session = upload(client, [("a.png", small), ("b.jpg", big)])
    found = done(export(client, session, {"responsive": True}))
    root = f"{SESSIONS}/{session['sessionId']}"
    full = found[1]["variants"][0]
    path = f"{root}/files/{full['path']}"
    whole = client.request("GET", path)
    part = client.request("GET", path, headers={"Range": "bytes=10-19"})
    head = client.request("HEAD", path)
    known = client.request("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
    archive = client.request("GET", f"{root}/download")

    assert whole.content == got(full)
    assert whole.headers["Content-Type"] == "image/webp"
    assert whole.headers["Content-Disposition"] == 'attachment; filename="b.webp"'
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert (head.content, head.headers["Content-Length"]) == (b"", str(len(whole.content)))
    assert known.status_code == 304
    assert archive.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(archive.content)) as members:
        names = [each["path"] for result in found for each in result["variants"]]
        assert members.namelist() == names
        assert members.read(full["path"]) == whole.content
    for wrong in ("/files/c.webp", "/files/%00", "/files/..%2f..%2fetc", "/files/é"):
        assert client.request("GET", f"{root}{wrong}").status_code == 404
    assert requests.get(f"{client.base_url}{path}", timeout=10).status_code == 401
    forged = full["url"].rsplit("/", 2)
    assert requests.get(f"{forged[0]}/{'0' * 73}/b.webp", timeout=10).status_code == 404


def test_only_the_last_export_can_be_had(server: RunningServer, small: bytes) -> None:
    """PO-80, PO-81."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    [old] = done(export(client, session, {"format": "png"}))
    [new] = done(export(client, session, {"format": "jpeg"}))
    archive = client.request("GET", f"{SESSIONS}/{session['sessionId']}/download")

    assert zipfile.ZipFile(io.BytesIO(archive.content)).namelist() == [new["filename"]]
    assert requests.get(old["variants"][0]["url"], timeout=10).status_code == 404
    assert got(new["variants"][0])


def test_files_go_with_their_session(server: RunningServer, small: bytes) -> None:
    """PO-27, PO-34."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    root = f"{SESSIONS}/{session['sessionId']}"
    refused(client.request("GET", f"{root}/download"), 404, "not_found")
    [result] = done(export(client, session))
    client.request("DELETE", root)

    assert requests.get(result["variants"][0]["url"], timeout=10).status_code == 404


def test_a_file_that_has_expired(server: RunningServer, small: bytes) -> None:
    """PO-15, PO-81."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    [result] = done(export(client, session))
    link = result["variants"][0]["url"]
    id_ = link.split("/v1/files/")[1].split("/")[0]
    change(server, update(results).where(results.c.id == id_).values(expires_at=clock.now()))
    root = f"{SESSIONS}/{session['sessionId']}"

    refused(client.request("GET", f"{root}/files/a.webp"), 410, "file_expired")
    refused(client.request("GET", f"{root}/download"), 410, "file_expired")
    refused(requests.get(link, timeout=10), 410, "file_expired")


def test_an_image_that_fails_is_told_of(server: RunningServer, small: bytes) -> None:
    """PO-65, PO-93."""
    client = someone(server)
    session = upload(client, [("a.png", small), ("b.png", small[:-100])])
    before = balance(client)
    heard = export(client, session)
    [error] = named(heard, "error")

    assert (error["imageId"], error["code"]) == ("img_002", "unreadable_image")
    assert error["creditRefunded"] is True
    assert heard[-1].data["status"] == "completed_with_errors"
    assert [each["imageId"] for each in heard[-1].data["results"]] == ["img_001"]
    assert before - balance(client) == 1


@pytest.mark.parametrize(
    "settings",
    [
        None,
        [],
        "webp",
        {"format": "exe"},
        {"format": {"a": 1}},
        {"preset": "best"},
        {"quality": 0},
        {"quality": "high"},
        {"width": -1},
        {"width": 10**9},
        {"fit": "cover"},
        {"stripMetadata": "maybe"},
        {"responsive": True, "responsiveSizes": {"width": 1}},
        {"responsive": True, "responsiveSizes": [{}]},
        {"responsive": True, "responsiveSizes": [{"width": 1}] * 21},
        {"responsive": True, "responsiveSizes": [{"width": 1}, {"width": 1}]},
        {"responsive": True, "responsiveSizes": [{"width": 1, "name": "full"}]},
        {"responsive": True, "responsiveSizes": [{"width": 1, "name": "../x"}]},
    ],
    ids=repr,
)
def test_settings_that_cannot_be(server: RunningServer, small: bytes, settings: object) -> None:
    """PO-15, PO-60: `settings` is required, and nothing is charged."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    before = balance(client)
    body = {"sessionId": session["sessionId"], "images": images(session), "settings": settings}

    refused(post(client, "/v1/export", body), 400, "invalid_parameter")
    assert balance(client) == before


def test_a_sample_is_free(server: RunningServer, small: bytes, big: bytes) -> None:
    """PO-71, PO-72, PO-84, PO-94: it says how large an export would be, and shows it small."""
    client = someone(server)
    files = [("b.jpg", big), ("a.png", small), ("c.png", small[:-100]), *[("d.png", small)] * 4]
    session = upload(client, files)
    path = f"{SESSIONS}/{session['sessionId']}/sample"
    before = balance(client)
    answer = post(client, path, {"settings": {"format": "jpeg"}})
    told = answer.json()["samples"]
    chosen = post(client, path, {"images": images(session)[5:], "settings": {}}).json()["samples"]
    after = balance(client)
    export_ = done(export(client, session, {"format": "jpeg"}, images=images(session)[:1]))

    assert [each["imageId"] for each in told] == [f"img_00{number}" for number in range(1, 6)]
    assert told[0]["exportedSize"] == export_[0]["exportedSize"]
    assert told[0]["originalSize"] == len(big)
    preview = requests.get(told[0]["preview"]["url"], timeout=10).content
    assert decoded(preview).size == (480, 349)
    assert told[2]["code"] == "unreadable_image"
    assert [each["imageId"] for each in chosen] == ["img_006", "img_007"]
    assert before == after
    many = post(client, path, {"images": images(session)[:6]})
    refused(many, 400, "too_many_images")
    refused(post(client, path, {"images": ["img_100"]}), 400, "image_not_found")


def test_an_animation_without_a_place_for_words(server: RunningServer) -> None:
    """PO-70, PO-76: what could not be done is told."""
    client = someone(server)
    session = upload(client, [("a.gif", animation("GIF"))])
    said = [{**images(session)[0], "metadata": {"title": "Mine"}}]
    [result] = done(export(client, session, {"format": "original"}, images=said))

    assert result["notes"] == ["words_not_supported"]
    assert result["filename"] == "a.gif"
