"""Words in TIFF, which are read only."""

from pixmill.engine.containers.jpeg import PHOTOSHOP
from pixmill.engine.containers.tiff import Tiff
from pixmill.engine.words.types import Blocks

_XMP, _PHOTOSHOP = 700, 34377


def blocks(data: bytes) -> Blocks:
    """Return the metadata of *data*."""
    file = Tiff(data)
    fields = file.directory(file.first)
    xmp = file.content(fields.get(_XMP))
    resources = file.content(fields.get(_PHOTOSHOP))
    return Blocks(
        xmp=(xmp,) if xmp else (),
        exif=data,
        iptc=PHOTOSHOP + resources if resources else None,
    )
