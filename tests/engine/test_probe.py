"""What a file says of itself: any bytes give an answer or one of two errors."""

import mmap
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixmill.engine.metadata import strip
from pixmill.engine.probe import probe
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

from fixtures import containers as make
from fixtures.pictures import animation, encode, graphic, photo, translucent

PHOTO = photo(40, 30)

SAMPLES = {
    "jpeg": encode(
        PHOTO, "JPEG", exif=b"Exif\0\0" + make.exif(6, gps=True), icc_profile=make.profile()
    ),
    "progressive": encode(PHOTO, "JPEG", progressive=True, comment=b"hello", xmp=make.XMP),
    "png": encode(PHOTO, "PNG", exif=make.exif(3), icc_profile=make.profile()),
    "palette": encode(graphic(60, 50).quantize(8), "PNG", transparency=1),
    "apng": animation("PNG"),
    "webp": encode(PHOTO, "WEBP", exif=make.exif(8), icc_profile=make.profile(), xmp=make.XMP),
    "lossless": encode(translucent(40, 30), "WEBP", lossless=True),
    "animated": animation("WEBP"),
    "gif": animation("GIF"),
    "avif": encode(translucent(40, 30), "AVIF", speed=10, exif=make.exif(), xmp=make.XMP),
    "sequence": animation("AVIF"),
    "tiff": encode(PHOTO, "TIFF", exif=make.exif(5), icc_profile=make.profile()),
    "bmp": encode(PHOTO, "BMP"),
}

SIGNATURES = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"RIFF\x40\0\0\0WEBPVP8X",
    b"GIF89a",
    b"\0\0\0\x18ftypavif\0\0\0\0avifmif1",
    b"\0\0\0\x18ftypavis\0\0\0\0avismsf1",
    b"II*\0\x08\0\0\0",
    b"MM\0*\0\0\0\x08",
    b"BM",
    b"",
]


def read(data):
    """Probe *data*, and strip it when that works: neither may fail in any other way."""
    try:
        info = probe(data)
        strip(bytes(data), info)
    except UnreadableImage:
        return None
    return info


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jpeg", ImageInfo(format="jpeg", width=40, height=30, orientation=6)),
        ("progressive", ImageInfo(format="jpeg", width=40, height=30, progressive=True)),
        ("png", ImageInfo(format="png", width=40, height=30, orientation=3, lossless=True)),
        (
            "palette",
            ImageInfo(
                format="png", width=60, height=50, alpha=True, colors="palette", lossless=True
            ),
        ),
        (
            "apng",
            ImageInfo(format="png", width=64, height=48, frames=5, loops=0, lossless=True),
        ),
        ("webp", ImageInfo(format="webp", width=40, height=30, orientation=8)),
        ("lossless", ImageInfo(format="webp", width=40, height=30, alpha=True, lossless=True)),
        ("animated", ImageInfo(format="webp", width=64, height=48, frames=5, loops=0)),
        (
            "gif",
            ImageInfo(
                format="gif",
                width=64,
                height=48,
                frames=5,
                loops=0,
                alpha=True,  # Pillow leaves out what did not change
                colors="palette",
                lossless=True,
            ),
        ),
        ("avif", ImageInfo(format="avif", width=40, height=30, alpha=True)),
        ("sequence", ImageInfo(format="avif", width=64, height=48, frames=5, loops=0)),
        ("tiff", ImageInfo(format="tiff", width=40, height=30, orientation=5, lossless=True)),
        ("bmp", ImageInfo(format="bmp", width=40, height=30, lossless=True)),
    ],
)
def test_the_content_tells_the_format_and_what_is_in_it(name, expected):
    info = probe(SAMPLES[name])

    assert replace(info, profile=None, metadata=frozenset()) == expected


