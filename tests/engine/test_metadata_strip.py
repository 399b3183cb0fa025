"""Stripped files: the same picture, and nothing else."""

import io
import struct

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from pixmill.engine.metadata import strip
from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage, UnsupportedFormat

from fixtures import containers as make
from fixtures.pictures import animation, encode, frames, graphic, photo, translucent

PHOTO = photo(48, 32)
TEXT = PngImagePlugin.PngInfo()
TEXT.add_text("Comment", make.SECRET.decode())
TEXT.add_text("Comment", make.SECRET.decode(), zip=True)
TEXT.add_itxt("XML:com.adobe.xmp", make.XMP.decode())
TEXT.add(b"tIME", bytes((7, 0xEA, 1, 2, 3, 4, 5)))
TEXT.add(b"prVt", make.SECRET)
TEXT.add(b"teXt", make.SECRET, after_idat=True)

EXIF = make.exif(6, gps=True)
GIF_NOTES = (
    make.gif_extension(0xFE, make.SECRET)
    + make.gif_extension(0xFF, b"XMP DataXMP", make.SECRET)
    + make.gif_extension(0xFF, b"ICCRGBG1012", make.SECRET)
    + make.gif_extension(0x42, make.SECRET)
)


def vips_jpeg(**options):
    return pyvips.Image.new_from_buffer(encode(PHOTO, "PNG"), "").jpegsave_buffer(**options)


def in_jpeg(data):
    return make.with_segments(
        data,
        make.jpeg_segment(0xE1, b"Exif\0\0" + EXIF),
        make.jpeg_segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + make.XMP),
        make.jpeg_segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + make.SECRET),
        make.jpeg_segment(0xE2, b"ICC_PROFILE\0\1\1" + make.profile()),
        make.jpeg_segment(0xE2, b"FPXR\0" + make.SECRET),
        make.jpeg_segment(0xE0, b"JFXX\0\x10" + make.SECRET),
        make.jpeg_segment(0xED, make.IPTC),
        make.jpeg_segment(0xE7, make.SECRET),
        make.jpeg_segment(0xFE, make.SECRET),
    )


def in_gif(data):
    at = 13 + (3 << (data[10] & 7) + 1)
    return data[:at] + GIF_NOTES + data[at:-1] + GIF_NOTES + data[-1:]


def in_webp(data):
    at = data.index(b"ANMF")
    size = struct.unpack_from("<I", data, at + 4)[0] + 8
    frame = data[at : at + size]
    noted = make.riff_chunk(b"ANMF", frame[8:] + make.riff_chunk(b"note", make.SECRET))
    chunks = data[12:at] + noted + data[at + size :]
    return make.webp(chunks, make.riff_chunk(b"note", make.SECRET))


FULL = {"exif": EXIF, "icc_profile": make.profile()}
MORE = {**FULL, "xmp": make.XMP}
SAMPLES = {
    "jpeg": in_jpeg(encode(PHOTO, "JPEG")),
    "progressive jpeg": in_jpeg(encode(PHOTO, "JPEG", progressive=True)),
    "jpeg with restarts": in_jpeg(vips_jpeg(restart_interval=1)),
    "grey jpeg": in_jpeg(encode(PHOTO.convert("L"), "JPEG")),
    "cmyk jpeg": in_jpeg(encode(PHOTO.convert("CMYK"), "JPEG")),
    "png": encode(PHOTO, "PNG", pnginfo=TEXT, **FULL),
    "palette png": encode(graphic().quantize(16), "PNG", pnginfo=TEXT, transparency=3, **FULL),
    "grey png": encode(PHOTO.convert("L"), "PNG", pnginfo=TEXT, transparency=90, exif=EXIF),
    "apng": encode(
        frames()[0], "PNG", save_all=True, append_images=frames()[1:], pnginfo=TEXT, **FULL
    ),
    "webp": encode(PHOTO, "WEBP", **MORE),
    "lossless webp": encode(PHOTO, "WEBP", lossless=True, **MORE),
    "webp with alpha": encode(translucent(48, 32), "WEBP", **MORE),
    "animated webp": in_webp(
        encode(frames()[0], "WEBP", save_all=True, append_images=frames()[1:], **MORE)
    ),
    "gif": in_gif(encode(graphic(), "GIF", comment=make.SECRET)),
    "animated gif": in_gif(animation("GIF", loop=3)),
    "avif": encode(PHOTO, "AVIF", speed=10, **MORE),
    "avif with alpha": encode(translucent(48, 32), "AVIF", speed=10, **MORE),
    "avif sequence": encode(
        frames()[0],
        "AVIF",
        save_all=True,
        speed=10,
        append_images=frames()[1:],
        # With another orientation than 1, libavif's encoder of sequences crashes.
        **(MORE | {"exif": make.exif(1, gps=True)}),
    ),
}


