"""What is measured of a picture, and the small copy that goes to a model."""

import io
import json

import numpy as np
import pytest
from PIL import Image, ImageFilter

from pixmill.engine.metadata import shot
from pixmill.engine.metadata.shot import Shot
from pixmill.engine.plan import memory_size
from pixmill.engine.probe import probe
from pixmill.engine.survey import Survey, prepare, survey
from pixmill.engine.types import Limits
from pixmill.engine.words import embed
from pixmill.engine.words.types import Words
from pixmill.errors import Error, TooManyPixels, UnreadableImage, UnsupportedFormat

from fixtures.pictures import (
    animation,
    decoded,
    encode,
    exif,
    graphic,
    photo,
    quadrants,
    translucent,
)


def measured(data: bytes) -> Survey:
    return survey(data, Limits())


def camera(**fields: str) -> bytes:
    block = Image.Exif()
    block[0x010F] = fields.get("make", "Ada\x1b[31m  Optics\n")
    block[0x0110] = fields.get("model", "Model 1")
    block.get_ifd(0x8769)[0x9003] = fields.get("taken", "2024:05:01 10:11:12")
    if "offset" in fields:
        block.get_ifd(0x8769)[0x9011] = fields["offset"]
    return block.tobytes()


@pytest.mark.parametrize(
    ("format_", "data"),
    [
        ("jpeg", encode(photo(), "JPEG")),
        ("png", encode(photo(), "PNG")),
        ("webp", encode(photo(), "WEBP")),
        ("avif", encode(photo(), "AVIF")),
        ("tiff", encode(photo(), "TIFF")),
        ("bmp", encode(photo(), "BMP")),
        ("gif", encode(photo(), "GIF")),
    ],
)
def test_every_format_is_measured(format_, data):
    found = measured(data)

    assert (found.format, found.width, found.height, found.frames) == (format_, 320, 240, 1)
    assert found.file_size == len(data)
    assert decoded(found.data).size == (320, 240)
    assert found.colors
    assert found.words == Words()
    assert not found.c2pa


def test_a_single_pixel_has_one_color():
    alone = Image.new("RGBA", (3, 3))
    alone.putpixel((1, 1), (190, 30, 90, 255))

    for picture in (Image.new("RGB", (1, 1), (190, 30, 90)), alone):
        [color] = measured(encode(picture, "PNG")).colors
        assert (color.hex, color.share) == ("#be1e5a", 1.0)


def test_sides_and_preview_are_upright():
    found = measured(encode(quadrants(), "JPEG", exif=exif(6)))
    corner = np.asarray(decoded(found.data).convert("RGB"))[8, 8]

    assert (found.width, found.height) == (40, 60)
    assert decoded(found.data).size == (40, 60)
    assert corner[2] > 150 > corner[0]  # blue was below red


def test_a_preview_is_a_small_srgb_jpeg_without_metadata():
    upload = encode(photo(1200, 800), "JPEG", exif=exif(1, gps=True, artist="Ada"))
    found = measured(embed(upload, Words(title="Fox")).data)
    picture = decoded(found.data)

    assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (768, 512))
    assert probe(found.data).metadata == frozenset()
    assert probe(found.data).profile is None


def test_a_small_picture_is_not_enlarged():
    assert decoded(measured(encode(photo(50, 30), "PNG")).data).size == (50, 30)


def test_what_is_transparent_is_white_in_the_preview_and_has_no_color():
    found = measured(encode(translucent(), "WEBP", lossless=True))
    left = np.asarray(decoded(found.data).convert("RGB"))[60, 10]

    assert found.alpha
    assert left.min() > 245
    assert not any(color.hex == "#00ff00" for color in found.colors)


def test_what_cannot_be_seen_at_all_has_no_colors():
    assert measured(encode(Image.new("RGBA", (20, 20)), "PNG")).colors == ()


def test_colors_have_their_shares():
    found = measured(encode(quadrants(), "PNG"))

    assert {color.hex: color.share for color in found.colors} == {
        "#e61414": 0.25,
        "#14c814": 0.25,
        "#1414e6": 0.25,
        "#ffffff": 0.25,
    }


