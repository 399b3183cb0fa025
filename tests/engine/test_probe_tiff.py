"""Headers of TIFF files."""

import struct

import pytest
from PIL import Image, TiffImagePlugin

from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage, UnsupportedFormat

from fixtures import containers as make
from fixtures.pictures import encode, photo, translucent


def tiff(*fields, order="<"):
    """Return a TIFF whose only directory has *fields*: (tag, type, value) of one number each."""
    letter = {1: "B", 3: "H", 4: "I"}
    entries = [
        struct.pack(order + "HHI", tag, kind, 1)
        + struct.pack(order + letter[kind], value).ljust(4, b"\0")
        for tag, kind, value in fields
    ]
    head = {">": b"MM\0*", "<": b"II*\0"}[order]
    return head + struct.pack(order + "IH", 8, len(entries)) + b"".join(entries) + bytes(4)


SIZE = [(256, 4, 16), (257, 3, 8)]
GREY = (262, 3, 1)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("1", ("grey", 1, False)),
        ("L", ("grey", 8, False)),
        ("I;16", ("grey", 16, False)),
        ("LA", ("grey", 8, True)),
        ("P", ("palette", 8, False)),
        ("RGB", ("rgb", 8, False)),
        ("RGBA", ("rgb", 8, True)),
        ("CMYK", ("cmyk", 8, False)),
    ],
)
def test_colors_depth_and_alpha(mode, expected):
    picture = translucent(48, 32) if mode.endswith("A") else photo(48, 32)
    picture = Image.new(mode, (48, 32)) if mode == "I;16" else picture.convert(mode)

    info = probe(encode(picture, "TIFF"))

    assert (info.width, info.height) == (48, 32)
    assert (info.colors, info.depth, info.alpha) == expected


@pytest.mark.parametrize(
    ("compression", "lossless"),
    [
        (None, True),
        ("tiff_lzw", True),
        ("tiff_adobe_deflate", True),
        ("packbits", True),
        ("jpeg", False),
    ],
)
def test_what_a_compression_loses(compression, lossless):
    assert probe(encode(photo(48, 32), "TIFF", compression=compression)).lossless == lossless


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order_is_read(order):
    info = probe(tiff(*SIZE, GREY, (274, 3, 7), order=order))

    assert (info.width, info.height, info.orientation) == (16, 8, 7)
    assert info.depth == 1  # the default of the format


def test_every_kind_of_metadata_is_named():
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270] = "a description"
    tags[700] = make.XMP
    tags[33723] = make.IPTC
    tags.tagtype[700] = tags.tagtype[33723] = 7
    tags[34853] = {1: "N"}

    info = probe(encode(photo(48, 32), "TIFF", tiffinfo=tags))

    assert info.metadata == {"comment", "xmp", "iptc", "exif", "gps"}


def test_of_several_pages_the_first_is_read():
    pages = {"save_all": True, "append_images": [photo(96, 64)]}
    info = probe(encode(photo(48, 32), "TIFF", **pages))

    assert (info.width, info.height, info.frames) == (48, 32, 1)


@pytest.mark.parametrize(
    "data",
    [
        b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0",  # BigTIFF
        tiff(*SIZE, GREY, (254, 4, 1)),  # a camera's raw file begins with a preview
        tiff(*SIZE, (262, 3, 32803)),
        tiff(*SIZE),
    ],
)
def test_what_no_decoder_here_shows_is_not_supported(data):
    with pytest.raises(UnsupportedFormat):
        probe(data)


@pytest.mark.parametrize(
    "data",
    [
        tiff(GREY),
        tiff(*SIZE, (262, 3, 2), (277, 3, 1)),
        b"II*\0",
        tiff((256, 1, 16), (257, 3, 0), GREY),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)
