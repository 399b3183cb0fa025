"""The header of a BMP."""

import struct

from pixmill.engine.containers import Data
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnsupportedFormat

_CORE_SIZE = 12
_INFO_SIZES = {40, 52, 56, 64, 108, 124}
_PALETTE_DEPTHS = {1, 2, 4, 8}
_DEPTHS = _PALETTE_DEPTHS | {16, 24, 32}

# BI_RGB, BI_RLE8, BI_RLE4, BI_BITFIELDS. The others wrap a JPEG, a PNG or CMYK for printers.
_COMPRESSIONS = {0, 1, 2, 3}
_BITFIELDS = 3


def read(data: Data) -> ImageInfo:
    """Return what the header says. Two letters make no BMP: the rest must look like one, too."""
    (size,) = struct.unpack_from("<I", data, 14)
    if size == _CORE_SIZE:
        width, height, planes, bits = struct.unpack_from("<HHHH", data, 18)
        compression = 0
    elif size in _INFO_SIZES:
        width, height, planes, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    else:
        raise UnsupportedFormat(detail=f"bmp header of {size} bytes")
    if planes != 1 or bits not in _DEPTHS or compression not in _COMPRESSIONS:
        raise UnsupportedFormat(detail=f"bmp with {bits} bits, compression {compression}")
    alpha = False
    if bits == 32 and compression == _BITFIELDS and size >= 56:
        (mask,) = struct.unpack_from("<I", data, 66)
        alpha = mask != 0
    return ImageInfo(
        format="bmp",
        width=max(width, 0),
        height=abs(height),
        alpha=alpha,
        colors="palette" if bits in _PALETTE_DEPTHS else "rgb",
        lossless=True,
    )