@pytest.mark.parametrize("name", ["jpeg", "png", "webp", "tiff"])
def test_the_color_profile_comes_out_as_it_went_in(name):
    assert probe(SAMPLES[name]).profile == make.profile()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jpeg", {"exif", "gps"}),
        ("progressive", {"comment", "xmp"}),
        ("png", {"exif"}),
        ("palette", set()),
        ("webp", {"exif", "xmp"}),
        ("avif", {"exif", "xmp"}),
        ("bmp", set()),
    ],
)
def test_metadata_is_named(name, expected):
    assert probe(SAMPLES[name]).metadata == expected


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"<!doctype html><title>No</title>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8"/>',
        b"Just some text, a little longer than a header.",
        b"BMW makes cars, and this is a text that is no bitmap at all.",
        b"%PDF-1.7\n1 0 obj",
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0",
        b"8BPS\0\x01\0\0\0\0\0\0\0\x03\0\0",
        b"PK\x03\x04\x14\0\0\0",
        make.file_type(b"mp42", b"isom") + make.box(b"mdat", bytes(64)),
        b"II+\0\x08\0\0\0" + bytes(32),
        b" " + SAMPLES["jpeg"],
        b"WEBP" * 8,
    ],
    ids=lambda data: repr(data[:16]),
)
def test_anything_else_is_not_supported(data):
    with pytest.raises(UnsupportedFormat):
        probe(data)


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_a_header_that_is_cut_off_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data[:20])


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_whatever_is_cut_off_never_changes_the_size(data):
    whole = probe(data)

    seen = {read(data[:end]) for end in range(0, len(data), 1 + len(data) // 400)} - {None}

    assert {(info.width, info.height) for info in seen} <= {(whole.width, whole.height)}


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_bytes_after_the_end_do_not_matter(data):
    assert probe(data + b"PK\x03\x04 and more") == probe(data)


@pytest.mark.parametrize("data", SAMPLES.values(), ids=SAMPLES)
def test_a_mapped_file_reads_like_bytes(data):
    with mmap.mmap(-1, len(data)) as mapping:
        mapping[:] = data

        assert probe(mapping) == probe(data)


@pytest.mark.parametrize(
    "data",
    [
        make.jpeg_head(size=(0, 8)),
        make.jpeg_head(size=(8, 0)),  # the height would follow in a DNL segment
        make.png_head(size=(0, 8)),
        make.gif(make.gif_frame((0, 0, 0, 0)), screen=(0, 0)),
        make.still(make.infos(make.item(1, b"av01")), make.properties(make.image_size(0, 8))),
    ],
)
def test_a_picture_without_an_area_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)


MANY = 70_000


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\xfe\0\x02" * MANY + make.jpeg_head()[2:],
        b"\xff\xd8" + b"\xff\xd0" * MANY + make.jpeg_head()[2:],
        b"\xff\xd8\xff" + b"\xff" * MANY + make.jpeg_head()[2:],
        make.png_head()[:33] + make.png_chunk(b"tEXt") * MANY + make.png_head()[33:],
        make.webp(make.canvas(0x10, (8, 8)), make.riff_chunk(b"junk") * MANY),
        make.gif(make.gif_extension(0xFE) * MANY, make.gif_frame()),
        make.gif(make.gif_extension(0xFE, *[b"x"] * 4 * MANY), make.gif_frame()),
        make.file_type(b"avif") + make.box(b"free") * MANY,
        make.still(make.infos(*[make.item(1, b"av01")] * 60_000)),
        make.still(make.infos(), make.locations(make.extent(1, 0, *[(0, 1)] * 60_000))),
    ],
    ids=[
        *("segments", "restarts", "fill", "chunks", "riff", "blocks", "sub-blocks"),
        *("boxes", "items", "extents"),
    ],
)
def test_a_file_of_nothing_but_tiny_pieces_is_given_up(data):
    with pytest.raises(UnreadableImage):
        probe(data)


def test_boxes_may_be_nested_to_any_depth():
    inner = b""
    for _ in range(5000):
        inner = make.box(b"trak", inner)
    data = make.file_type(b"avis") + make.box(b"moov", inner)

    with pytest.raises(UnreadableImage):
        probe(data)


@settings(max_examples=400, deadline=None)
@given(data=st.binary(max_size=300), signature=st.sampled_from(SIGNATURES))
@example(data=b"\xff" * 40, signature=b"II*\0\x08\0\0\0")
def test_random_bytes_are_refused_or_read(data, signature):
    info = read(signature + data)

    assert info is None or (info.width > 0 and info.height > 0)


@settings(max_examples=400, deadline=None)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=8),
    cut=st.integers(0, 2**12),
)
def test_damaged_files_are_refused_or_read(name, changes, cut):
    data = bytearray(SAMPLES[name])
    for at, value in changes:
        # Most of what can be damaged is near the beginning.
        data[at % min(len(data), 1024)] = value
    info = read(bytes(data[: len(data) - cut]))

    assert info is None or (info.width > 0 and info.height > 0 and info.frames > 0)


@settings(max_examples=400, deadline=None)
@given(number=st.integers(0, 2**32), size=st.sampled_from([2, 4]), at=st.integers(0, 600))
@pytest.mark.parametrize("name", ["avif", "sequence", "tiff", "jpeg"])
def test_lengths_and_offsets_that_lie_are_refused_or_read(name, number, size, at):
    data = bytearray(SAMPLES[name])
    value = (number % 2 ** (8 * size)).to_bytes(size, "big")
    data[at : at + size] = value

    info = read(bytes(data))

    assert info is None or (info.width > 0 and info.height > 0 and info.frames > 0)
