"""Words go into files without touching a pixel, and other programs find them there."""

import hashlib
import io
import struct

import numpy as np
import pillow_heif
import pytest
import pyvips
from PIL import Image

from pixmill.engine.containers import jpeg as container
from pixmill.engine.words import C2PA_INVALIDATED, c2pa, embed, read
from pixmill.engine.words.types import MOST_LONG, MOST_SHORT, Words
from pixmill.errors import UnreadableImage, UnsupportedFormat, WordsDoNotFit, WordsNotSupported

from fixtures import containers as make
from fixtures import exiftool
from fixtures.pictures import animation, encode, exif, graphic, photo, quadrants, translucent

WORDS = Words(
    title="Tïtle \"quoted\" 'too' <&> 山 🦊",
    alt="A fox & a cub <on> the 山",
    caption="First line\nsecond; line",
    description="🦊é&" * 1666 + "山<",
    keywords=("red fox", "山", 'a<&>"b"', "🦊"),
    copyright="© 2026 Ada & Sons",
)
PLAIN = Words(title="Fox", description="A red fox", keywords=("fox", "snow"), copyright="Ada")
LONG_CAMERA = exif(6, gps=True, artist="Ada")


def _heic(picture: Image.Image) -> bytes:
    out = io.BytesIO()
    pillow_heif.from_pillow(picture).save(out, quality=70)
    return out.getvalue()


FILES = {
    "jpeg": encode(photo(), "JPEG", exif=LONG_CAMERA),
    "progressive jpeg": encode(photo(), "JPEG", progressive=True),
    "png": encode(graphic(), "PNG"),
    "png with exif": encode(graphic(), "PNG", exif=LONG_CAMERA),
    "apng": animation("PNG"),
    "lossy webp": encode(photo(), "WEBP"),
    "lossless webp": encode(photo(), "WEBP", lossless=True),
    "webp with alpha": encode(translucent(), "WEBP"),
    "lossless webp with alpha": encode(translucent(), "WEBP", lossless=True),
    "webp with exif": encode(photo(), "WEBP", exif=LONG_CAMERA),
    "animated webp": animation("WEBP"),
    "avif": encode(photo(), "AVIF"),
    "avif with alpha": encode(translucent(), "AVIF"),
    "avif with exif and xmp": encode(photo(), "AVIF", exif=LONG_CAMERA, xmp=make.XMP),
    "animated avif": animation("AVIF"),
    "heic": _heic(photo()),
}

#: What libvips does not decode.
PILLOW_ONLY = {"heic", "animated avif"}


def frames(data: bytes) -> list[np.ndarray]:
    """Decode every frame of *data*."""
    if b"ftypheic" in data[:16]:
        return [np.asarray(pillow_heif.open_heif(data).to_pillow())]
    with Image.open(io.BytesIO(data)) as picture:
        found = []
        for index in range(getattr(picture, "n_frames", 1)):
            picture.seek(index)
            found.append(np.asarray(picture.convert("RGBA")))
        return found


@pytest.mark.parametrize("name", FILES)
def test_no_pixel_changes(name):
    before, after = FILES[name], embed(FILES[name], WORDS).data

    assert len(frames(before)) == len(frames(after))
    for one, other in zip(frames(before), frames(after), strict=True):
        assert np.array_equal(one, other)


@pytest.mark.parametrize("name", [name for name in FILES if name not in PILLOW_ONLY])
def test_libvips_decodes_the_same(name):
    before, after = (
        pyvips.Image.new_from_buffer(data, "")
        for data in (FILES[name], embed(FILES[name], WORDS).data)
    )

    assert before.write_to_memory() == after.write_to_memory()


@pytest.mark.parametrize("name", FILES)
def test_what_was_embedded_is_read(name):
    assert read(FILES[name]) == Words()
    assert read(embed(FILES[name], WORDS).data) == WORDS


@pytest.mark.parametrize("name", FILES)
def test_twice_is_once(name):
    once = embed(FILES[name], WORDS)

    assert embed(once.data, WORDS).data == once.data
    assert once.notes == ()


