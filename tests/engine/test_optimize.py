"""Bytes in, bytes out: the pitfalls of pictures, each seen by an independent decoder."""

import io
from dataclasses import replace

import numpy as np
import pytest
from imagecodecs import jpegxl_decode
from PIL import Image, ImageCms, ImageOps

from pixmill import errors
from pixmill.engine.optimize import optimize
from pixmill.engine.pixels import from_array
from pixmill.engine.types import Limits, Options, Result

from fixtures.pictures import (
    animation,
    array,
    decoded,
    encode,
    exif,
    frames,
    graphic,
    photo,
    quadrants,
    translucent,
)

LIMITS = Limits()
STILL_FORMATS = ["jpeg", "png", "webp", "avif", "gif"]
SOURCES = ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP"]


def run(data: bytes, **options: object) -> Result:
    return optimize(data, Options(**options), LIMITS)  # type: ignore[arg-type]


def difference(one: Image.Image, other: Image.Image, mode: str = "RGB") -> float:
    return float(np.abs(array(one, mode) - array(other, mode)).mean())


@pytest.mark.parametrize("target", STILL_FORMATS)
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_becomes_every_output(source, target):
    picture = photo(96, 64)
    data = encode(picture, source)

    result = run(data, format=target, quality=90)
    shown = decoded(result.data)

    assert (result.format, shown.format) == (target, target.upper())
    assert shown.size == (result.width, result.height) == (96, 64)
    assert difference(picture, shown) < (24 if "GIF" in (source, target.upper()) else 8)


