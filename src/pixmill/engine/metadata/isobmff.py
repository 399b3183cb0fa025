"""
Metadata of AVIF and HEIC files.

Pieces of these files point at each other by offset, so nothing moves: metadata is overwritten where
it lies, and only the end is ever cut off.
"""

from collections.abc import Iterator

from pixmill.engine.containers import items
from pixmill.engine.containers.isobmff import Box, boxes
from pixmill.engine.metadata.exif import EMPTY
from pixmill.errors import UnreadableImage

_KEPT = {b"ftyp", b"meta", b"moov", b"mdat"}

# Boxes in a movie or track that hold whatever somebody liked to note down.
_NOTES = {b"udta", b"uuid", b"free", b"skip"}

#: An EXIF item: four bytes that say how far off the TIFF structure is, and the structure.
_NO_EXIF = bytes(4) + EMPTY

#: Pieces of metadata, and of media data, that are dealt with: all items are compared to each.
_MOST = 64

Span = tuple[int, int]


def strip(data: bytes, _orientation: int) -> bytes:
    """
    Return *data* with EXIF and XMP emptied and all that is not part of a picture blanked.

    Orientation is up to ``irot`` and ``imir``, which stay. Raises UnreadableImage, also for
    metadata that is stored where it cannot be told from pictures.
    """
    top = list(boxes(data, 0, len(data)))
    end = max((box.end for box in top if box.kind in _KEPT), default=0)
    changed = bytearray(data[:end])
    metas = []
    for box in top:
        if box.kind not in _KEPT and box.end <= end:
            _blank(changed, box)
        elif box.kind == b"meta":
            metas.append(box)
        elif box.kind == b"moov":
            metas += _movie(data, changed, box)
    _empty(data, changed, metas, [(box.body, box.end) for box in top if box.kind == b"mdat"])
    return bytes(changed)


def _blank(changed: bytearray, box: Box) -> None:
    """Turn *box* into free space."""
    changed[box.start + 4 : box.start + 8] = b"free"
    changed[box.body : box.end] = bytes(box.end - box.body)


def _movie(data: bytes, changed: bytearray, movie: Box) -> list[Box]:
    """Blank the notes in *movie* and its tracks, and return the ``meta`` boxes there."""
    metas = []
    tracks = [box for box in boxes(data, movie.body, movie.end) if box.kind == b"trak"]
    for parent in (movie, *tracks):
        for box in boxes(data, parent.body, parent.end):
            if box.kind == b"meta":
                metas.append(box)
            elif box.kind in _NOTES:
                _blank(changed, box)
    return metas


def _empty(data: bytes, changed: bytearray, metas: list[Box], homes: list[Span]) -> None:
    """Overwrite the EXIF and XMP items of *metas*. Every item has to lie in one of *homes*."""
    pictures: list[Span] = []
    emptied: list[tuple[Span, bytes]] = []
    for box in metas:
        meta = items.read(data, box)
        if meta.idat is not None:
            homes.append((meta.idat.body, meta.idat.end))
        for number in meta.locations:
            item = meta.items.get(number, items.Item(b""))
            spans = meta.extents(number, data)
            if item.kind == b"Exif":
                emptied += _cut(_no_exif(_size(spans)), spans)
            elif item.content_type == items.XMP_TYPE:
                emptied += _cut(b" " * _size(spans), spans)
            else:
                pictures += spans
    _check(pictures, [span for span, _ in emptied], homes)
    for (start, end), content in emptied:
        changed[start:end] = content


def _check(pictures: list[Span], metadata: list[Span], homes: list[Span]) -> None:
    """Refuse a file whose pictures and metadata are not clearly apart."""
    if len(metadata) > _MOST or len(homes) > _MOST:
        raise UnreadableImage(detail="metadata or media data in too many pieces")
    for start, end in pictures + metadata:
        if not any(first <= start and end <= last for first, last in homes):
            raise UnreadableImage(detail="item outside of the media data")
    for start, end in metadata:
        if any(first < end and start < last for first, last in pictures):
            raise UnreadableImage(detail="metadata within a picture")


def _size(spans: list[Span]) -> int:
    """Return how many bytes *spans* have. One that has none claims all there is: refused."""
    if any(start == end for start, end in spans):
        raise UnreadableImage(detail="metadata of no known length")
    return sum(end - start for start, end in spans)


def _no_exif(size: int) -> bytes:
    return _NO_EXIF.ljust(size, b"\0") if size >= len(_NO_EXIF) else bytes(size)


def _cut(content: bytes, spans: list[Span]) -> Iterator[tuple[Span, bytes]]:
    at = 0
    for start, end in spans:
        yield (start, end), content[at : at + end - start]
        at += end - start
