"""Which profiles are sRGB by another name."""

import struct

import pytest
from PIL import ImageCms

from pixmill.engine.color import is_srgb

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def with_curves(curve: bytes) -> bytes:
    """Return sRGB's profile with *curve* in place of all three of its own."""
    data = bytearray(SRGB)
    offset = len(data)
    data += curve
    for tag in (b"rTRC", b"gTRC", b"bTRC"):
        index = data.index(tag, 128)
        data[index + 4 : index + 12] = struct.pack(">II", offset, len(curve))
    return bytes(data)


def table(gamma: float, count: int = 256) -> bytes:
    values = [round(65535 * (n / (count - 1)) ** gamma) for n in range(count)]
    return b"curv" + bytes(4) + struct.pack(f">I{count}H", count, *values)


def gamma_of(kind: int, *numbers: float) -> bytes:
    fixed = [round(number * 65536) for number in numbers]
    return b"para" + bytes(4) + struct.pack(f">HH{len(fixed)}i", kind, 0, *fixed)


def test_srgb_is_srgb():
    assert is_srgb(SRGB)


def test_srgb_by_its_formula_is_srgb():
    formula = gamma_of(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)

    assert is_srgb(with_curves(formula))


@pytest.mark.parametrize(
    "curve",
    [table(1.0), table(1.8), gamma_of(0, 1.0), b"curv" + bytes(8), b"text" + bytes(20), b""],
    ids=["linear table", "gamma 1.8 table", "linear formula", "identity", "no curve", "nothing"],
)
def test_another_curve_is_not_srgb(curve):
    assert not is_srgb(with_curves(curve))


@pytest.mark.parametrize("size", [0, 100, 131, 140, 300])
def test_a_profile_that_is_cut_off_is_not_srgb(size):
    assert not is_srgb(SRGB[:size])