def samples(*words):
    chosen = {name: data for name, data in SAMPLES.items() if any(word in name for word in words)}
    return pytest.mark.parametrize("data", chosen.values(), ids=chosen)


every_sample = samples("")


def shown(data):
    """Return every frame with how long it stays, the way Pillow shows it."""
    with Image.open(io.BytesIO(data)) as picture:
        seen = []
        for index in range(getattr(picture, "n_frames", 1)):
            picture.seek(index)
            pixels = np.asarray(picture.convert("RGBA")).tobytes()
            seen.append((pixels, picture.info.get("duration")))
    return seen


def stripped(data):
    return strip(data, probe(data))


@every_sample
def test_the_samples_have_something_to_strip(data):
    assert make.SECRET in data
    assert probe(data).metadata


@every_sample
def test_every_pixel_of_every_frame_stays(data):
    assert shown(stripped(data)) == shown(data)


@samples("jpeg", "webp", "gif", "avif", "png")
def test_libvips_sees_the_same_pixels(data):
    def pixels(data):
        return pyvips.Image.new_from_buffer(data, "", fail_on="warning").write_to_memory()

    if b"ftypavis" not in data:  # libvips does not know sequences by their looks
        assert pixels(stripped(data)) == pixels(data)


@every_sample
def test_no_word_and_no_place_is_left(data):
    result = stripped(data)

    assert make.SECRET not in result
    assert b"xpacket" not in result
    assert "gps" not in probe(result).metadata


@every_sample
def test_everything_but_the_metadata_is_as_it_was(data):
    before, after = probe(data), probe(stripped(data))

    for name in ("format", "width", "height", "frames", "loops", "alpha", "depth", "colors"):
        assert getattr(after, name) == getattr(before, name)
    assert after.profile == before.profile
    assert after.orientation == before.orientation
    assert after.progressive == before.progressive
    in_exif = before.format in ("jpeg", "png", "webp") and before.orientation != 1
    assert after.metadata == ({"exif"} if in_exif else set())


@every_sample
def test_stripping_twice_is_stripping_once(data):
    once = stripped(data)

    assert stripped(once) == once


@every_sample
def test_the_result_is_never_larger(data):
    assert len(stripped(data)) <= len(data)
    assert len(stripped(stripped(data))) <= len(stripped(data))


@every_sample
def test_what_follows_the_picture_goes(data):
    polyglot = data + b"PK\x03\x04<script>" + make.SECRET

    assert stripped(polyglot) == stripped(data)


@samples("jpeg", "png", "webp")
def test_the_picture_does_not_turn(data):
    def upright(data):
        with Image.open(io.BytesIO(data)) as picture:
            return ImageOps.exif_transpose(picture).convert("RGB").tobytes()

    assert probe(stripped(data)).orientation == 6
    assert upright(stripped(data)) == upright(data)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_an_upright_picture_has_no_exif_at_all(format_):
    data = encode(PHOTO, format_, exif=b"Exif\0\0" + make.exif(1, gps=True))

    assert probe(data).metadata == {"exif", "gps"}
    assert probe(stripped(data)).metadata == set()


@samples("png")
def test_libvips_checks_every_checksum(data):
    result = stripped(data)

    pyvips.Image.pngload_buffer(result, fail_on="warning").avg()
    assert result.endswith(b"IEND\xaeB`\x82")


@samples("webp")
def test_the_sizes_in_a_webp_are_right(data):
    result = stripped(data)

    assert struct.unpack_from("<I", result, 4)[0] == len(result) - 8
    assert len(result) % 2 == 0


def test_a_thumbnail_in_the_jfif_header_goes():
    data = encode(PHOTO, "JPEG")
    header = data[6:18] + b"\x02\x02" + make.SECRET[:12]
    noted = make.with_segments(data[:2] + data[20:], make.jpeg_segment(0xE0, header))

    assert stripped(noted) == stripped(data) == data


