"""Headers of AVIF and HEIC files."""

import struct

import numpy as np
import pytest
import pyvips
from PIL import Image, ImageOps

from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage, UnsupportedFormat

from fixtures import containers as make
from fixtures.pictures import animation, encode, photo, translucent

ALPHA = make.full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0")
DEPTH = make.full_box(b"auxC", b"urn:mpeg:mpegB:cicp:systems:auxiliary:depth\0")
SIZE = make.image_size(16, 8)
AV1, HEVC = make.infos(make.item(1, b"av01")), make.infos(make.item(1, b"hvc1"))


def reference(kind, source, *targets):
    numbers = struct.pack(f">HH{len(targets)}H", source, len(targets), *targets)
    return make.box(kind, numbers)


def av1(flags):
    return make.box(b"av1C", bytes((0x81, 0, flags, 0)))


def hevc(*, chroma=1, depth=8):
    return make.box(b"hvcC", bytes(16) + bytes((chroma, depth - 8)) + bytes(5))


def rotation(turns):
    return make.box(b"irot", bytes((turns,)))


def mirror(axis):
    return make.box(b"imir", bytes((axis,)))


@pytest.mark.parametrize("bits", [8, 10, 12])
def test_the_depth_is_that_of_the_coding(bits):
    image = pyvips.Image.new_from_array(np.full((8, 16, 3), 40000, np.uint16))
    data = image.copy(interpretation="rgb16").heifsave_buffer(
        compression="av1", bitdepth=bits, effort=0
    )

    assert probe(data).depth == bits


@pytest.mark.parametrize(
    ("infos", "extra", "expected"),
    [
        (AV1, av1(0x10), ("avif", "grey", 8)),
        (AV1, av1(0x40), ("avif", "rgb", 10)),
        (HEVC, hevc(), ("heic", "rgb", 8)),
        (HEVC, hevc(chroma=0, depth=10), ("heic", "grey", 10)),
        (AV1, make.full_box(b"pixi", b"\x03\x0a\x0a\x0a"), ("avif", "rgb", 10)),
        (AV1, b"", ("avif", "rgb", 8)),
    ],
)
def test_the_item_tells_the_codec_colors_and_depth(infos, extra, expected):
    info = probe(make.still(infos, make.properties(SIZE, *([extra] if extra else []))))

    assert (info.format, info.colors, info.depth) == expected
    assert (info.width, info.height) == (16, 8)


def test_the_item_counts_and_not_the_brand():
    assert probe(make.still(HEVC, make.properties(SIZE), brand=b"avif")).format == "heic"
    assert probe(make.still(AV1, make.properties(SIZE), brand=b"heic")).format == "avif"


@pytest.mark.parametrize("kind", [b"j2k1", b"vvc1", b"jpeg", b"grid"])
def test_other_codings_are_not_supported(kind):
    grid = make.box(b"idat", bytes((0, 0, 0, 0, 0, 16, 0, 8)))
    where = make.locations(make.extent(1, 1, (0, 8)))

    with pytest.raises(UnsupportedFormat):
        probe(make.still(make.infos(make.item(1, kind)), where, grid, make.properties(SIZE)))


@pytest.mark.parametrize("order", ["rotation first", "mirror first"])
@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("turns", range(4))
def test_turning_and_mirroring_come_out_as_one_orientation(turns, axis, order):
    boxes = [rotation(turns)] + ([mirror(axis)] if axis is not None else [])
    pixels = np.arange(6, dtype=np.uint8).reshape(2, 3)
    shown = pixels
    if order == "mirror first":
        boxes.reverse()
    for box in boxes:
        if box[4:8] == b"irot":
            shown = np.rot90(shown, turns)
        else:
            shown = shown[::-1] if axis == 0 else shown[:, ::-1]
    info = probe(make.still(AV1, make.properties(SIZE, *boxes)))
    picture = Image.fromarray(pixels)
    picture.getexif()[274] = info.orientation

    assert np.array_equal(np.asarray(ImageOps.exif_transpose(picture)), shown)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_orientation_agrees_with_what_libheif_shows(orientation):
    picture = pyvips.Image.new_from_buffer(encode(photo(48, 32), "PNG"), "")
    picture = picture.copy()
    picture.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    data = picture.heifsave_buffer(compression="av1", effort=0)
    shown = pyvips.Image.heifload_buffer(data)

    assert probe(data).upright_size == (shown.width, shown.height)
    assert probe(data).orientation == orientation


