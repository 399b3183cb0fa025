"""The quantizer in the headers of AV1, however a picture is cut up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.engine.looks import av1, av1_headers, coded_look
from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage

from fixtures.pictures import encode, frames, photo

WIDE = photo(96, 64).resize((4500, 300))
SMALL = photo(96, 64)


def look(picture, **options):
    data = encode(picture, "AVIF", quality=60, speed=10, max_threads=1, **options)
    return coded_look(data, probe(data))


@pytest.mark.parametrize(
    "options",
    [
        {"autotiling": False},
        {"autotiling": False, "tile_cols": 2, "tile_rows": 1},
        {"advanced": {"sb-size": "128"}},
        {"advanced": {"tune-content": "screen"}},
    ],
)
def test_tiles_and_tools_do_not_change_the_look(options):
    assert look(WIDE, **options) == look(SMALL)


def test_full_headers_are_read_as_well():
    first, *rest = frames()
    looks = [
        av1.look(encode(first, "AVIF", save_all=True, append_images=rest, quality=quality))
        for quality in (20, 50, 80)
    ]

    assert looks == sorted(set(looks))


@pytest.mark.parametrize(
    ("unit", "target", "expected"),
    [(1, 1, 0), (1, 2, 1), (1, 64, 6), (1, 65, 7), (64, 64, 0), (64, 65, 1), (64, 0, 0)],
)
def test_tiles_are_counted_in_powers_of_two(unit, target, expected):
    assert av1_headers._log2(unit, target) == expected


@given(st.binary(max_size=64))
def test_any_bits_give_a_quantizer_or_are_unreadable(data):
    bits = av1_headers.Bits(data)
    try:
        index = av1_headers.quantizer(bits, av1_headers.sequence(bits))
    except UnreadableImage:
        return

    assert 0 <= index <= 255
