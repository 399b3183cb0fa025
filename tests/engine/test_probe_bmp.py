"""Headers of BMP files."""

import struct

import pytest
from PIL import Image

from pixmill.engine.probe import probe
from pixmill.errors import UnsupportedFormat

from fixtures.pictures import encode, photo


def bmp(*, size=40, width=16, height=8, planes=1, bits=24, compression=0, rest=b""):
    header = struct.pack("<IiiHHI", size, width, height, planes, bits, compression)
    if size == 12:
        header = struct.pack("<IHHHH", size, width, height, planes, bits)
    return b"BM" + bytes(12) + (header + rest).ljust(size, b"\0")


@pytest.mark.parametrize(("mode", "colors"), [("1", "palette"), ("P", "palette"), ("RGB", "rgb")])
def test_colors(mode, colors):
    info = probe(encode(photo(48, 32).convert(mode), "BMP"))

    assert (info.width, info.height) == (48, 32)
    assert (info.colors, info.alpha, info.lossless) == (colors, False, True)


@pytest.mark.parametrize("size", [12, 40, 52, 56, 64, 108, 124])
def test_every_version_of_the_header_is_read(size):
    info = probe(bmp(size=size))

    assert (info.width, info.height) == (16, 8)


def test_rows_may_come_from_the_top():
    assert probe(bmp(height=-8)).height == 8


def test_only_a_mask_makes_alpha():
    masks = struct.pack("<IIIII", 0, 0, 0, 0, 0xFF000000)

    assert probe(bmp(size=108, bits=32, compression=3, rest=bytes(16) + masks)).alpha
    assert not probe(bmp(size=108, bits=32, compression=3, rest=bytes(16) + masks[:16])).alpha
    assert not probe(bmp(bits=32)).alpha
    assert probe(encode(Image.new("RGBA", (8, 8)), "BMP")).colors == "rgb"


@pytest.mark.parametrize(
    "unusual", [{"size": 41}, {"bits": 5}, {"planes": 2}, {"compression": 4}, {"compression": 5}]
)
def test_what_is_no_plain_bitmap_is_not_supported(unusual):
    with pytest.raises(UnsupportedFormat):
        probe(bmp(**unusual))
