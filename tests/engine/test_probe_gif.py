"""Headers and outlines of GIF files."""

import io

import pytest
import pyvips
from PIL import Image

from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage

from fixtures import containers as make
from fixtures.pictures import animation, encode, graphic

FRAME = make.gif_frame()
CLEAR = make.gif_extension(0xF9, b"\1\0\0\0")
OPAQUE = make.gif_extension(0xF9, b"\0\0\0\0")


def loops(repeats, name=b"NETSCAPE2.0"):
    return make.gif_extension(0xFF, name, b"\1" + repeats.to_bytes(2, "little"))


def test_a_still_does_not_loop():
    info = probe(encode(graphic(), "GIF"))

    assert (info.frames, info.loops) == (1, None)
    assert (info.colors, info.depth, info.lossless) == ("palette", 8, True)


@pytest.mark.parametrize("name", [b"NETSCAPE2.0", b"ANIMEXTS1.0"])
@pytest.mark.parametrize(("repeats", "plays"), [(0, 0), (1, 2), (65535, 65536)])
def test_an_animation_plays_once_more_than_it_repeats(name, repeats, plays):
    assert probe(make.gif(loops(repeats, name), FRAME, FRAME)).loops == plays


def test_an_animation_that_says_nothing_plays_once():
    data = make.gif(FRAME, FRAME)

    assert (probe(data).frames, probe(data).loops) == (2, 1)


def test_plays_agree_with_libvips():
    for loop in (None, 0, 4):
        data = animation("GIF", loop=loop)

        assert probe(data).loops == pyvips.Image.gifload_buffer(data, n=-1).get("loop")


def test_one_transparent_frame_is_enough():
    assert probe(make.gif(OPAQUE, FRAME, CLEAR, FRAME)).alpha
    assert not probe(make.gif(OPAQUE, FRAME)).alpha


@pytest.mark.parametrize("end", range(1, 5))
def test_what_follows_the_last_frame_may_be_cut_off(end):
    assert probe(make.gif(FRAME)[:-1] + CLEAR[:end]).frames == 1


def test_a_control_block_without_contents_controls_nothing():
    assert not probe(make.gif(make.gif_extension(0xF9), make.gif_extension(0xFE), FRAME)).alpha


@pytest.mark.parametrize("screen", [(0, 0), (1, 1), (10, 0), (16, 8), (30, 5), (300, 200)])
@pytest.mark.parametrize("frame", [(0, 0, 16, 8), (5, 7, 30, 20)])
def test_the_screen_grows_with_the_first_frame_as_in_decoders(screen, frame):
    data = make.gif(make.gif_frame(frame), screen=screen)
    info = probe(data)

    assert (info.width, info.height) == Image.open(io.BytesIO(data)).size


def test_later_frames_do_not_change_the_screen():
    data = make.gif(FRAME, make.gif_frame((0, 0, 500, 500)))

    assert (probe(data).width, probe(data).height) == (16, 8)


@pytest.mark.parametrize(
    ("extension", "expected"),
    [
        (make.gif_extension(0xFE, b"hello"), {"comment"}),
        (make.gif_extension(0xFF, b"XMP DataXMP", make.XMP[:200]), {"xmp"}),
        (make.gif_extension(0xFF, b"ICCRGBG1012", b"profile"), set()),
        (make.gif_extension(0x01, bytes(12), b"plain text"), set()),
    ],
)
def test_metadata_is_named(extension, expected):
    assert probe(make.gif(extension, FRAME)).metadata == expected


@pytest.mark.parametrize(
    "data",
    [
        make.gif(),
        make.gif(CLEAR),
        make.gif(b"\0", FRAME),
        make.gif(make.gif_extension(ord(","), bytes(20))),  # a label that looks like an image
    ],
)
def test_a_file_without_frames_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)


def test_the_animation_ends_where_something_else_begins():
    assert probe(make.gif(FRAME, FRAME, b"junk", FRAME)).frames == 2


def test_a_frame_that_is_cut_off_counts():
    assert probe(make.gif(FRAME, FRAME)[:-4]).frames == 2


@pytest.mark.parametrize("palette", [0x80, 0x87])
def test_palettes_of_frames_are_passed_over(palette):
    frame = bytearray(FRAME[:10])
    frame[9] = palette
    entries = b";" * (3 << (palette & 7) + 1)

    assert probe(make.gif(bytes(frame) + entries + FRAME[10:], FRAME)).frames == 2
