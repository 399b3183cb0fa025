"""Headers of JPEG files."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage, UnsupportedFormat

from fixtures import containers as make
from fixtures.pictures import encode, photo

PICTURE = encode(photo(48, 32), "JPEG")


def with_exif(exif):
    return make.with_segments(PICTURE, make.jpeg_segment(0xE1, b"Exif\0\0" + exif))


def icc(number, count, body):
    return make.jpeg_segment(0xE2, b"ICC_PROFILE\0" + bytes((number, count)) + body)


@pytest.mark.parametrize(("mode", "colors"), [("L", "grey"), ("RGB", "rgb"), ("CMYK", "cmyk")])
def test_colors_follow_from_the_components(mode, colors):
    data = encode(photo(48, 32).convert(mode), "JPEG")

    assert probe(data).colors == colors


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_is_read_in_either_byte_order(orientation, order):
    info = probe(with_exif(make.exif(orientation, order=order)))

    assert info.orientation == orientation
    assert info.upright_size == ((48, 32) if orientation < 5 else (32, 48))


@pytest.mark.parametrize(("kind", "count"), [(1, 1), (4, 1), (3, 2)])
def test_an_orientation_of_another_type_counts_as_it_does_in_libvips(kind, count):
    assert probe(with_exif(make.exif(6, order="<", kind=kind, count=count))).orientation == 6


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_does_not_exist_is_ignored(orientation):
    assert probe(with_exif(make.exif(orientation))).orientation == 1


@pytest.mark.parametrize("end", range(0, 60, 3))
def test_broken_exif_says_nothing_but_is_there(end):
    info = probe(with_exif(make.exif(6, gps=True)[:end]))

    assert "exif" in info.metadata
    assert info.orientation in (1, 6)


def test_a_place_is_seen():
    assert "gps" in probe(with_exif(make.exif(gps=True))).metadata
    assert "gps" not in probe(with_exif(make.exif())).metadata


def test_the_first_exif_counts():
    segments = [make.jpeg_segment(0xE1, b"Exif\0\0" + make.exif(n)) for n in (3, 6)]

    assert probe(make.with_segments(PICTURE, *segments)).orientation == 3


def test_every_kind_of_metadata_is_named():
    data = make.with_segments(
        PICTURE,
        make.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + make.XMP),
        make.jpeg_segment(0xED, make.IPTC),
        make.jpeg_segment(0xFE, make.SECRET),
    )

    assert probe(data).metadata == {"xmp", "iptc", "comment"}


@given(st.permutations(range(1, 6)))
def test_the_parts_of_a_profile_are_joined_by_their_numbers(order):
    profile = make.profile()
    size = 1 + len(profile) // 5
    parts = [icc(n, 5, profile[(n - 1) * size : n * size]) for n in order]

    assert probe(make.with_segments(PICTURE, *parts)).profile == profile


@pytest.mark.parametrize("numbers", [(1,), (2, 1), (1, 2, 2), (1, 3), (0, 1)])
def test_a_profile_of_which_parts_are_missing_or_double_is_none(numbers):
    half = len(make.profile()) // 2
    halves = {0: b"", 1: make.profile()[:half], 2: make.profile()[half:], 3: b""}
    parts = [icc(n, 2, halves[n]) for n in numbers]

    expected = make.profile() if numbers == (2, 1) else None

    assert probe(make.with_segments(PICTURE, *parts)).profile == expected


def test_a_profile_that_is_none_is_ignored():
    assert probe(make.with_segments(PICTURE, icc(1, 1, bytes(4096)))).profile is None


@pytest.mark.parametrize("frame", [0xC0, 0xC1, 0xC2, 0xC9, 0xCA])
def test_codings_that_libjpeg_reads_are_read(frame):
    info = probe(make.jpeg_head(frame=frame))

    assert info.progressive == (frame in (0xC2, 0xCA))


@pytest.mark.parametrize("frame", [0xC3, 0xC5, 0xC6, 0xC7, 0xCB, 0xCD, 0xCE, 0xCF])
def test_lossless_and_hierarchical_coding_is_not_supported(frame):
    with pytest.raises(UnsupportedFormat):
        probe(make.jpeg_head(frame=frame))


@pytest.mark.parametrize("unusual", [{"depth": 12}, {"colors": 2}, {"colors": 5}])
def test_samples_that_no_decoder_takes_are_not_supported(unusual):
    with pytest.raises(UnsupportedFormat):
        probe(make.jpeg_head(**unusual))


def test_fill_bytes_restarts_and_strays_between_segments_are_passed_over():
    data = PICTURE[:2] + b"\xff" * 9 + b"\xff\xd3" + b"stray\xff\0" + PICTURE[2:]

    assert probe(data) == probe(PICTURE)
    assert Image.open(io.BytesIO(data)).size == (48, 32)


@pytest.mark.parametrize(
    "data",
    [
        make.jpeg_head()[:-10],  # no scan
        b"\xff\xd8\xff\xd9",
        make.jpeg_head()[:21] + make.jpeg_head()[2:],  # two frames
        b"\xff\xd8" + make.jpeg_head(),  # two beginnings
        b"\xff\xd8\xff\x42\0\x02" + make.jpeg_head()[2:],  # a marker that is reserved
        b"\xff\xd8\xff\xfe\0\x01" + make.jpeg_head()[2:],  # a segment shorter than its length
        b"\xff\xd8\xff\xfe\xff\xff" + make.jpeg_head()[2:],
        b"\xff\xd8\xff\xc0\0\x04\x08\0" + make.jpeg_head()[21:],
        b"\xff\xd8\xff\xc0\0\x0a" + make.jpeg_head()[6:14] + make.jpeg_head()[21:],
    ],
)
def test_a_broken_structure_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)


def test_of_several_pictures_in_a_file_the_first_is_read():
    out = io.BytesIO()
    photo(48, 32).save(out, "MPO", save_all=True, append_images=[photo(96, 64)])

    info = probe(out.getvalue())

    assert (info.format, info.width, info.height, info.frames) == ("jpeg", 48, 32, 1)


def test_what_comes_after_the_first_scan_is_not_looked_at():
    at = PICTURE.rindex(b"\xff\xd9")
    data = PICTURE[:at] + make.jpeg_segment(0xFE, b"late") + PICTURE[at:]

    assert probe(data).metadata == set()