def test_a_segment_is_told_by_its_own_bytes_alone():
    data = encode(PHOTO, "JPEG")
    noted = make.with_segments(data, b"\xff\xee\0\x06Adobe is not in here")

    assert stripped(noted) == data


def test_notes_between_scans_go():
    data = encode(PHOTO, "JPEG", progressive=True)
    at = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    noted = data[:at] + make.jpeg_segment(0xFE, make.SECRET) + data[at:]

    assert stripped(noted) == data


def test_of_several_pictures_in_a_jpeg_the_first_stays():
    out = io.BytesIO()
    PHOTO.save(out, "MPO", save_all=True, append_images=[graphic()])
    data = out.getvalue()
    result = stripped(data)

    assert b"MPF" not in result
    assert result.count(b"\xff\xd8\xff") == 1
    with Image.open(io.BytesIO(result)) as one, Image.open(io.BytesIO(data)) as two:
        assert (one.format, two.format) == ("JPEG", "MPO")
        assert one.tobytes() == two.tobytes()


def test_a_jpeg_without_an_end_gets_none():
    data = encode(PHOTO, "JPEG")

    assert stripped(data[:-2]) == data[:-2]


def test_how_a_png_looks_stays():
    chunks = [
        make.png_chunk(b"gAMA", struct.pack(">I", 45455)),
        make.png_chunk(b"cHRM", bytes(32)),
        make.png_chunk(b"cICP", bytes((9, 16, 0, 1))),
        make.png_chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1)),
        make.png_chunk(b"sBIT", b"\5\6\5"),
        make.png_chunk(b"bKGD", bytes(6)),
    ]
    data = make.with_chunks(encode(PHOTO, "PNG"), *chunks)

    assert stripped(data) == data


def test_a_png_with_a_chunk_that_may_not_be_ignored_is_refused():
    data = make.with_chunks(encode(PHOTO, "PNG"), make.png_chunk(b"CRIT"))

    with pytest.raises(UnreadableImage):
        stripped(data)


def test_a_frame_of_a_webp_that_has_no_picture_is_refused():
    frame = make.riff_chunk(b"ANMF", bytes(16) + make.riff_chunk(b"none", bytes(8)))
    control = make.riff_chunk(b"ANIM", bytes(6))
    data = make.webp(make.canvas(2, (8, 8)), control, frame)

    with pytest.raises(UnreadableImage):
        stripped(data)


def test_plain_text_is_part_of_a_gif():
    text = make.gif_extension(0x01, bytes(12), b"drawn")
    data = make.gif(text, make.gif_frame())

    assert stripped(data) == data


def test_only_the_number_of_loops_stays_of_its_extension():
    loops = make.gif_extension(0xFF, b"NETSCAPE2.0", b"\1\5\0", b"\2" + make.SECRET)
    data = make.gif(loops, make.gif_frame(), make.gif_frame())

    assert make.SECRET not in stripped(data)
    assert probe(stripped(data)).loops == 6


def test_a_gif_without_a_trailer_gets_none():
    data = make.gif(make.gif_frame())

    assert stripped(data[:-1]) == data[:-1]


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("png", b"IDAT"),
        ("apng", b"fdAT"),
        ("webp", b"VP8 "),
        ("animated webp", b"ANMF"),
        ("gif", b",\0\0\0\0"),
    ],
)
def test_a_picture_that_is_cut_off_is_refused(name, word):
    data = SAMPLES[name]
    cut = data[: data.rindex(word) + 30]
    info = probe(cut)

    with pytest.raises(UnreadableImage):
        strip(cut, info)


@pytest.mark.parametrize("format_", ["TIFF", "BMP"])
def test_formats_that_are_not_written_are_not_stripped(format_):
    with pytest.raises(UnsupportedFormat):
        stripped(encode(PHOTO, format_))


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    changes=st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=4),
)
def test_a_damaged_file_keeps_its_size_or_is_refused(name, changes):
    data = bytearray(SAMPLES[name])
    for at, value in changes:
        data[at % len(data)] = value
    try:
        info = probe(bytes(data))
        result = strip(bytes(data), info)
    except UnreadableImage:
        return

    after = probe(result)
    assert (after.width, after.height, after.frames) == (info.width, info.height, info.frames)
    assert len(result) <= len(data)