@pytest.mark.parametrize("target", STILL_FORMATS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_whatever_its_orientation(orientation, target):
    stored = quadrants()
    data = encode(stored, "JPEG", quality=95, exif=exif(orientation), subsampling=0)
    upright = ImageOps.exif_transpose(decoded(data))

    shown = decoded(run(data, format=target, quality=95).data)

    assert shown.size == upright.size
    assert shown.getexif().get(0x0112, 1) == 1
    assert difference(upright, shown) < 14


@pytest.mark.parametrize("source", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [3, 6])
def test_orientation_counts_in_every_format_that_has_it(orientation, source):
    data = encode(quadrants(), source, exif=exif(orientation))

    shown = decoded(run(data, format="jpeg", quality=95).data)

    assert difference(ImageOps.exif_transpose(decoded(data)), shown) < 14


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turning_and_resizing_agree_about_width(orientation):
    data = encode(quadrants(), "JPEG", quality=95, exif=exif(orientation))
    upright = ImageOps.exif_transpose(decoded(data))

    result = run(data, width=30)

    assert result.width == 30
    assert result.height == round(30 * upright.height / upright.width)


#: The red primary of Display P3 and of Rec. 2020, adapted to D50 as profiles store it.
WIDE_REDS = {"P3": (0.5151, 0.2412, -0.0011), "Rec. 2020": (0.6734, 0.2790, -0.0019)}


def wide_gamut(name: str = "P3") -> bytes:
    """Return a profile with sRGB's curve and white and the red primary of another space."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    index = data.index(b"rXYZ", 128)  # in the table of tags (ICC.1:2022 §7.3)
    offset = int.from_bytes(data[index + 4 : index + 8], "big")
    for position, value in enumerate(WIDE_REDS[name]):
        fixed = int(value * 65536) & 0xFFFFFFFF
        data[offset + 8 + 4 * position : offset + 12 + 4 * position] = fixed.to_bytes(4, "big")
    return bytes(data)


@pytest.mark.parametrize("name", WIDE_REDS)
@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif"])
def test_wide_colours_become_srgb_when_the_profile_goes(target, name):
    picture = Image.new("RGB", (64, 64), (200, 60, 50))
    data = encode(picture, "PNG", icc_profile=wide_gamut(name))

    shown = decoded(run(data, format=target, quality=95).data)

    red, green, blue = shown.convert("RGB").getpixel((32, 32))
    assert "icc_profile" not in shown.info
    assert red > 210  # the same red needs more of sRGB's weaker primary
    assert green < 60
    assert blue < 60


def test_a_kept_profile_keeps_the_numbers():
    profile = wide_gamut()
    data = encode(Image.new("RGB", (64, 64), (200, 60, 50)), "JPEG", icc_profile=profile)

    for target in ("jpeg", "webp", "avif", "png"):
        shown = decoded(run(data, format=target, quality=95, metadata="keep").data)

        assert shown.info["icc_profile"] == profile, target
        assert abs(shown.convert("RGB").getpixel((32, 32))[0] - 200) < 4, target


@pytest.mark.parametrize("target", STILL_FORMATS)
def test_cmyk_becomes_srgb(target):
    data = encode(photo(64, 48).convert("CMYK"), "JPEG", quality=95)

    shown = decoded(run(data, format=target).data)

    assert shown.mode in {"RGB", "P"}
    assert difference(decoded(data).convert("RGB"), shown) < 40


def test_jpeg_xl_carries_kept_metadata_in_its_boxes(jpeg):
    result = run(jpeg, format="jxl", metadata="keep")

    assert result.data.startswith(b"\0\0\0\x0cJXL \r\n\x87\n")
    assert b"Exif" in result.data
    assert b"Ada" in result.data
    assert b"Ada" not in run(jpeg, format="jxl").data


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_jpeg_xl_looks_like_its_source(mode):
    picture = photo(96, 64).convert(mode)

    pixels = jpegxl_decode(run(encode(picture, "PNG"), format="jxl", quality=90).data)

    assert difference(picture, Image.fromarray(np.asarray(pixels))) < 6


@pytest.mark.parametrize("target", ["jpeg", "webp"])
@pytest.mark.parametrize("metadata", ["strip", "keep"])
def test_cmyk_with_a_profile_becomes_srgb_and_the_profile_goes(metadata, target):
    picture = photo(64, 48)
    inks = from_array(np.asarray(picture)).icc_export(output_profile="cmyk", depth=8)
    data = inks.jpegsave_buffer(Q=95)

    shown = decoded(run(data, format=target, metadata=metadata, quality=90).data)

    assert shown.mode == "RGB"
    assert "icc_profile" not in shown.info
    assert difference(picture, shown) < 14


def test_alpha_is_flattened_on_white_for_jpeg():
    shown = decoded(run(encode(translucent(), "PNG"), format="jpeg", quality=95).data)

    assert min(shown.getpixel((3, 60))) > 245


def test_alpha_is_flattened_on_the_colour_asked_for():
    data = encode(translucent(), "PNG")

    shown = decoded(run(data, format="jpeg", quality=95, background=(0, 0, 200)).data)

    red, green, blue = shown.getpixel((3, 60))
    assert (red < 12, green < 12, blue > 185) == (True, True, True)


def test_grey_with_alpha_is_flattened_on_a_colour():
    data = encode(translucent().convert("LA"), "PNG")

    shown = decoded(run(data, format="jpeg", quality=95, background=(200, 0, 0)).data)

    assert shown.getpixel((3, 60))[0] > 185
    assert shown.getpixel((3, 60))[1] < 15


@pytest.mark.parametrize("target", ["png", "webp", "avif"])
def test_transparent_colours_do_not_bleed_when_resizing(target):
    data = encode(translucent(), "PNG")

    shown = decoded(run(data, format=target, quality=95, width=40).data).convert("RGBA")

    pixels = np.asarray(shown).astype(int)
    visible = pixels[pixels[:, :, 3] > 60]
    assert (visible[:, 1] - visible[:, 0]).max() < 90  # the hidden colour is pure green


@pytest.mark.parametrize("target", ["png", "webp", "avif"])
def test_alpha_survives(target):
    picture = translucent()

    shown = decoded(run(encode(picture, "PNG"), format=target).data).convert("RGBA")

    assert difference(picture.getchannel("A"), shown.getchannel("A"), "L") < 3


@pytest.mark.parametrize("target", STILL_FORMATS)
@pytest.mark.parametrize("mode", ["I;16", "RGB16"])
def test_sixteen_bits_become_eight_that_every_browser_shows(mode, target):
    if mode == "RGB16":
        data = sixteen_bit_png()
        expected = 128
    else:
        ramp = np.linspace(0, 65535, 64, dtype=np.uint16)[None, :].repeat(48, 0)
        data = encode(Image.fromarray(ramp), "PNG")
        expected = 127

    shown = decoded(run(data, format=target, quality=92).data)

    if shown.mode == "I;16":  # the upload itself, where eight bits would not have been smaller
        assert target == "png"
        shown = decoded(encode(shown.convert("I").point(lambda value: value / 257), "TIFF"))
    assert abs(np.asarray(shown.convert("L")).mean() - expected) < 6


def sixteen_bit_png() -> bytes:
    import zlib  # noqa: PLC0415 - only this maker needs it

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body).to_bytes(4, "big")
        return len(body).to_bytes(4, "big") + kind + body + checksum

    header = (48).to_bytes(4, "big") * 2 + bytes([16, 2, 0, 0, 0])
    rows = (b"\0" + b"\x80\x10" * 3 * 48) * 48
    signature = b"\x89PNG\r\n\x1a\n"
    return (
        signature
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_sixteen_bits_stay_in_a_lossless_png():
    result = run(sixteen_bit_png(), lossless=True)

    assert result.data[24] == 16  # IHDR's bit depth


@pytest.mark.parametrize("target", [*STILL_FORMATS, "jxl"])
@pytest.mark.parametrize("size", [(1, 1), (7, 1), (1, 9), (33, 65), (255, 17)])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
def test_tiny_and_odd_sizes_work(target, size, mode):
    data = encode(photo(*size).convert(mode), "PNG")

    result = run(data, format=target)

    assert (result.width, result.height) == size
    if target != "jxl":
        assert decoded(result.data).size == size


@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif"])
def test_grey_stays_grey(target):
    picture = photo(96, 64).convert("L")

    shown = decoded(run(encode(picture, "PNG"), format=target).data)
    colors = array(shown)

    assert np.abs(colors[:, :, 0] - colors[:, :, 2]).max() <= 3
    assert difference(picture, shown, "L") < 8
    if target in {"jpeg", "png"}:
        assert shown.mode in {"L", "P"}


@pytest.mark.parametrize(("side", "target"), [(16_384, "webp"), (16_385, "avif")])
def test_a_side_beyond_the_format_is_a_clear_error(side, target):
    data = encode(Image.new("RGB", (side, 4), (9, 99, 9)), "PNG")

    with pytest.raises(errors.BadDimensions, match="pixels a side"):
        run(data, format=target)


@pytest.mark.parametrize(("side", "target"), [(16_383, "webp"), (16_384, "avif")])
def test_the_longest_side_that_a_format_holds_works(side, target):
    data = encode(Image.new("RGB", (side, 4), (9, 99, 9)), "PNG")

    assert decoded(run(data, format=target).data).size == (side, 4)


@pytest.mark.parametrize("target", ["gif", "webp", "avif"])
@pytest.mark.parametrize("source", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_keeps_its_frames_and_timing(source, target):
    durations = [50, 120, 80, 200, 90]
    data = animation(source, durations=durations)

    result = run(data, format=target)
    shown = Image.open(io.BytesIO(result.data))
    total = 0
    for index in range(getattr(shown, "n_frames", 1)):
        shown.seek(index)
        shown.load()
        total += shown.info["duration"]

    assert result.frames == 5
    assert shown.n_frames == 5
    assert abs(total - sum(durations)) <= 10


@pytest.mark.parametrize("loop", [0, 3])
@pytest.mark.parametrize("target", ["gif", "webp", "png"])
def test_an_animation_plays_as_often_as_it_did(target, loop):
    data = animation("PNG" if target == "png" else "WEBP", loop=loop)

    shown = Image.open(io.BytesIO(run(data, format=target).data))

    # A GIF's count is of repetitions after the first play, the others' is of plays.
    expected = loop - 1 if target == "gif" and loop else loop
    assert shown.info.get("loop", 0) == expected


def test_a_frame_without_a_delay_is_shown_as_long_as_browsers_show_it():
    shown = decoded(run(animation("GIF", durations=0), format="webp").data)

    assert shown.info["duration"] == 100


def test_frames_do_not_bleed_into_each_other_when_resizing():
    first = Image.new("RGB", (64, 64), (255, 255, 255))
    second = Image.new("RGB", (64, 64), (0, 0, 0))
    data = encode(first, "GIF", save_all=True, append_images=[second], duration=100, loop=0)

    shown = Image.open(io.BytesIO(run(data, format="webp", width=16, quality=95).data))

    assert np.asarray(shown.convert("L")).min() > 250


@pytest.mark.parametrize("target", STILL_FORMATS)
def test_a_strip_leaves_no_metadata(target, jpeg):
    result = run(jpeg, format=target)
    shown = decoded(result.data)

    assert not shown.getexif()
    assert "icc_profile" not in shown.info
    assert b"Ada" not in result.data
    assert b"Exif" not in result.data or target == "avif"


@pytest.mark.parametrize("target", ["jpeg", "png", "webp", "avif"])
def test_kept_metadata_is_all_there(target):
    block = exif(6, gps=True, artist="Ada")
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><!-- kept --></x:xmpmeta>'
    data = encode(photo(64, 48), "JPEG", exif=block, xmp=xmp)

    result = run(data, format=target, metadata="keep")
    shown = decoded(result.data)

    assert shown.getexif()[0x013B] == "Ada"
    assert shown.getexif().get_ifd(0x8825)[1] == "N"
    assert shown.getexif().get(0x0112, 1) == 1
    assert shown.info["xmp"] == xmp


@pytest.mark.parametrize("target", ["JPEG", "PNG", "WEBP", "AVIF", "GIF"])
@pytest.mark.parametrize("quality", [1, 35, 80, 100])
def test_a_same_format_result_is_never_larger(target, quality):
    options = {"quality": 20} if target in {"JPEG", "WEBP", "AVIF"} else {}
    for picture in (photo(96, 64), graphic(96, 64), photo(96, 64).convert("L")):
        data = encode(picture, target, **options)

        result = run(data, quality=quality)

        assert len(result.data) <= len(data)
        assert decoded(result.data).size == (96, 64)


@pytest.mark.parametrize("target", ["webp", "avif"])
def test_a_turned_animation_with_kept_metadata_stands_upright(target):
    first, second = quadrants(), ImageOps.invert(quadrants())
    data = encode(
        first, "WEBP", save_all=True, append_images=[second], duration=90, exif=exif(6), quality=95
    )

    result = run(data, format=target, metadata="keep", quality=90, width=20)
    shown = decoded(result.data)

    assert (result.frames, shown.size) == (2, (20, 30))
    assert shown.getexif().get(0x0112, 1) == 1
    assert difference(first.rotate(-90, expand=True).resize((20, 30)), shown) < 14


def test_an_optimized_picture_does_not_lose_a_second_time():
    once = run(encode(photo(), "JPEG", quality=95), quality=60)

    twice = run(once.data, quality=60)

    assert twice.how in {"rescanned", "original"}
    assert difference(decoded(once.data), decoded(twice.data)) == 0


def test_the_floor_loses_its_metadata_too():
    small = encode(photo(96, 64), "JPEG", quality=10, exif=exif(6, gps=True, artist="Ada"))

    result = run(small, quality=100)
    shown = decoded(result.data)

    assert result.how in {"rescanned", "original"}
    assert len(result.data) <= len(small)
    assert b"Ada" not in result.data
    assert not shown.getexif().get_ifd(0x8825)
    assert ImageOps.exif_transpose(shown).size == (64, 96)


@pytest.mark.parametrize("target", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_no_floor_keeps_a_position(orientation, target):
    block = exif(orientation, gps=True, artist="Ada")
    small = encode(photo(96, 64), target, quality=10, exif=block)

    result = run(small, quality=100)

    assert not decoded(result.data).getexif().get_ifd(0x8825)
    assert b"Ada" not in result.data


def test_a_large_palette_becomes_webp():
    data = encode(graphic(640, 480).quantize(16), "PNG")

    assert decoded(run(data, format="webp").data).size == (640, 480)


def test_lower_quality_means_fewer_bytes():
    data = encode(photo(400, 300), "PNG")
    for target in ("jpeg", "webp", "avif", "jxl"):
        sizes = [len(run(data, format=target, quality=q).data) for q in (10, 30, 50, 80, 95, 100)]

        assert sizes == sorted(sizes), target
        assert sizes[0] < sizes[-1] / 2, target


def test_a_flat_drawing_becomes_a_palette_and_a_photograph_does_not():
    drawing, picture = encode(graphic(), "PNG"), encode(photo(), "PNG")

    assert decoded(run(drawing).data).mode == "P"
    assert difference(decoded(picture), decoded(run(picture, quality=99).data)) == 0


def test_a_flat_animation_does_not_grow_in_webp():
    data = animation("GIF")

    assert len(run(data, format="webp").data) <= len(data)


def test_a_frame_of_sixteen_milliseconds_stays_one():
    data = animation("WEBP", durations=16)

    assert decoded(run(data, format="webp", width=32).data).info["duration"] == 16


def test_a_hidden_first_picture_is_no_frame():
    first, *rest = frames()
    data = encode(first, "PNG", save_all=True, append_images=rest, default_image=True, duration=90)

    assert run(data, format="webp").frames == 4


def test_lossless_jpeg_is_its_own_picture():
    data = encode(photo(), "JPEG", quality=92)

    result = run(data, lossless=True)

    assert result.how == "rescanned"
    assert len(result.data) < len(data)
    assert difference(decoded(data), decoded(result.data)) == 0


@pytest.mark.parametrize("target", ["jpeg", "avif", "gif"])
def test_lossless_is_refused_where_it_cannot_be(target):
    with pytest.raises(errors.BadOption, match="without loss"):
        run(encode(graphic(), "PNG"), format=target, lossless=True)


@pytest.mark.parametrize("target", ["gif", "jxl"])
def test_a_profile_that_cannot_be_kept_is_applied(target):
    data = encode(Image.new("RGB", (64, 64), (200, 60, 50)), "PNG", icc_profile=wide_gamut())

    result = run(data, format=target, quality=95, metadata="keep")
    pixels = jpegxl_decode(result.data) if target == "jxl" else array(decoded(result.data))

    assert np.asarray(pixels)[32, 32, 0] > 210


def test_lossless_means_every_pixel():
    picture = photo(96, 64)
    data = encode(picture, "PNG")
    for target in ("png", "webp"):
        assert difference(picture, decoded(run(data, format=target, lossless=True).data)) == 0


@pytest.mark.parametrize("source", ["JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF"])
def test_a_truncated_file_is_refused(source):
    data = encode(photo(), source)

    with pytest.raises(errors.UnreadableImage):
        run(data[: len(data) // 2])


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF89a", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"])
def test_what_is_no_picture_is_refused(data):
    with pytest.raises(errors.UnreadableImage):
        run(data)


def test_no_library_message_reaches_the_caller():
    data = encode(photo(), "PNG")

    with pytest.raises(errors.UnreadableImage) as caught:
        run(data[: len(data) // 2])

    assert str(caught.value) == "The image could not be processed."
    assert caught.value.detail


def test_limits_hold_before_any_pixel_is_read():
    with pytest.raises(errors.TooManyPixels):
        optimize(encode(photo(64, 64), "PNG"), Options(), replace(LIMITS, max_pixels=4095))
