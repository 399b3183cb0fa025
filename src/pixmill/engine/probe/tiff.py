"""The header of a TIFF, of which the first page is read."""

from typing import Literal

from pixmill.engine.containers import Data
from pixmill.engine.containers.tiff import Entry, Tiff
from pixmill.engine.probe import exif, icc
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

_SUBFILE, _WIDTH, _HEIGHT, _DEPTH, _COMPRESSION, _PHOTOMETRIC = 254, 256, 257, 258, 259, 262
_DESCRIPTION, _SAMPLES, _SAMPLE_FORMAT, _PROFILE = 270, 277, 339, 34675

#: Luma and chroma, which libvips makes colors of only when a JPEG decoder hands them over.
_YCBCR = 6
_JPEG = {6, 7}

#: Tags that hold metadata of each kind.
_METADATA = {
    34665: "exif",
    exif.GPS: "exif",
    700: "xmp",
    33723: "iptc",
    34377: "iptc",
    _DESCRIPTION: "comment",
}

#: Photometric interpretations that are decoded: what the colors are, in how many samples.
_COLORS: dict[int, tuple[Literal["grey", "rgb", "cmyk", "palette"], int]] = {
    0: ("grey", 1),
    1: ("grey", 1),
    2: ("rgb", 3),
    3: ("palette", 1),
    5: ("cmyk", 4),
    6: ("rgb", 3),
    8: ("rgb", 3),
}

# JPEG (old and new), JPEG 2000, JPEG XL and WebP lose something; every other coding is exact.
_LOSSY = {6, 7, 33003, 33004, 33005, 34712, 34892, 50001, 50002, 52546}


def read(data: Data) -> ImageInfo:
    """Return what the first directory says."""
    file = Tiff(data)
    fields = file.directory(file.first)
    if _one(file, fields, _SUBFILE, 0) & 1:
        raise UnsupportedFormat(detail="a tiff that begins with a preview is a camera's raw file")
    photometric = _one(file, fields, _PHOTOMETRIC, -1)
    colors = _COLORS.get(photometric)
    if colors is None:
        raise UnsupportedFormat(detail="tiff with unknown colors")
    color, color_samples = colors
    samples = _one(file, fields, _SAMPLES, 1)
    if samples < color_samples:
        raise UnreadableImage(detail=f"{color} tiff with {samples} samples")
    depths = file.numbers(fields.get(_DEPTH), most=8) or (1,)
    coding = _one(file, fields, _COMPRESSION, 1)
    number_format = _one(file, fields, _SAMPLE_FORMAT, 1)
    if max(depths) > 16 or number_format != 1 or samples > color_samples + 1:
        raise UnsupportedFormat(detail="tiff with samples that are not 8 or 16 bit numbers")
    if photometric == _YCBCR and coding not in _JPEG:
        raise UnsupportedFormat(detail="tiff with bare luma and chroma")
    found = exif.of(file, fields)
    metadata = {kind for tag, kind in _METADATA.items() if tag in fields}
    return ImageInfo(
        format="tiff",
        width=_one(file, fields, _WIDTH, 0),
        height=_one(file, fields, _HEIGHT, 0),
        alpha=samples > color_samples,
        depth=max(depths),
        colors=color,
        orientation=found.orientation,
        profile=icc.sound(file.content(fields.get(_PROFILE))),
        metadata=frozenset(metadata | {"gps"} if found.gps else metadata),
        lossless=coding not in _LOSSY,
    )


def _one(file: Tiff, fields: dict[int, Entry], tag: int, default: int) -> int:
    """Return the first value of *tag*, or *default*."""
    return next(iter(file.numbers(fields.get(tag))), default)
