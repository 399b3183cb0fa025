"""Headers of PNG files."""

import struct
import zlib

import pytest
import pyvips
from PIL import Image, PngImagePlugin

from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage

from fixtures import containers as make
from fixtures.pictures import animation, encode, photo

PICTURE = encode(photo(48, 32), "PNG")


def icc(profile):
    return make.png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))


@pytest.mark.parametrize(
    ("kind", "depth", "expected"),
    [
        (0, 1, ("grey", 1, False)),
        (0, 16, ("grey", 16, False)),
        (2, 8, ("rgb", 8, False)),
        (2, 16, ("rgb", 16, False)),
        (3, 4, ("palette", 8, False)),
        (4, 8, ("grey", 8, True)),
        (6, 16, ("rgb", 16, True)),
    ],
)
def test_color_type_and_depth_are_those_of_the_samples(kind, depth, expected):
    info = probe(make.png_head(kind=kind, depth=depth))

    assert (info.colors, info.depth, info.alpha) == expected


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_transparency_without_an_alpha_channel_is_alpha_too(kind):
    data = make.with_chunks(make.png_head(kind=kind), make.png_chunk(b"tRNS", bytes(6)))

    assert probe(data).alpha


@pytest.mark.parametrize(
    "data",
    [
        make.png_head(kind=2, depth=4),
        make.png_head(kind=5),
        make.png_head(interlaced=2),
        make.png_head(size=(2**31, 8)),
        make.png_head()[:33] + make.png_chunk(b"IEND"),
        make.with_chunks(make.png_head(), make.png_chunk(b"CgBI", bytes(4)), before=b"IHDR"),
        make.png_head().replace(b"\0\0\0\x0dIHDR", b"\0\0\0\x0cIHDR"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)


def test_interlaced_pictures_need_the_whole_file():
    image = pyvips.Image.new_from_buffer(PICTURE, "")

    assert probe(image.pngsave_buffer(interlace=True)).progressive
    assert not probe(image.pngsave_buffer()).progressive


@pytest.mark.parametrize("before", [b"IDAT", b"IEND"])
def test_exif_counts_before_and_after_the_pixels(before):
    data = make.with_chunks(PICTURE, make.png_chunk(b"eXIf", make.exif(6, gps=True)), before=before)

    assert probe(data).orientation == 6
    assert probe(data).metadata == {"exif", "gps"}


def test_exif_may_have_the_prefix_that_belongs_in_jpeg():
    chunk = make.png_chunk(b"eXIf", b"Exif\0\0" + make.exif(8))

    assert probe(make.with_chunks(PICTURE, chunk)).orientation == 8


@pytest.mark.parametrize(
    ("keyword", "expected"),
    [
        ("XML:com.adobe.xmp", "xmp"),
        ("Raw profile type exif", "exif"),
        ("Raw profile type iptc", "iptc"),
        ("Comment", "comment"),
    ],
)
@pytest.mark.parametrize("kind", ["plain", "compressed", "international"])
def test_text_is_named_for_what_it_holds(keyword, expected, kind):
    text = PngImagePlugin.PngInfo()
    if kind == "international":
        text.add_itxt(keyword, "text")
    else:
        text.add_text(keyword, "text", zip=kind == "compressed")

    assert probe(encode(photo(48, 32), "PNG", pnginfo=text)).metadata == {expected}


def test_a_profile_that_would_unpack_to_more_than_any_real_one_is_ignored():
    bomb = make.with_chunks(PICTURE, icc(make.profile() + bytes(16 * 1024 * 1024)), before=b"IDAT")

    assert len(bomb) < 100_000
    assert probe(bomb).profile is None


@pytest.mark.parametrize(
    "chunk",
    [
        icc(b"not a profile"),
        make.png_chunk(b"iCCP", b"name\0\0" + zlib.compress(make.profile())[:-9]),
        make.png_chunk(b"iCCP", b"name\0\0no stream"),
        make.png_chunk(b"iCCP", b"name\0\1" + zlib.compress(make.profile())),
        make.png_chunk(b"iCCP", b"x" * 80 + b"\0\0" + zlib.compress(make.profile())),
        make.png_chunk(b"iCCP", b""),
    ],
)
def test_a_broken_profile_is_ignored(chunk):
    assert probe(make.with_chunks(PICTURE, chunk)).profile is None


@pytest.mark.parametrize("loop", [0, 1, 7])
def test_an_animation_says_how_often_it_plays(loop):
    info = probe(animation("PNG", loop=loop))

    assert (info.frames, info.loops) == (5, loop)


@pytest.mark.parametrize(
    ("announced", "expected"), [(2**32 - 1, 5), (5, 5), (3, 3), (1, 1), (0, 1)]
)
def test_frames_that_are_only_announced_do_not_count(announced, expected):
    data = bytearray(animation("PNG"))
    struct.pack_into(">I", data, data.index(b"acTL") + 4, announced)

    info = probe(bytes(data))

    assert info.frames == expected
    assert info.loops == (0 if expected > 1 else None)


def test_an_animation_that_is_announced_too_late_is_a_still():
    control = make.png_chunk(b"acTL", struct.pack(">II", 2, 0))
    frame = make.png_chunk(b"fcTL", bytes(26))

    assert probe(make.with_chunks(PICTURE, control, frame, frame, before=b"IEND")).frames == 1


def test_a_palette_is_a_palette():
    info = probe(encode(Image.new("P", (8, 8)), "PNG", bits=2))

    assert (info.colors, info.depth) == ("palette", 8)