def test_exif_does_not_turn_anything():
    data = encode(photo(48, 32), "AVIF", speed=10, exif=make.exif(1)).replace(
        make.exif(1), make.exif(6)
    )

    assert probe(data).orientation == 1
    assert probe(data).metadata == {"exif"}


def test_a_clean_aperture_is_all_that_decoders_hand_out():
    aperture = make.box(b"clap", struct.pack(">IIIIiIiI", 12, 1, 15, 2, 0, 1, 0, 1))
    info = probe(make.still(AV1, make.properties(SIZE, aperture, rotation(1))))

    assert (info.width, info.height) == (12, 8)
    assert info.upright_size == (8, 12)


@pytest.mark.parametrize("aperture", [(17, 1, 8, 1), (0, 1, 8, 1), (8, 0, 8, 1)])
def test_a_clean_aperture_that_makes_no_sense_is_ignored(aperture):
    box = make.box(b"clap", struct.pack(">IIII", *aperture), bytes(16))
    info = probe(make.still(AV1, make.properties(SIZE, box)))

    assert (info.width, info.height) == (16, 8)


def grid(*references, data=bytes((0, 0, 0, 0, 0, 100, 0, 50)), method=1, alpha=ALPHA):
    """Return an AVIF of one tile, with its alpha as item 3."""
    return make.still(
        make.infos(make.item(1, b"grid"), make.item(2, b"av01"), make.item(3, b"av01")),
        make.full_box(b"iref", reference(b"dimg", 1, 2), *references),
        make.locations(make.extent(1, method, (0, len(data)))),
        make.properties(SIZE, av1(0x40), alpha, owners=((1, (1,)), (2, (1, 2)), (3, (1, 3)))),
        make.box(b"idat", data),
    )


def test_a_grid_has_the_size_of_its_output_and_the_depth_of_its_tiles():
    info = probe(grid())

    assert (info.format, info.width, info.height, info.depth) == ("avif", 100, 50, 10)


def test_a_grid_may_have_wide_numbers():
    info = probe(grid(data=b"\0\1\0\0" + struct.pack(">II", 70000, 9)))

    assert (info.width, info.height) == (70000, 9)


@pytest.mark.parametrize(("method", "size"), [(1, 0), (1, 7), (2, 8)])
def test_a_grid_that_cannot_be_read_is_refused(method, size):
    with pytest.raises(UnreadableImage):
        probe(grid(method=method, data=bytes(size)))


@pytest.mark.parametrize("target", [1, 2])
def test_alpha_may_belong_to_the_picture_or_its_tiles(target):
    assert probe(grid(reference(b"auxl", 3, target))).alpha


def test_not_every_auxiliary_picture_is_alpha():
    assert not probe(grid(reference(b"auxl", 3, 1), alpha=DEPTH)).alpha
    assert not probe(grid(reference(b"auxl", 3, 7))).alpha
    assert not probe(grid()).alpha


def test_items_that_are_made_from_each_other_in_a_circle_are_refused():
    data = make.still(
        make.infos(make.item(1, b"iden"), make.item(2, b"iden")),
        make.full_box(b"iref", reference(b"dimg", 1, 2), reference(b"dimg", 2, 1)),
        make.properties(SIZE),
    )

    with pytest.raises(UnsupportedFormat):
        probe(data)


@pytest.mark.parametrize("kind", [b"prof", b"rICC"])
def test_the_profile_may_stand_beside_numbers(kind):
    numbers = make.box(b"colr", b"nclx\0\1\0\x0d\0\6\x80")
    color = make.box(b"colr", kind, make.profile())

    assert probe(make.still(AV1, make.properties(SIZE, numbers, color))).profile == make.profile()
    assert probe(make.still(AV1, make.properties(SIZE, numbers))).profile is None


