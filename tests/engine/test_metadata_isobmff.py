"""Metadata of AVIF and HEIC files, emptied where it lies."""

import struct

import pytest

from pixmill.engine.metadata import exif, strip
from pixmill.engine.probe import probe
from pixmill.errors import UnreadableImage

from fixtures import containers as make
from fixtures.pictures import animation, encode, photo

EXIF = bytes(4) + make.exif(gps=True)
IN_FILE, IN_IDAT = 0, 1


def noted(*places, method=IN_IDAT, kind=b"Exif", before=b"", idat=EXIF, after=b""):
    """Return an AVIF whose item 2 lies at *places*, and the bytes of whose picture are *before*."""
    content_type = b"application/rdf+xml" if kind == b"mime" else b""
    return make.still(
        make.infos(make.item(1, b"av01"), make.item(2, kind, content_type)),
        make.locations(make.extent(1, IN_IDAT, (0, len(before))), make.extent(2, method, *places)),
        make.properties(make.image_size(16, 8)),
        make.box(b"idat", before, idat, after),
    )


def picture_at(place):
    """Return an AVIF whose picture lies at *place* in the file."""
    return make.still(
        make.infos(make.item(1, b"av01")),
        make.locations(make.extent(1, IN_FILE, place)),
        make.properties(make.image_size(16, 8)),
    )


def stripped(data):
    return strip(data, probe(data))


def test_exif_is_overwritten_by_exif_that_says_nothing():
    data = noted((4, len(EXIF)), before=b"BEFO", after=b"AFTER")
    blank = (bytes(4) + exif.EMPTY).ljust(len(EXIF), b"\0")

    assert stripped(data) == data.replace(EXIF, blank)


def test_xmp_is_overwritten_by_blanks():
    data = noted((4, len(make.XMP)), kind=b"mime", before=b"BEFO", idat=make.XMP)

    assert stripped(data) == data.replace(make.XMP, b" " * len(make.XMP))


def test_pieces_are_overwritten_one_by_one():
    first, second = EXIF[:70], EXIF[70:]
    data = noted(
        (4, 70), (4 + 70 + 8, len(second)), before=b"BEFO", idat=first + b"NOT MINE" + second
    )
    result = stripped(data)

    assert len(result) == len(data)
    assert make.SECRET[:6] not in result
    assert b"BEFO" in result
    assert b"NOT MINE" in result


def test_exif_too_small_to_hold_any_becomes_zeros():
    data = noted((4, 6), before=b"BEFO", idat=b"secret", after=b"AFTER")

    assert stripped(data) == data.replace(b"secret", bytes(6))


def test_metadata_in_the_media_data_goes():
    data = encode(photo(48, 32), "AVIF", speed=10, exif=make.exif(gps=True), xmp=make.XMP)
    result = stripped(data)

    assert probe(data).metadata == {"exif", "gps", "xmp"}
    assert probe(result).metadata == set()
    assert len(result) == len(data)


@pytest.mark.parametrize("parent", [b"moov", b"trak"])
def test_notes_in_a_movie_and_its_tracks_go(parent):
    data = animation("AVIF")
    note = make.box(b"udta", make.full_box(b"\xa9xyz", make.SECRET))
    blank = make.box(b"free", bytes(len(note) - 8))
    inner = note if parent == b"moov" else make.box(b"trak", note)
    # A movie with notes goes to the end, so that everything else stays where it is.
    at = data.index(b"moov") - 4
    end = at + struct.unpack_from(">I", data, at)[0]
    gap = make.box(b"free", bytes(end - at - 8))
    movie = make.box(b"moov", data[at + 8 : end], inner)
    whole = data[:at] + gap + data[end:] + movie

    assert probe(whole) == probe(data)
    assert stripped(whole) == whole.replace(note, blank)


@pytest.mark.parametrize("kind", [b"free", b"skip", b"uuid", b"junk"])
def test_everything_beside_the_picture_is_blanked_or_cut_off(kind):
    head = make.file_type(b"avif", b"mif1")
    meta = noted((4, len(EXIF)), before=b"BEFO")[len(head) :]
    media = make.box(b"mdat", b"media")
    note = make.box(kind, make.SECRET)
    blank = make.box(b"free", bytes(len(make.SECRET)))

    plain = stripped(head + meta + media)

    assert stripped(head + note + meta + note + media + note) == (
        head + blank + plain[len(head) : -len(media)] + blank + media
    )


@pytest.mark.parametrize(
    "data",
    [
        noted((0, 8), before=b"PICTURES"),  # it is the picture
        noted((7, 8), before=b"PICTURES"),  # it overlaps the picture
        noted((0, 40), method=IN_FILE),  # it is the structure of the file
        noted((0, 9999)),
        noted((0, 0)),
        noted((0, 8), method=2),
        noted(*[(4, 1)] * 65, before=b"BEFO"),
        picture_at((0, 8)),  # in the structure of the file
        picture_at((300, 4)) + make.box(b"free", bytes(300)),  # in what would be blanked
    ],
)
def test_metadata_that_cannot_be_told_from_the_rest_is_refused(data):
    info = probe(data)

    with pytest.raises(UnreadableImage):
        strip(data, info)
