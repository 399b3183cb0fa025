"""
Words in AVIF and HEIC: XMP, as an item that describes the primary picture.

The packet goes to the end of the file. Listing it makes the ``meta`` box grow, so that all that
lies behind moves, and every offset that is known to point there is moved along. A file with offsets
that are not known is refused, and so is one that does not come out with the same pieces.
"""

from pixmill.engine.containers import items
from pixmill.engine.containers.isobmff import Box, boxes
from pixmill.engine.containers.items import IN_FILE, IN_IDAT, Location, Meta
from pixmill.engine.probe.isobmff import read as probe
from pixmill.engine.words import tables
from pixmill.engine.words.types import Blocks, Merger, Words
from pixmill.engine.words.xml import LARGEST_PACKET
from pixmill.errors import UnreadableImage, WordsNotSupported

#: What may be in a file besides: anything else might hold offsets.
_KNOWN = {b"ftyp", b"meta", b"moov", b"mdat", b"free", b"skip", b"uuid", b"jumb"}

_CONTENT_CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # C2PA 2.1, A.5

_EXIF_SIZE = 1024 * 1024


def blocks(data: bytes) -> Blocks:
    """Return the metadata of *data*."""
    box = next((box for box in boxes(data, 0, len(data)) if box.kind == b"meta"), None)
    if box is None:
        return Blocks()
    meta = items.read(data, box)
    exif = None
    for number, item in meta.items.items():
        if item.kind == b"Exif" and exif is None:
            body = _content(meta, number, data, _EXIF_SIZE)
            # Four bytes say how many more come before the TIFF structure.
            exif = body[4 + int.from_bytes(body[:4], "big") :]
    mine = _xmp_item(meta)
    packet = b"" if mine is None else _content(meta, mine, data, LARGEST_PACKET + 1)
    return Blocks(xmp=(packet,) if packet.strip() else (), exif=exif)


def embed(data: bytes, _words: Words, merge: Merger) -> bytes:
    """Return *data* with XMP. Raises WordsNotSupported when that is not safe."""
    before = next(iter(blocks(data).xmp), None)
    packet = merge(before)
    if packet == before:
        return data
    top = list(boxes(data, 0, len(data)))
    metas = [box for box in top if box.kind == b"meta"]
    odd = {box.kind for box in top} - _KNOWN or top[-1].end != len(data)
    # A last box that says no size would swallow what follows it, which does no harm in an mdat.
    endless = top[-1].kind != b"mdat" and not any(data[top[-1].start : top[-1].start + 4])
    if len(metas) != 1 or odd or endless:
        raise WordsNotSupported(detail="boxes that are not known to be free of offsets")
    old = items.read(data, metas[0])
    data = _without_old(data, old, top)
    made = _spliced(data, metas[0], old, packet)
    try:
        _check(data, old, made, packet)
    except UnreadableImage as error:
        raise WordsNotSupported(detail="it would be broken") from error
    return made


def c2pa(data: bytes) -> bool:
    """Say whether there is a C2PA manifest: a box of its own (C2PA 2.1, A.5)."""
    return any(
        box.kind == b"jumb"
        or (box.kind == b"uuid" and data.startswith(_CONTENT_CREDENTIALS, box.body))
        for box in boxes(data, 0, len(data))
    )


def _content(meta: Meta, number: int, data: bytes, most: int) -> bytes:
    if meta.items[number].encoding:
        return b""
    try:
        return meta.content(number, data, most=most)
    except UnreadableImage:
        return b""


def _xmp_item(meta: Meta) -> int | None:
    """Return the XMP item that describes the primary picture, or whatever is not said."""
    for number, item in meta.items.items():
        described = meta.references.get((b"cdsc", number), ())
        if item.content_type == items.XMP_TYPE and (not described or meta.primary in described):
            return number
    return None


