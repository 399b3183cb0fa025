"""The header of AVIF and HEIC, which keep their pictures as items of a ``meta`` box."""

import struct

from pixmill.engine.containers import Data, items
from pixmill.engine.containers.isobmff import Box, boxes, brands
from pixmill.engine.containers.items import Meta
from pixmill.engine.probe import exif, properties, sequence
from pixmill.engine.types import ImageInfo
from pixmill.errors import UnreadableImage, UnsupportedFormat

#: Brands of files that have a picture, or a sequence of them, coded with AV1 or HEVC.
_AVIF = {b"avif", b"avis"}
_BRANDS = _AVIF | {b"mif1", b"msf1"} | {b"hei" + c for c in (b"c", b"x", b"m", b"s")}
_BRANDS |= {b"hev" + c for c in (b"c", b"x", b"m", b"s")}

_FORMATS = {b"av01": "avif", b"hvc1": "heic"}

#: Items made from others: a grid, an overlay, or another item as it is.
_DERIVED = {b"grid", b"iovl", b"iden"}
_DEEPEST = 4

#: As much of an EXIF item as is looked at. Beyond the tags there are maker notes and a thumbnail.
_EXIF_SIZE = 1024 * 1024


def read(data: Data) -> ImageInfo:
    """Return what the boxes say. Turning is up to ``irot`` and ``imir``, whatever EXIF says."""
    major, every = brands(data)
    if not every & _BRANDS:
        raise UnsupportedFormat(detail=f"iso media file of brand {major!r}")
    top: dict[bytes, Box] = {}
    for box in boxes(data, 0, len(data)):
        top.setdefault(box.kind, box)
    meta = items.read(data, top[b"meta"]) if b"meta" in top else Meta()
    metadata = _metadata(data, meta)
    # As libavif chooses: the major brand decides, and tracks go first when it is neither.
    if b"moov" in top and every & _AVIF and major != b"avif":
        info = sequence.read(data, top[b"moov"], metadata)
        if info is not None:
            return info
    return _still(data, meta, metadata)


def _still(data: Data, meta: Meta, metadata: frozenset[str]) -> ImageInfo:
    primary = meta.primary
    if primary is None or primary not in meta.items:
        raise UnreadableImage(detail="no primary item")
    coded = _coded(meta, primary)
    format_ = _FORMATS.get(meta.items[coded].kind)
    if format_ is None:
        raise UnsupportedFormat(detail=f"item of type {meta.items[coded].kind!r}")
    own = meta.properties.get(primary, [])
    every = own + meta.properties.get(coded, [])
    full = _grid_size(data, meta, primary) or properties.size(data, own)
    if full is None:
        raise UnreadableImage(detail="no image size")
    width, height = properties.cropped(data, own, full)
    return ImageInfo(
        format=format_,
        width=width,
        height=height,
        alpha=_has_alpha(data, meta, primary),
        depth=properties.depth(data, every),
        colors="grey" if properties.grey(data, every) else "rgb",
        orientation=properties.orientation(data, own),
        profile=properties.profile(data, every),
        metadata=metadata,
    )


def _coded(meta: Meta, item: int) -> int:
    """Return the first coded item that *item* is made from, or *item* itself."""
    for _ in range(_DEEPEST):
        sources = meta.references.get((b"dimg", item), ())
        if meta.items[item].kind not in _DERIVED or not sources or sources[0] not in meta.items:
            break
        item = sources[0]
    return item


def _grid_size(data: Data, meta: Meta, item: int) -> tuple[int, int] | None:
    """Return the size of a grid's output (ISO/IEC 23008-12, 6.6.2.3); None for other items."""
    if meta.items[item].kind != b"grid":
        return None
    body = meta.content(item, data, most=12)
    width, height = struct.unpack_from(">II" if body[1] & 1 else ">HH", body, 4)
    return width, height


def _has_alpha(data: Data, meta: Meta, primary: int) -> bool:
    """Say whether the picture has an alpha plane, as a whole or tile by tile."""
    pictures = {primary, *meta.references.get((b"dimg", primary), ())}
    return any(
        properties.alpha(data, meta.properties.get(source, ()), b"auxC")
        for (kind, source), targets in meta.references.items()
        if kind == b"auxl" and not pictures.isdisjoint(targets)
    )


def _metadata(data: Data, meta: Meta) -> frozenset[str]:
    """Return what there is. Items that a strip has emptied are still listed, but do not count."""
    found: set[str] = set()
    for number, item in meta.items.items():
        if item.content_type == items.XMP_TYPE and "xmp" not in found:
            if _content(data, meta, number, 64).strip():
                found.add("xmp")
        elif item.kind == b"Exif" and "exif" not in found:
            body = _content(data, meta, number, _EXIF_SIZE)
            # Four bytes say how many more come before the TIFF structure.
            told = exif.read(body[4 + int.from_bytes(body[:4], "big") :])
            if body.strip(b"\0") and not told.empty:
                found |= {"exif", "gps"} if told.gps else {"exif"}
    return frozenset(found)


def _content(data: Data, meta: Meta, number: int, most: int) -> bytes:
    try:
        return meta.content(number, data, most=most)
    except UnreadableImage:
        return b""
