"""EXIF that is as small as can be, and EXIF of pictures that were turned."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pixmill.engine.metadata import exif
from pixmill.engine.probe.exif import Exif, read

from fixtures import containers as make


def tags(data):
    found = Image.Exif()
    found.load(b"Exif\0\0" + data)
    return dict(found)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_minimal_exif_has_an_orientation_and_nothing_else(orientation):
    data = exif.minimal(orientation)

    assert tags(data) == {274: orientation}
    assert read(data) == Exif(orientation=orientation)


def test_empty_exif_has_nothing():
    assert tags(exif.EMPTY) == {}
    assert read(exif.EMPTY).empty


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("kind", "count"), [(1, 1), (3, 1), (3, 2), (4, 1)])
def test_upright_exif_differs_in_the_orientation_alone(order, kind, count):
    turned = make.exif(6, gps=True, order=order, kind=kind, count=count)
    upright = make.exif(1, gps=True, order=order, kind=kind, count=count)

    assert exif.upright(turned) == upright


def test_the_prefix_of_jpeg_stays():
    assert exif.upright(b"Exif\0\0" + make.exif(8)) == b"Exif\0\0" + make.exif(1)


def test_an_orientation_too_long_for_its_field_is_found_where_it_is_stored():
    entry = struct.pack(">HHII", 274, 3, 3, 26)
    data = b"MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4) + struct.pack(">HHH", 6, 6, 6)

    assert exif.upright(data) == data[:26] + struct.pack(">HHH", 1, 6, 6)


def test_the_thumbnail_keeps_its_orientation():
    entry = struct.pack(">HHIHH", 274, 3, 1, 6, 0)
    directory = struct.pack(">H", 1) + entry
    data = (
        b"MM\0*" + struct.pack(">I", 8) + directory + struct.pack(">I", 26) + directory + bytes(4)
    )
    upright = exif.upright(data)

    assert upright != data
    assert upright[26:] == data[26:]


@given(st.binary(max_size=80), st.sampled_from([b"", b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0"]))
def test_exif_keeps_its_length_whatever_it_is(data, head):
    assert len(exif.upright(head + data)) == len(head + data)


@given(st.integers(0, len(make.exif(6))))
def test_exif_that_is_cut_off_is_turned_or_left_as_it_is(end):
    cut = make.exif(6)[:end]

    assert exif.upright(cut) in (cut, make.exif(1)[:end])


@pytest.mark.parametrize("data", [b"", b"no exif", b"II*\0", b"MM\0*\xff\xff\xff\xff"])
def test_broken_exif_is_left_as_it_is(data):
    assert exif.upright(data) == data