@pytest.mark.parametrize("name", FILES)
def test_words_that_change_all_the_time_do_not_make_a_file_grow(name):
    data = embed(FILES[name], PLAIN).data
    for words in (WORDS, PLAIN, Words(title="Cub"), Words(title="Fox")):
        data = embed(data, words).data

    # What another language or a list leaves behind is a few bytes.
    assert len(data) <= len(embed(FILES[name], PLAIN).data) + len(WORDS.caption or "") * 2 + 1000
    assert read(data) == Words(
        title="Fox",
        alt=WORDS.alt,
        caption=WORDS.caption,
        description=PLAIN.description,
        keywords=PLAIN.keywords,
        copyright=PLAIN.copyright,
    )


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("words", [Words(), Words(title="", alt=" \n", keywords=("", " "))])
def test_without_words_nothing_changes(name, words):
    assert embed(FILES[name], words).data is FILES[name]


def test_exiftool_reads_the_same_words_in_every_format(tmp_path):
    found = exiftool.tags(tmp_path, *(embed(data, WORDS).data for data in FILES.values()))

    for name, tags in zip(FILES, found, strict=True):
        assert tags["XMP-dc:Title"] == WORDS.title, name
        assert tags["XMP-iptcCore:AltTextAccessibility"] == WORDS.alt, name
        assert tags["XMP-photoshop:Headline"] == WORDS.caption, name
        assert tags["XMP-dc:Description"] == WORDS.description, name
        assert tags["XMP-dc:Subject"] == list(WORDS.keywords), name
        assert tags["XMP-dc:Rights"] == WORDS.copyright, name
        assert not [tag for tag in tags if tag.startswith("ExifTool:") and "Version" not in tag]


def test_exiftool_reads_exif_where_it_can_be_exact(tmp_path):
    names = ["jpeg", "progressive jpeg", "png", "png with exif", "lossy webp", "webp with exif"]
    for tags in exiftool.tags(tmp_path, *(embed(FILES[name], PLAIN).data for name in names)):
        assert tags["IFD0:ImageDescription"] == "A red fox"
        assert tags["IFD0:XPTitle"] == "Fox"
        assert tags["IFD0:XPKeywords"] == "fox;snow"
        assert tags["IFD0:Copyright"] == "Ada"


def test_exif_never_says_what_was_replaced(tmp_path):
    before = embed(FILES["jpeg"], PLAIN).data
    after = Words(description="Füchse", keywords=("a;b",), title="🦊", copyright="©")
    (tags,) = exiftool.tags(tmp_path, embed(before, after).data)

    for tag in ("ImageDescription", "XPTitle", "XPKeywords", "Copyright"):
        assert f"IFD0:{tag}" not in tags
    assert tags["IFD0:Artist"] == "Ada"
    assert "GPS:GPSLatitude" in tags


def test_exiftool_reads_iptc_in_jpeg(tmp_path):
    words = Words(
        title="Tïtle 山",
        caption="Füchse",
        description="é" * 900,
        keywords=("山", "b"),
        copyright="©",
    )
    (tags,) = exiftool.tags(tmp_path, embed(FILES["jpeg"], words).data)

    assert tags["IPTC:CodedCharacterSet"] == "UTF8"
    assert tags["IPTC:ObjectName"] == words.title
    assert tags["IPTC:Headline"] == words.caption
    assert tags["IPTC:Caption-Abstract"] == words.description
    assert tags["IPTC:Keywords"] == list(words.keywords)
    assert tags["IPTC:CopyrightNotice"] == words.copyright


def test_iptc_is_left_out_rather_than_cut(tmp_path):
    before = embed(FILES["jpeg"], PLAIN).data
    words = Words(title="t" * 65, description="d" * 2001, keywords=("a", "k" * 65))
    (tags,) = exiftool.tags(tmp_path, embed(before, words).data)

    assert {"IPTC:ObjectName", "IPTC:Caption-Abstract", "IPTC:Keywords"}.isdisjoint(tags)
    assert tags["IPTC:CopyrightNotice"] == "Ada"


#: What is another number in any longer file.
MOVED = {
    "SourceFile",
    "RIFF:WebP_Flags",
    "QuickTime:MediaDataSize",
    "QuickTime:MediaDataOffset",
    "Meta:XMPOffset",
}


