"""The look that a file was coded at, against the measured one."""

import struct
from functools import cache
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path

import ajpegli
import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pixmill.engine.looks import coded_look
from pixmill.engine.optimize import optimize
from pixmill.engine.probe import probe
from pixmill.engine.quality import score_of
from pixmill.engine.ssimulacra2 import Reference
from pixmill.engine.types import Limits, Options

from fixtures import containers as make
from fixtures.pictures import animation, encode, graphic, photo, translucent

#: How far pictures that were coded alike may be from their mean, in points.
TOLERANCE = 8

PHOTOGRAPHS = ("coffee.png", "chelsea.png")
QUALITIES = (50, 70, 80, 92)


def libjpeg(picture, quality):
    return encode(picture, "JPEG", quality=quality)


def libjpeg_full_color(picture, quality):
    return encode(picture, "JPEG", quality=quality, subsampling=0)


def mozjpeg(picture, quality):
    image = pyvips.Image.new_from_array(np.asarray(picture))
    return image.jpegsave_buffer(Q=quality, trellis_quant=True, quant_table=3, interlace=True)


def jpegli(picture, quality):
    return ajpegli.encode(np.asarray(picture), quality=quality)


def jpegli_full_color(picture, quality):
    return ajpegli.encode(np.asarray(picture), quality=quality, subsampling="444")


def webp(picture, quality):
    return encode(picture, "WEBP", quality=quality)


def sharp_webp(picture, quality):
    image = pyvips.Image.new_from_array(np.asarray(picture))
    return image.webpsave_buffer(Q=quality, smart_subsample=True)


def avif(picture, quality):
    return encode(picture, "AVIF", quality=quality, max_threads=1)


def avif_full_color(picture, quality):
    image = pyvips.Image.new_from_array(np.asarray(picture))
    return image.heifsave_buffer(compression="av1", Q=quality, effort=1, subsample_mode="off")


ENCODERS = (
    libjpeg,
    libjpeg_full_color,
    mozjpeg,
    jpegli,
    jpegli_full_color,
    webp,
    sharp_webp,
    avif,
    avif_full_color,
)

SMALL = photo(96, 64)
DAMAGEABLE = {
    "jpeg": libjpeg(SMALL, 75),
    "jpegli": jpegli(SMALL, 75),
    "webp": webp(SMALL, 75),
    "webp-alpha": encode(translucent(64, 48), "WEBP", quality=75),
    "avif": avif(SMALL, 75),
    "avif-sequence": animation("AVIF"),
}


@cache
def photograph(name):
    spec = find_spec("skimage")
    assert spec is not None
    assert spec.origin is not None
    picture = Image.open(Path(spec.origin).parent / "data" / name).convert("RGB")
    return picture.crop((100, 50, 356, 242))


@cache
def reference(name):
    return Reference(np.asarray(photograph(name)))


def look(data):
    return coded_look(data, probe(data))


def score(name, data):
    pixels = pyvips.Image.new_from_buffer(data, "").numpy()
    return reference(name).score(np.ascontiguousarray(pixels[:, :, :3]))


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_the_estimate_is_near_what_is_measured(encoder, name):
    files = [encoder(photograph(name), quality) for quality in QUALITIES]

    estimates = [look(data) for data in files]
    measured = [score(name, data) for data in files]

    assert estimates == pytest.approx(measured, abs=TOLERANCE)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_more_quality_never_looks_worse(encoder):
    estimates = [look(encoder(SMALL, quality)) for quality in range(5, 99, 6)]

    # WebP's segments depend on the picture, so what a step of quality does is not exact.
    assert all(high > low - 0.5 for low, high in pairwise(estimates))
    assert estimates[0] < 40
    assert estimates[-1] > 85


@pytest.mark.parametrize("quality", [60, 75, 90])
@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
def test_our_own_output_is_recognized(format_, quality):
    options = Options(format=format_, quality=quality)
    result = optimize(encode(photograph("coffee.png"), "PNG"), options, Limits())

    assert look(result.data) == pytest.approx(score_of(quality), abs=TOLERANCE)


def test_tables_of_two_bytes_are_the_same_tables():
    data = libjpeg(SMALL, 75)
    head, *tables = data.split(b"\xff\xdb\0\x43")
    wide = [
        make.jpeg_segment(0xDB, bytes((0x10 | rest[0],)) + struct.pack(">64H", *rest[1:65]))
        + rest[65:]
        for rest in tables
    ]

    assert len(tables) == 2
    assert look(head + b"".join(wide)) == look(data)


def test_gray_is_not_blamed_for_color_at_half_resolution():
    gray, color = encode(SMALL.convert("L"), "JPEG", quality=95), libjpeg(SMALL, 95)

    assert look(gray) > look(color)


def test_alpha_does_not_hide_the_quality_of_a_webp():
    opaque, alpha = (encode(picture, "WEBP", quality=60) for picture in (SMALL, translucent()))

    assert look(alpha) == pytest.approx(look(opaque), abs=3)


@pytest.mark.parametrize(
    "data",
    [
        encode(SMALL, "PNG"),
        encode(graphic(), "GIF"),
        encode(SMALL, "WEBP", lossless=True),
        encode(translucent(), "WEBP", lossless=True),
        encode(SMALL, "AVIF", quality=100, subsampling="4:4:4"),
        encode(SMALL.convert("CMYK"), "JPEG"),
        encode(SMALL, "JPEG", keep_rgb=True),
        animation("WEBP"),
        animation("AVIF"),
        encode(SMALL, "TIFF", compression="jpeg"),
    ],
    ids=str.split("png gif webp webp-alpha avif cmyk rgb webp-animation avif-animation tiff"),
)
def test_nothing_is_said_of_what_has_no_such_look(data):
    assert look(data) is None


@pytest.mark.parametrize("table", [bytes(64), b""], ids=["of zeros", "missing"])
def test_nothing_is_said_of_a_jpeg_without_quantizers(table):
    data = libjpeg(SMALL, 75)
    info = probe(data)
    at = data.index(b"\xff\xdb")
    segment = make.jpeg_segment(0xDB, b"\0" + table) if table else b""

    assert coded_look(data[:at] + segment + data[at + 69 :], info) is None


@given(st.sampled_from(sorted(DAMAGEABLE)), st.data())
@settings(deadline=None, max_examples=400)
def test_damage_never_raises(name, data):
    whole = DAMAGEABLE[name]
    info = probe(whole)
    broken = bytearray(whole)
    places = st.integers(0, min(8 * len(whole), 8 * 1024) - 1)
    for place in data.draw(st.lists(places, max_size=6)):
        broken[place // 8] ^= 1 << place % 8
    cut = data.draw(st.integers(0, len(whole)) | st.just(len(whole)))
    found = coded_look(bytes(broken[:cut]), info)

    assert found is None or 0 <= found <= 100


@given(st.sampled_from(["jpeg", "webp", "avif"]), st.binary(max_size=400))
@settings(deadline=None)
def test_bytes_of_no_format_never_raise(format_, data):
    found = coded_look(data, probe(DAMAGEABLE[format_]))

    assert found is None or 0 <= found <= 100
