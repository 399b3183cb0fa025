"""AVIF sequences, which keep their pictures in tracks (ISO/IEC 14496-12, chapter 8)."""

import struct
from itertools import islice
from typing import NamedTuple

from pixmill.engine.containers import Data
from pixmill.engine.containers.isobmff import Box, Cursor, boxes, descend
from pixmill.engine.probe import properties
from pixmill.engine.types import ImageInfo

#: Bytes of a visual sample entry before the boxes in it.
_ENTRY_SIZE = 78

# Color, alpha, depth, and sound.
_MOST_TRACKS = 16


class _Track(NamedTuple):
    box: Box
    handler: bytes
    codec: bytes
    size: tuple[int, int]
    properties: list[Box]
    frames: int


def read(data: Data, moov: Box, metadata: frozenset[str]) -> ImageInfo | None:
    """Return what the first picture track says; None when there is none."""
    found = (box for box in boxes(data, moov.body, moov.end) if box.kind == b"trak")
    tracks = [track for box in islice(found, _MOST_TRACKS) if (track := _track(data, box))]
    for track in tracks:
        if track.handler != b"pict" or track.codec != b"av01" or not track.frames:
            continue
        own = track.properties
        width, height = properties.cropped(data, own, track.size)
        return ImageInfo(
            format="avif",
            width=width,
            height=height,
            frames=track.frames,
            loops=_loops(data, track.box) if track.frames > 1 else None,
            alpha=any(
                other.handler == b"auxv" and properties.alpha(data, other.properties, b"auxi")
                for other in tracks
            ),
            depth=properties.depth(data, own),
            colors="grey" if properties.grey(data, own) else "rgb",
            orientation=properties.orientation(data, own),
            profile=properties.profile(data, own),
            metadata=metadata,
        )
    return None


def _track(data: Data, box: Box) -> _Track | None:
    """Return what *box* holds; None when it lacks a handler, samples or their description."""
    handler = descend(data, box, b"mdia", b"hdlr")
    table = descend(data, box, b"mdia", b"minf", b"stbl")
    if handler is None or table is None:
        return None
    descriptions = descend(data, table, b"stsd")
    sizes = descend(data, table, b"stsz")
    if descriptions is None or sizes is None:
        return None
    # Of several descriptions the first counts. It says how the samples are coded.
    entry = next(boxes(data, descriptions.body + 8, descriptions.end), None)
    if entry is None or entry.end - entry.body < _ENTRY_SIZE:
        return None
    width, height = struct.unpack_from(">HH", data, entry.body + 24)
    return _Track(
        box=box,
        handler=data[handler.body + 8 : handler.body + 12],
        codec=entry.kind,
        size=(width, height),
        properties=list(boxes(data, entry.body + _ENTRY_SIZE, entry.end)),
        frames=_frames(data, sizes),
    )


def _frames(data: Data, sizes: Box) -> int:
    """Return the number of samples, believing no more than there can be."""
    each, count = struct.unpack_from(">II", data, sizes.body + 4)
    most = len(data) // each if each else (sizes.end - sizes.body - 12) // 4
    return int(min(count, most))


def _loops(data: Data, track: Box) -> int:
    """
    Return how often the edit list lets *track* play; 0 (for ever) when it does not say.

    It repeats one segment until the track's duration is over (ISO/IEC 14496-12, 8.6.6).
    """
    edits = descend(data, track, b"edts", b"elst")
    header = descend(data, track, b"tkhd")
    if edits is None or header is None:
        return 0
    cursor = Cursor(data, edits.body, edits.end)
    version, flags = cursor.version()
    if not flags & 1:
        return 1
    cursor.number(4)
    segment = cursor.number(8 if version == 1 else 4)
    cursor = Cursor(data, header.body, header.end)
    version, _ = cursor.version()
    size = 8 if version == 1 else 4
    cursor.number(2 * size)
    cursor.number(8)
    duration = cursor.number(size)
    if not segment or duration == (1 << 8 * size) - 1:
        return 0
    return -(-duration // segment)