def test_other_metadata_stays(tmp_path):
    resource = b"8BIM" + struct.pack(">HxxI", 0x03ED, 16) + bytes(16)
    iptc = make.IPTC + resource
    jpeg = make.with_segments(
        encode(photo(), "JPEG", icc_profile=make.profile()),
        make.jpeg_segment(0xED, iptc),
        make.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + make.XMP),
        make.jpeg_segment(0xE1, b"Exif\0\0" + make.exif(6, gps=True)),
        make.jpeg_segment(0xFE, b"a comment"),
    )
    files = (jpeg, FILES["avif with exif and xmp"], FILES["webp with exif"])
    before = exiftool.tags(tmp_path, *files)
    after = exiftool.tags(tmp_path, *(embed(file, Words(alt="A fox")).data for file in files))

    for one, other in zip(before, after, strict=True):
        lost = {tag for tag, value in one.items() if other.get(tag) != value}
        assert {tag for tag in lost if not tag.startswith(("System", "File"))} <= MOVED
        assert any("AltText" in tag for tag in other)
    assert after[0]["IPTC:Caption-Abstract"] == make.SECRET.decode()
    assert after[0]["IFD0:Orientation"] == "Rotate 90 CW"


def test_latin_iptc_of_others_is_still_read_when_it_becomes_utf8(tmp_path):
    city = "Zürich".encode("latin-1")
    dataset = b"\x1c\x02\x5a" + struct.pack(">H", len(city)) + city
    block = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", len(dataset)) + dataset + b"\0"
    jpeg = make.with_segments(encode(photo(), "JPEG"), make.jpeg_segment(0xED, block))
    (tags,) = exiftool.tags(tmp_path, embed(jpeg, Words(title="Straße")).data)

    assert tags["IPTC:City"] == "Zürich"
    assert tags["IPTC:ObjectName"] == "Straße"


def test_the_digest_of_iptc_is_kept_right(tmp_path):
    digest = b"8BIM" + struct.pack(">HxxI", 0x0425, 16) + bytes(16)
    jpeg = make.with_segments(encode(photo(), "JPEG"), make.jpeg_segment(0xED, make.IPTC + digest))
    made = embed(jpeg, Words(title="Fox")).data
    (tags,) = exiftool.tags(tmp_path, made)
    block = container.carried(made, container.before_scan(made)).iptc or b""
    (size,) = struct.unpack_from(">I", block, 22)

    assert tags["Photoshop:IPTCDigest"] == hashlib.md5(block[26 : 26 + size]).hexdigest()


def test_further_pictures_of_a_jpeg_are_still_found(tmp_path):
    second = encode(quadrants(), "JPEG")
    entries = struct.pack(">IIIHH", 0x030000, 0, 0, 0, 0) + struct.pack(
        ">IIIHH", 0, len(second), 0, 0, 0
    )
    fields = (
        struct.pack(">HHI4s", 0xB000, 7, 4, b"0100"),
        struct.pack(">HHII", 0xB001, 4, 1, 2),
        struct.pack(">HHII", 0xB002, 7, 32, 50),
    )
    head = b"MM\0*" + struct.pack(">IH", 8, 3) + b"".join(fields) + bytes(4)
    xmp = make.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + make.XMP)
    first = make.with_segments(
        encode(photo(), "JPEG"), make.jpeg_segment(0xE2, b"MPF\0" + head + entries), xmp
    )
    at = first.index(b"MPF\0") + 4
    whole = bytearray(first + second)
    struct.pack_into(">I", whole, at + 50 + 4, len(first))
    struct.pack_into(">I", whole, at + 50 + 24, len(first) - at)
    made = embed(bytes(whole), WORDS).data
    (tags,) = exiftool.tags(tmp_path, made)

    assert tags["MPImage1:MPImageLength"] == len(made) - len(second)
    assert tags["MPImage2:MPImageStart"] == len(made) - len(second)
    assert made.endswith(second)


def test_a_tail_of_a_webp_and_order_in_a_png_stay():
    webp = embed(FILES["lossy webp"] + b"tail", WORDS).data
    assert webp.endswith(b"tail")
    assert struct.unpack_from("<I", webp, 4)[0] == len(webp) - 8 - 4
    png = embed(FILES["png"], PLAIN).data
    assert png.index(b"XML:com.adobe.xmp") < png.index(b"IDAT")
    assert png.index(b"eXIf") < png.index(b"IDAT")


