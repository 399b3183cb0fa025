"""
Words in IPTC-IIM, which JPEG keeps in Photoshop's image resources (IPTC-NAA IIM 4.2).

XMP is canonical, and no dataset is longer than the standard allows: words that do not fit are left
out rather than cut. What is left out, or said otherwise by now, is removed.
"""

import hashlib
import struct
from collections.abc import Iterator
from typing import NamedTuple

from pixmill.engine.containers.jpeg import PHOTOSHOP
from pixmill.engine.words.types import Words

_IIM = 0x0404
#: The MD5 of the above, by which programs notice that one that knows no XMP has changed it.
_DIGEST = 0x0425

_CHARSET = (1, 90)
_UTF8 = b"\x1b%G"
_VERSION = (2, 0)
_TITLE, _KEYWORD, _CAPTION, _COPYRIGHT, _DESCRIPTION = (2, 5), (2, 25), (2, 105), (2, 116), (2, 120)

#: Bytes that the standard allows.
_MOST = {_TITLE: 64, _KEYWORD: 64, _CAPTION: 256, _COPYRIGHT: 128, _DESCRIPTION: 2000}

# Beyond the texts of the second record are a drawn caption and a preview.
_TEXTS = range(5, 200)
_DRAWN = 125

_MOST_PIECES = 10_000

Tag = tuple[int, int]


class _Broken(Exception):
    """The resources or datasets do not add up."""


class _Resource(NamedTuple):
    number: int
    name: bytes  #: with its length, padded
    body: bytes


def read(block: bytes) -> Words:
    """Return the words in *block*, which begins with ``Photoshop 3.0``; none if it is broken."""
    try:
        datasets = _datasets(_find(_resources(block)))
    except _Broken:
        return Words()
    utf8 = (_CHARSET, _UTF8) in datasets

    def texts(tag: Tag) -> tuple[str, ...]:
        return tuple(_decoded(value, utf8=utf8) for each, value in datasets if each == tag)

    return Words(
        title=next(iter(texts(_TITLE)), None),
        caption=next(iter(texts(_CAPTION)), None),
        description=next(iter(texts(_DESCRIPTION)), None),
        keywords=texts(_KEYWORD),
        copyright=next(iter(texts(_COPYRIGHT)), None),
    ).cleaned()


def merge(block: bytes | None, words: Words) -> bytes | None:
    """Return *block* with *words*, and what else is in it. One that is broken stays as it is."""
    try:
        resources = _resources(block or PHOTOSHOP)
        before = _datasets(_find(resources))
    except _Broken:
        return block
    datasets = _merged(before, words)
    if datasets == before:
        return block
    iim = b"".join(_dataset(tag, value) for tag, value in datasets)
    made = {_IIM: iim, _DIGEST: hashlib.md5(iim, usedforsecurity=False).digest()}
    if not any(each.number == _IIM for each in resources):
        resources.append(_Resource(_IIM, bytes(2), b""))
    return PHOTOSHOP + b"".join(
        _resource(each._replace(body=made.get(each.number, each.body))) for each in resources
    )


def _merged(before: list[tuple[Tag, bytes]], words: Words) -> list[tuple[Tag, bytes]]:
    said = {
        _TITLE: (words.title,),
        _CAPTION: (words.caption,),
        _DESCRIPTION: (words.description,),
        _KEYWORD: words.keywords,
        _COPYRIGHT: (words.copyright,),
    }
    wanted = {
        tag: [text.encode() for text in texts if text] for tag, texts in said.items() if any(texts)
    }
    utf8 = (_CHARSET, _UTF8) in before
    kept = [
        (tag, value if utf8 else _as_utf8(tag, value))
        for tag, value in before
        if tag not in wanted and tag != _CHARSET
    ]
    added = [
        (tag, value)
        for tag, values in wanted.items()
        if all(len(value) <= _MOST[tag] for value in values)
        for value in values
    ]
    if not added and len(kept) == len([tag for tag, _ in before if tag != _CHARSET]):
        return before
    if not any(tag == _VERSION for tag, _ in kept):
        added.insert(0, (_VERSION, b"\0\4"))
    # Words lie where their kind lay, so that a second time changes nothing.
    return sorted([*kept, *added, (_CHARSET, _UTF8)], key=lambda each: each[0])


def _as_utf8(tag: Tag, value: bytes) -> bytes:
    """Return the text of a dataset that was not marked as UTF-8."""
    record, number = tag
    if record != 2 or number not in _TEXTS or number == _DRAWN:
        return value
    return _decoded(value, utf8=False).encode()


def _decoded(value: bytes, *, utf8: bool) -> str:
    """Return the text in *value*: many programs write UTF-8 without saying so, or Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("utf-8" if utf8 else "latin-1", "replace")


def _find(resources: list[_Resource]) -> bytes:
    return next((each.body for each in resources if each.number == _IIM), b"")


def _resources(block: bytes) -> list[_Resource]:
    """Return Photoshop's image resources (Adobe Photoshop file formats, image resource blocks)."""
    return list(_each_resource(block, len(PHOTOSHOP)))


def _each_resource(block: bytes, at: int) -> Iterator[_Resource]:
    for _ in range(_MOST_PIECES):
        if at + 12 > len(block):
            if block[at:].strip(b"\0"):
                raise _Broken
            return
        if not block.startswith(b"8BIM", at):
            raise _Broken
        name_end = at + 7 + block[at + 6]
        name_end += (name_end - at) & 1
        if name_end + 4 > len(block):
            raise _Broken
        (size,) = struct.unpack_from(">I", block, name_end)
        body = name_end + 4
        if body + size > len(block):
            raise _Broken
        number = int.from_bytes(block[at + 4 : at + 6], "big")
        yield _Resource(number, block[at + 6 : name_end], block[body : body + size])
        at = body + size + (size & 1)
    raise _Broken


def _resource(each: _Resource) -> bytes:
    head = b"8BIM" + struct.pack(">H", each.number) + each.name
    return head + struct.pack(">I", len(each.body)) + each.body + bytes(len(each.body) & 1)


def _datasets(iim: bytes) -> list[tuple[Tag, bytes]]:
    found: list[tuple[Tag, bytes]] = []
    at = 0
    while at + 5 <= len(iim) and iim[at] == 0x1C:
        record, number, size = struct.unpack_from(">BBH", iim, at + 1)
        at += 5
        if size & 0x8000:
            wide = size & 0x7FFF
            size = int.from_bytes(iim[at : at + min(wide, 8)], "big")
            at += wide
        if at + size > len(iim) or len(found) > _MOST_PIECES:
            raise _Broken
        found.append(((record, number), iim[at : at + size]))
        at += size
    if iim[at:].strip(b"\0"):
        raise _Broken
    return found


def _dataset(tag: Tag, value: bytes) -> bytes:
    if len(value) < 0x8000:
        return b"\x1c" + struct.pack(">BBH", *tag, len(value)) + value
    return b"\x1c" + struct.pack(">BBHI", *tag, 0x8004, len(value)) + value
