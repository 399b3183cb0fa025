"""The floor under a result: the upload's own pixels in fewer bytes, without loss."""

from collections.abc import Callable
from io import BytesIO

import mozjpeg_lossless_optimization as mozjpeg
from PIL import Image

from pixmill.engine.codecs import png
from pixmill.engine.metadata import strip
from pixmill.engine.types import Plan


def rescan(data: bytes, plan: Plan) -> bytes:
    """
    Return *data* with the plan's metadata rules applied and its coding tightened where it can be.

    The pixels stay as they are stored; what turns or colors them (an orientation, a profile)
    stays with them.
    """
    if not plan.keep_metadata:
        stripped = strip(data, plan.source)
        # What grows had nothing to lose: an EXIF of an orientation, a checksum that was cut off.
        data = stripped if len(stripped) <= len(data) else data
    tighten = _TIGHTEN.get(plan.format)
    return min(data, tighten(data, plan), key=len) if tighten else data


def sound(data: bytes) -> bool:
    """
    Say whether Pillow, too, reads all of *data*.

    What is encoded here is sound by itself. What is handed back as it came has only been read by
    one decoder so far, and where decoders disagree about a damaged file, browsers will as well.
    """
    try:
        with Image.open(BytesIO(data)) as picture:
            for index in range(getattr(picture, "n_frames", 1)):
                picture.seek(index)
                picture.load()
    except (EOFError, LookupError, OSError, RuntimeError, SyntaxError, TypeError, ValueError):
        return False
    return True


def _jpeg(data: bytes, plan: Plan) -> bytes:  # noqa: ARG001 - tighteners share a signature
    """Store the same coefficients with better Huffman tables and progressive scans."""
    try:
        return bytes(mozjpeg.optimize(data, copy=mozjpeg.COPY_MARKERS.ALL))
    except ValueError:  # an arithmetic-coded JPEG, which mozjpeg's build cannot read
        return data


def _png(data: bytes, plan: Plan) -> bytes:
    """Pack the frames of an animation as they were cut; a still was packed when it was encoded."""
    return png.optimize(data, plan) if plan.animated else data


_TIGHTEN: dict[str, Callable[[bytes, Plan], bytes]] = {"jpeg": _jpeg, "png": _png}