def _without_old(data: bytes, meta: Meta, top: list[Box]) -> bytes:
    """Return *data* with its XMP cut off if it makes up the last box, else blanked."""
    number = _xmp_item(meta)
    mine = meta.locations.get(number) if number is not None else None
    if mine is None or mine.method != IN_FILE:
        return data
    others = [
        (at, at + size)
        for other, place in meta.locations.items()
        for at, size in place.extents
        if other != number and place.method == IN_FILE
    ]
    last = top[-1]
    alone = mine.extents == ((last.body, last.end - last.body),) and last.kind == b"mdat"
    if alone and all(end <= last.start for _, end in others):
        return data[: last.start]
    changed = bytearray(data)
    homes = [box for box in top if box.kind == b"mdat"]
    for at, size in mine.extents:
        within = any(home.body <= at and at + size <= home.end for home in homes)
        if within and all(at + size <= start or end <= at for start, end in others):
            changed[at : at + size] = b" " * size
    return bytes(changed)


def _spliced(data: bytes, box: Box, old: Meta, packet: bytes) -> bytes:
    """Return *data* with *packet* at its end, and a ``meta`` box that knows of it."""
    end = len(data)
    if old.primary is None or old.primary not in old.items:
        raise WordsNotSupported(detail="no primary item")
    number = _xmp_item(old)
    listed = number is not None
    if number is None:
        number = 1 + max([*old.items, *old.locations, *(item for _, item in old.references)])
    elif old.items[number].encoding:
        raise WordsNotSupported(detail="packed XMP")

    def meta_with(places: dict[int, Location]) -> bytes:
        new = None if listed else tables.New(number=number, primary=old.primary or 0)
        return tables.meta(data, box, places, new)

    places = _checked_places(old, box, end)
    places[number] = Location(IN_FILE, ((0, len(packet)),))
    grown = len(meta_with(places)) - (box.end - box.start)
    for each, place in places.items():
        if place.method == IN_FILE:
            moved = ((at + grown if at >= box.end else at, size) for at, size in place.extents)
            places[each] = Location(IN_FILE, tuple(moved))
    places[number] = Location(IN_FILE, ((end + grown + 8, len(packet)),))
    head = tables.with_chunks_moved(data[: box.start], box.end, grown)
    tail = tables.with_chunks_moved(data[box.end :], box.end, grown)
    return b"".join([head, meta_with(places), tail, tables.box(b"mdat", packet)])


def _checked_places(meta: Meta, box: Box, end: int) -> dict[int, Location]:
    """Return where items lie. Raises WordsNotSupported when it cannot be said where for one."""
    number = _xmp_item(meta)
    for each, place in meta.locations.items():
        if each == number:
            continue
        if place.method not in {IN_FILE, IN_IDAT}:
            raise WordsNotSupported(detail="an item stored elsewhere")
        for at, size in place.extents:
            inside = at + size > box.start and at < box.end
            if not size or (place.method == IN_FILE and (inside or at + size > end)):
                raise WordsNotSupported(detail="an item of no clear place")
    return {each: place for each, place in meta.locations.items() if each != number}


def _check(before: bytes, old: Meta, after: bytes, packet: bytes) -> None:
    """Raise WordsNotSupported if *after* has not all that *before* had, and the *packet*."""
    box = next(box for box in boxes(after, 0, len(after)) if box.kind == b"meta")
    new = items.read(after, box)
    number = _xmp_item(old)
    same = (
        blocks(after).xmp == (packet,)
        and _facts(before) == _facts(after)
        and all(
            _pieces(old, each, before) == _pieces(new, each, after)
            for each in old.locations
            if each != number
        )
    )
    if not same:
        raise WordsNotSupported(detail="it would not come out the same")


def _pieces(meta: Meta, number: int, data: bytes) -> list[bytes]:
    return [data[start:end] for start, end in meta.extents(number, data)]


def _facts(data: bytes) -> object:
    info = probe(data)
    return (info.format, info.upright_size, info.frames, info.alpha, info.depth, info.profile)