def test_a_small_vivid_color_is_named():
    found = measured(encode(photo(), "JPEG", quality=90))

    assert len(found.colors) <= 5
    assert sum(color.share for color in found.colors) <= 1.001
    reds = [int(c.hex[1:3], 16) - int(c.hex[5:], 16) for c in found.colors]
    assert max(reds) > 100


def test_the_same_picture_has_the_same_facts():
    data = encode(photo(), "JPEG")

    assert measured(data) == measured(data)


def test_blur_shows_whatever_the_size():
    for size in ((400, 300), (1600, 1200)):
        sharp = graphic(*size)
        soft = sharp.filter(ImageFilter.GaussianBlur(size[0] / 80))
        assert measured(encode(soft, "PNG")).sharpness < 100
        assert measured(encode(sharp, "PNG")).sharpness > 500


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_camera_and_date_are_read_and_cleaned(format_):
    found = measured(encode(photo(60, 40), format_, exif=camera(offset="+02:00")))

    assert found.shot == Shot(
        taken="2024-05-01T10:11:12+02:00", make="Ada[31m Optics", model="Model 1"
    )
    assert not found.gps


@pytest.mark.parametrize("taken", ["0000:00:00 00:00:00", "2024:13:01 10:11:12", "soon", ""])
def test_a_date_that_is_none_is_not_told(taken):
    assert shot.read(camera(taken=taken)).taken is None


def test_an_offset_that_is_none_is_not_told():
    assert shot.read(camera(offset="\x1b[1m")).taken == "2024-05-01T10:11:12"


def test_that_there_is_a_place_is_told_but_not_which():
    found = measured(encode(photo(), "JPEG", exif=exif(gps=True)))

    assert found.gps
    assert "52" not in json.dumps({k: v for k, v in found.facts().items() if k == "shot"})


def test_words_in_the_file_are_told():
    words = Words(title="Fox 山", alt="A fox", keywords=("fox",))
    upload = embed(encode(photo(), "JPEG"), words).data

    assert measured(upload).words == words


@pytest.mark.parametrize("format_", ["GIF", "WEBP", "PNG", "AVIF"])
def test_of_an_animation_the_first_frame_counts(format_):
    found = measured(animation(format_))

    assert found.frames == 5
    assert decoded(found.data).size == (64, 48)


@pytest.mark.parametrize("mode", ["L", "LA", "CMYK", "I;16"])
def test_other_kinds_of_pixels_become_rgb(mode):
    picture = photo(60, 40).convert("L" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(picture).astype(np.uint16) * 257)
    found = measured(encode(picture, "TIFF" if mode == "CMYK" else "PNG"))

    assert decoded(found.data).mode == "RGB"


def test_a_line_is_measured():
    for size in ((1, 1), (3000, 1), (1, 3000)):
        found = measured(encode(Image.new("RGB", size, (200, 30, 30)), "PNG"))
        assert [color.hex for color in found.colors] == ["#c81e1e"]
        assert max(decoded(found.data).size) <= 768


def test_limits_hold():
    upload = encode(photo(), "PNG")
    with pytest.raises(TooManyPixels):
        survey(upload, Limits(max_pixels=1000))


def test_what_it_costs_is_known_before():
    small, large = (
        memory_size(prepare(probe(encode(photo(*size), "PNG")), Limits()))
        for size in ((100, 100), (1000, 1000))
    )

    assert 0 < small < large < 100_000_000


def test_broken_pictures_are_refused():
    whole = encode(photo(), "PNG")
    with pytest.raises(UnreadableImage):
        measured(whole[: len(whole) // 2])
    with pytest.raises(UnsupportedFormat):
        measured(b"no picture")
    random = np.random.default_rng(1)
    for format_ in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF"):
        data = encode(photo(60, 40), format_, **({"exif": camera()} if format_ != "GIF" else {}))
        for _ in range(40):
            body = bytearray(data)
            for at in random.integers(0, len(body), 3):
                body[at] = random.integers(0, 256)
            try:
                found = measured(bytes(body))
            except Error:
                continue
            assert Image.open(io.BytesIO(found.data)).format == "JPEG"