def test_replaced_words_are_not_left_in_an_avif():
    made = embed(FILES["avif with exif and xmp"], PLAIN).data

    assert made.count(make.SECRET) == 1
    assert embed(made, WORDS).data.count(b"A red fox") == 0


def test_an_avif_with_offsets_that_are_not_known_is_refused():
    avif = FILES["avif"]
    for odd in (
        avif + make.box(b"moof", bytes(8)),
        avif + make.box(b"moov", make.box(b"meta", bytes(4))),
        avif.replace(b"pitm", b"free"),
        avif.replace(b"iinf", b"free"),
        avif + b"stray",
        avif + avif[avif.index(b"meta") - 4 :],
    ):
        with pytest.raises((WordsNotSupported, UnreadableImage)):
            embed(odd, PLAIN)


@pytest.mark.parametrize(
    "words",
    [
        Words(description="d" * (MOST_LONG + 1)),
        Words(alt="a" * (MOST_SHORT + 1)),
        Words(keywords=("k",) * 201),
        Words(keywords=("k" * MOST_LONG, "k")),
    ],
)
def test_words_that_are_too_long_are_refused(words):
    with pytest.raises(WordsDoNotFit):
        embed(FILES["jpeg"], words)


def test_a_jpeg_whose_xmp_is_full_is_refused():
    full = make.XMP.replace(make.SECRET, b"x" * 64_000)
    jpeg = make.with_segments(
        encode(photo(), "JPEG"), make.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + full)
    )

    with pytest.raises(WordsDoNotFit):
        embed(jpeg, WORDS)


def test_all_that_words_may_be_fits_into_a_jpeg():
    short, long = "🦊" * MOST_SHORT, "🦊" * MOST_LONG
    words = Words(
        title=short, alt=short, caption=short, description=long, keywords=(long,), copyright=short
    )

    assert read(embed(FILES["jpeg"], words).data) == words


def test_other_formats_are_refused():
    for format_ in ("GIF", "TIFF", "BMP"):
        with pytest.raises(WordsNotSupported):
            embed(encode(graphic(), format_), WORDS)
    with pytest.raises(UnsupportedFormat):
        embed(b"no picture", WORDS)


def test_words_of_a_tiff_are_read():
    image = pyvips.Image.new_from_array(np.asarray(graphic())).copy()
    packet = embed(FILES["png"], WORDS).data
    start = packet.index(b"<?xpacket")
    xmp = packet[start : packet.index(b"?>", packet.index(b"xpacket end")) + 2]
    image.set_type(pyvips.GValue.blob_type, "xmp-data", xmp)

    assert read(image.tiffsave_buffer(keep="all")) == WORDS


def test_what_cannot_be_in_xml_is_left_out():
    made = embed(FILES["png"], Words(title="a\0b\x1bc\ud800d\ufffe", keywords=("\x01", "x"))).data

    assert read(made) == Words(title="abcd", keywords=("x",))


JUMBF = b"JP\0\1\0\0\0\1\0\0\0\x40jumb\0\0\0\x26jumdc2pa"
SIGNED = {
    "jpeg": make.with_segments(FILES["jpeg"], make.jpeg_segment(0xEB, JUMBF)),
    "png": make.with_chunks(FILES["png"], make.png_chunk(b"caBX", JUMBF)),
    "webp": make.webp(FILES["webp with alpha"][12:], make.riff_chunk(b"C2PA", JUMBF)),
    "avif": FILES["avif"]
    + make.box(b"uuid", bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), JUMBF),
}


@pytest.mark.parametrize("name", SIGNED)
def test_a_manifest_is_never_broken_in_silence(name):
    assert c2pa(SIGNED[name])
    made = embed(SIGNED[name], WORDS)

    assert made.notes == (C2PA_INVALIDATED,)
    assert c2pa(made.data)
    assert embed(made.data, WORDS).notes == ()


@pytest.mark.parametrize("name", FILES)
def test_no_manifest_is_seen_where_there_is_none(name):
    assert not c2pa(FILES[name])
    assert not c2pa(embed(FILES[name], Words(title="c2pa jumb caBX")).data)
