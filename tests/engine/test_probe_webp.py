"""Headers of WebP files."""

import pytest

from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage, UnsupportedFormat

from fixtures import containers as make
from fixtures.pictures import animation, encode, frames, photo, translucent

LOSSY = encode(photo(48, 32), "WEBP")
LOSSLESS = encode(photo(48, 32), "WEBP", lossless=True)
ANIMATION, XMP, EXIF, ALPHA, ICC = 0x02, 0x04, 0x08, 0x10, 0x20


def chunk_of(data):
    """Return the one chunk of a simple file."""
    return data[12:]


@pytest.mark.parametrize(
    ("data", "alpha", "lossless"),
    [
        (LOSSY, False, False),
        (LOSSLESS, False, True),
        (encode(translucent(48, 32), "WEBP"), True, False),
        (encode(translucent(48, 32), "WEBP", lossless=True), True, True),
    ],
)
def test_coding_and_alpha_are_told_apart(data, alpha, lossless):
    info = probe(data)

    assert (info.width, info.height) == (48, 32)
    assert (info.alpha, info.lossless) == (alpha, lossless)


@pytest.mark.parametrize("loop", [0, 1, 7])
def test_an_animation_says_how_often_it_plays(loop):
    info = probe(animation("WEBP", loop=loop))

    assert (info.width, info.height, info.frames, info.loops) == (64, 48, 5, loop)


def test_an_animation_is_lossless_when_all_its_frames_are():
    first, *others = frames()
    options = {"save_all": True, "append_images": others}

    assert probe(encode(first, "WEBP", lossless=True, **options)).lossless
    assert not probe(encode(first, "WEBP", lossless=False, **options)).lossless


def test_an_animation_of_one_frame_does_not_loop():
    frame = make.riff_chunk(b"ANMF", bytes(16) + chunk_of(LOSSY))
    control = make.riff_chunk(b"ANIM", bytes(6))
    info = probe(make.webp(make.canvas(ANIMATION, (48, 32)), control, frame))

    assert (info.frames, info.loops) == (1, None)


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_exif_counts_with_and_without_the_prefix_of_jpeg(prefix):
    exif = make.riff_chunk(b"EXIF", prefix + make.exif(6, gps=True))
    info = probe(make.webp(make.canvas(EXIF, (48, 32)), chunk_of(LOSSY), exif))

    assert info.orientation == 6
    assert info.metadata == {"exif", "gps"}


def test_what_the_flags_do_not_announce_is_there_but_has_no_effect():
    info = probe(
        make.webp(
            make.canvas(0, (48, 32)),
            make.riff_chunk(b"ICCP", make.profile()),
            chunk_of(LOSSY),
            make.riff_chunk(b"EXIF", make.exif(6)),
            make.riff_chunk(b"XMP ", make.XMP),
        )
    )

    assert (info.orientation, info.profile) == (1, None)
    assert info.metadata == {"exif", "xmp"}


def test_the_canvas_is_the_size():
    info = probe(make.webp(make.canvas(ALPHA, (16384, 9)), chunk_of(LOSSY)))

    assert (info.width, info.height, info.alpha) == (16384, 9, True)


@pytest.mark.parametrize(
    "data",
    [
        make.webp(),
        make.webp(make.canvas(0, (48, 32))),
        make.webp(make.canvas(ANIMATION, (48, 32)), chunk_of(LOSSY)),
        make.webp(make.canvas(ANIMATION, (48, 32)), *[make.riff_chunk(b"ANMF", bytes(40))] * 2),
        make.webp(make.riff_chunk(b"ICCP", b"first"), chunk_of(LOSSY)),
        make.webp(make.riff_chunk(b"VP8 ", b"\x01" + LOSSY[21:40])),  # no key frame
        make.webp(make.riff_chunk(b"VP8 ", bytes(20))),
        make.webp(make.riff_chunk(b"VP8L", b"\x2e" + LOSSLESS[21:40])),
        make.webp(make.riff_chunk(b"VP8L", b"\x2f\0\0\0\xe0")),
        make.webp(make.riff_chunk(b"VP8X", b"\0")),
    ],
)
def test_a_file_without_a_picture_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)


def test_a_container_of_another_kind_is_not_supported():
    with pytest.raises(UnsupportedFormat):
        probe(b"RIFX" + LOSSY[4:])


def test_what_is_outside_of_the_container_does_not_count():
    outside = make.riff_chunk(b"EXIF", make.exif(6))

    assert probe(make.webp(make.canvas(EXIF, (48, 32)), chunk_of(LOSSY)) + outside).orientation == 1
