"""The header of a GIF and the outline of its frames."""

import struct

from pixmill.engine.containers import Data
from pixmill.engine.containers.gif import (
    APPLICATION,
    COMMENT,
    GRAPHIC_CONTROL,
    IMAGE,
    Block,
    blocks,
    repeats,
    transparent,
)
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage

_XMP = b"XMP DataXMP"


def read(data: Data) -> ImageInfo:
    """
    Return what the blocks say.

    The size is that of the logical screen, extended to hold the first frame, as libvips, Pillow
    and browsers do it: a screen of one pixel would otherwise get any picture past a size limit.
    """
    width, height = struct.unpack_from("<HH", data, 6)
    frames = 0
    alpha = False
    plays = 1
    metadata: set[str] = set()
    for block in blocks(data):
        if block.kind == IMAGE:
            frames += 1
            if frames == 1:
                right, bottom = _reach(data, block)
                width, height = max(width, right), max(height, bottom)
        elif block.kind == GRAPHIC_CONTROL:
            alpha = alpha or transparent(data, block)
        elif block.kind == COMMENT:
            metadata.add("comment")
        elif block.kind == APPLICATION:
            if data[block.body + 1 : block.body + 12] == _XMP:
                metadata.add("xmp")
            again = repeats(data, block)
            if again is not None:
                # Playing it again n times makes n + 1.
                plays = again + 1 if again else 0
    if not frames:
        raise UnreadableImage(detail="gif without frames")
    return ImageInfo(
        format="gif",
        width=width,
        height=height,
        frames=frames,
        loops=plays if frames > 1 else None,
        alpha=alpha,
        colors="palette",
        metadata=frozenset(metadata),
        lossless=True,
    )


def _reach(data: Data, block: Block) -> tuple[int, int]:
    left, top, width, height = struct.unpack_from("<HHHH", data, block.start + 1)
    return left + width, top + height
