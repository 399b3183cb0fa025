"""Metadata put into JPEG files."""

import hashlib
import io

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixmill.engine.containers.jpeg import carried, segments
from pixmill.engine.metadata import jpeg, strip
from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage

from fixtures import containers as make
from fixtures.pictures import encode, photo

PICTURE = encode(photo(48, 32), "JPEG")


def found(data):
    return carried(data, segments(data))


def markers(data):
    return [segment.marker for segment in segments(data)]


def pixels(data):
    with Image.open(io.BytesIO(data)) as picture:
        return picture.tobytes()


def blocks(most):
    """Return data of up to *most* bytes, mostly around the size of a segment."""
    sizes = st.one_of(st.integers(1, 300), st.integers(65_400, 65_600), st.integers(1, most))
    return sizes.map(lambda size: (b"%d;" % size * size)[:size])


@settings(max_examples=60, deadline=None)
@given(
    exif=st.none() | blocks(65_527),
    xmp=st.none() | blocks(65_502),
    iptc=st.none() | blocks(200_000),
    profile=st.none() | blocks(400_000),
)
def test_what_goes_in_comes_out(exif, xmp, iptc, profile):
    exif, xmp = exif and exif[:65_527], xmp and xmp[:65_502]
    iptc = iptc and b"Photoshop 3.0\0" + iptc
    data = jpeg.insert(PICTURE, exif=exif, xmp=xmp, iptc=iptc, profile=profile)
    parts = found(data)

    assert (parts.exif, parts.xmp) == (exif, xmp)
    assert (parts.iptc, parts.profile) == (iptc, profile)
    assert parts.extended_xmp is None
    assert strip(jpeg.insert(data, profile=make.profile()), probe(PICTURE)) == jpeg.insert(
        PICTURE, profile=make.profile()
    )


def test_other_readers_find_everything():
    data = jpeg.insert(
        PICTURE, exif=make.exif(6), xmp=make.XMP, iptc=make.IPTC, profile=make.profile()
    )
    image = pyvips.Image.jpegload_buffer(data, fail_on="warning")

    assert image.get("exif-data") == b"Exif\0\0" + make.exif(6)
    assert image.get("xmp-data") == make.XMP
    assert image.get("iptc-data") == make.IPTC
    assert image.get("icc-profile-data") == make.profile()
    with Image.open(io.BytesIO(data)) as picture:
        assert picture.info["icc_profile"] == make.profile()
        assert picture.info["xmp"] == make.XMP
        assert picture.getexif()[274] == 6
    assert pixels(data) == pixels(PICTURE)


def test_segments_come_in_the_order_that_readers_expect():
    profile = make.profile() + bytes(70_000)
    data = jpeg.insert(PICTURE, exif=make.exif(), xmp=make.XMP, iptc=make.IPTC, profile=profile)

    assert data[2:20] == PICTURE[2:20]
    assert markers(data)[:6] == [0xE0, 0xE1, 0xE1, 0xE2, 0xE2, 0xED]
    assert markers(data)[6:] == markers(PICTURE)[1:]


def test_a_jpeg_without_a_jfif_header_gets_its_metadata_first():
    bare = PICTURE[:2] + PICTURE[20:]

    assert markers(jpeg.insert(bare, exif=make.exif()))[0] == 0xE1


def test_what_was_there_before_is_replaced():
    given_before = {"exif": make.exif(3), "profile": make.profile() + b"\0", "xmp": b"old"}
    data = jpeg.insert(PICTURE, iptc=make.IPTC, **given_before)
    again = jpeg.insert(data, exif=make.exif(6), xmp=make.XMP, profile=make.profile())

    assert again == jpeg.insert(
        PICTURE, exif=make.exif(6), xmp=make.XMP, profile=make.profile(), iptc=make.IPTC
    )


@pytest.mark.parametrize("nothing", [None, b""])
def test_nothing_given_changes_nothing(nothing):
    unchanged = jpeg.insert(PICTURE, exif=nothing, xmp=nothing, iptc=nothing, profile=nothing)

    assert unchanged == PICTURE


def test_the_prefix_of_exif_is_not_doubled():
    assert jpeg.insert(PICTURE, exif=b"Exif\0\0" + make.exif(6)) == jpeg.insert(
        PICTURE, exif=make.exif(6)
    )


@pytest.mark.parametrize(
    "too_much",
    [
        {"exif": bytes(65_528)},
        {"xmp": bytes(16 * 1024 * 1024 + 1)},
        {"profile": bytes(255 * 65_519 + 1)},
    ],
)
def test_what_no_segment_can_hold_is_left_out(too_much):
    assert jpeg.insert(PICTURE, **too_much) == PICTURE


@pytest.mark.parametrize("size", [65_503, 65_600, 300_000])
@pytest.mark.parametrize("wrapped", [True, False])
def test_long_xmp_is_cut_and_pointed_to(size, wrapped):
    head = b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>' if wrapped else b""
    tail = b'<?xpacket end="w"?>' if wrapped else b""
    body = b"<x:xmpmeta>%s</x:xmpmeta>" % (b"x" * size)
    data = jpeg.insert(PICTURE, xmp=head + body + b"\n" * 9 + tail)
    parts = found(data)
    guid = hashlib.md5(body, usedforsecurity=False).hexdigest().upper()

    assert parts.extended_xmp == body
    assert f'xmpNote:HasExtendedXMP="{guid}"'.encode() in parts.xmp
    assert data.count(b"http://ns.adobe.com/xmp/extension/\0" + guid.encode()) == -(
        -len(body) // 65_400
    )
    assert pixels(data) == pixels(PICTURE)
    assert strip(data, probe(data)) == PICTURE


def test_xmp_of_which_a_part_is_missing_is_not_put_together():
    data = jpeg.insert(PICTURE, xmp=b"<x>" + b"." * 200_000 + b"</x>")
    at = data.rindex(b"http://ns.adobe.com/xmp/extension/\0")
    broken = data[:at] + b"X" + data[at + 1 :]

    assert found(data).extended_xmp is not None
    assert found(broken).extended_xmp is None


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xd9", PICTURE[:40], b"\xff\xd8"])
def test_only_a_jpeg_takes_metadata(data):
    with pytest.raises(UnreadableImage):
        jpeg.insert(data, exif=make.exif())