@pytest.mark.parametrize("wide", [True, False])
def test_metadata_is_found_wherever_it_is_stored(wide):
    exif = bytes(4) + make.exif(gps=True)
    half = len(exif) // 2
    parts = [(0, half), (half, len(exif) - half)] if wide else [(0, len(exif))]
    data = make.still(
        make.infos(
            make.item(1, b"av01"),
            make.item(2, b"Exif"),
            make.item(3, b"mime", b"application/rdf+xml"),
            make.item(4, b"mime", b"text/plain"),
        ),
        make.locations(make.extent(2, 1, *parts), make.extent(3, 1, (len(exif), len(make.XMP)))),
        make.properties(SIZE),
        make.box(b"idat", exif, make.XMP),
    )

    assert probe(data).metadata == {"exif", "gps", "xmp"}


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (AV1,),
        (make.properties(SIZE),),
        (AV1, make.properties(SIZE[:-8])),
        (AV1, make.full_box(b"iprp")),
    ],
)
def test_a_file_without_a_picture_or_its_size_is_refused(parts):
    with pytest.raises(UnreadableImage):
        probe(make.still(*parts))


@pytest.mark.parametrize(
    "data",
    [
        make.file_type(b"avif"),
        b"\0\0\0\x0cftypavif",
        b"\0\0\0\0ftyp",
        make.file_type(b"avif") + struct.pack(">I4s", 4096, b"meta") + bytes(64),
        encode(photo(48, 32), "AVIF", speed=10)[:-1],
    ],
)
def test_a_file_that_is_cut_off_is_refused(data):
    with pytest.raises(UnreadableImage):
        probe(data)


def test_large_boxes_are_read():
    whole = make.still(AV1, make.properties(SIZE))
    wide = whole + struct.pack(">I4sQ", 1, b"mdat", 24) + bytes(8)
    endless = whole + struct.pack(">I4s", 0, b"mdat") + bytes(80)

    assert probe(wide) == probe(endless) == probe(whole)


def test_a_sequence_has_the_frames_of_its_track():
    info = probe(animation("AVIF"))

    assert (info.width, info.height, info.frames, info.loops) == (64, 48, 5, 0)


def test_a_sequence_has_alpha_in_a_track_of_its_own():
    first, second = translucent(64, 48), translucent(64, 48).rotate(180)
    data = encode(first, "AVIF", speed=10, save_all=True, append_images=[second])

    assert probe(data).frames == 2
    assert probe(data).alpha
    assert not probe(data.replace(b"auxiliary:alpha", b"auxiliary:depth")).alpha


def test_the_major_brand_chooses_between_sequence_and_still():
    data = animation("AVIF")

    assert probe(data.replace(b"avis", b"avif", 1)).frames == 1
    assert probe(data.replace(b"avis", b"msf1", 1)).frames == 5


def test_no_more_frames_are_believed_than_there_is_room_for():
    data = bytearray(animation("AVIF"))
    struct.pack_into(">I", data, data.index(b"stsz") + 12, 2**32 - 1)

    assert probe(bytes(data)).frames == 5


@pytest.mark.parametrize(
    ("repeats", "duration", "expected"),
    [(False, 500, 1), (True, 500, 5), (True, 401, 5), (True, 2**64 - 1, 0), (None, 500, 0)],
)
def test_the_edit_list_says_how_often_a_sequence_plays(repeats, duration, expected):
    data = bytearray(animation("AVIF"))
    edits, header = data.index(b"elst"), data.index(b"tkhd")
    struct.pack_into(">I", data, edits + 4, 1 << 24 | bool(repeats))
    struct.pack_into(">Q", data, edits + 12, 100)
    assert data[header + 4] == 1
    struct.pack_into(">Q", data, header + 32, duration)
    if repeats is None:
        data[edits : edits + 4] = b"free"

    assert probe(bytes(data)).loops == expected
