"""
Words in EXIF, where they can be exact: ASCII, or Windows' tags, which hold 16 bits a character.

Nothing in the structure moves, because maker notes point at themselves by offset: the changed first
directory goes to the end, and the old one is left behind.
"""

import codecs
import struct
from typing import NamedTuple

from pixmill.engine.containers.tiff import MOST, Entry, Tiff
from pixmill.engine.metadata.exif import EMPTY
from pixmill.engine.probe.exif import PREFIX
from pixmill.engine.words.types import Words
from pixmill.errors import UnreadableImage

_DESCRIPTION, _COPYRIGHT, _XP_TITLE, _XP_KEYWORDS = 0x010E, 0x8298, 0x9C9B, 0x9C9E
_OURS = {_DESCRIPTION, _COPYRIGHT, _XP_TITLE, _XP_KEYWORDS}

_BYTE, _ASCII, _SHORT = 1, 2, 3

# Looked up here, because codec processes cannot import any more when they meet the first of them.
_UTF_16 = codecs.lookup("utf-16-le")


class _Field(NamedTuple):
    tag: int
    type: int
    value: bytes


def read(exif: bytes) -> Words:
    """Return the words in the TIFF structure *exif*, with or without JPEG's prefix."""
    try:
        structure = Tiff(exif.removeprefix(PREFIX))
        fields = structure.directory(structure.first)
        values = {tag: structure.content(fields.get(tag)) or b"" for tag in _OURS}
    except (UnreadableImage, struct.error):
        return Words()
    keywords = _wide(values[_XP_KEYWORDS]).split(";")
    return Words(
        title=_wide(values[_XP_TITLE]),
        description=narrow(values[_DESCRIPTION]),
        keywords=tuple(keywords),
        copyright=narrow(values[_COPYRIGHT]),
    ).cleaned()


def merge(exif: bytes | None, words: Words) -> bytes | None:
    """
    Return *exif* with those of *words* that it can hold exactly, and without what they replace.

    None stays None when there is nothing to write. One that is broken stays as it is.
    """
    fields, replaced = _fields(words)
    if exif is None and not fields:
        return None
    before = exif or EMPTY
    body = before.removeprefix(PREFIX)
    try:
        changed = _edited(Tiff(body), body, fields, replaced)
    except (UnreadableImage, struct.error):
        return exif
    return exif if changed == body else before[: len(before) - len(body)] + changed


def narrow(value: bytes) -> str:
    """Return the text in the value of an ASCII field; many programs write UTF-8, or Latin-1."""
    value = value.partition(b"\0")[0]
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _wide(value: bytes) -> str:
    return str(_UTF_16.decode(value, "replace")[0]).partition("\0")[0]


def _fields(words: Words) -> tuple[list[_Field], set[int]]:
    """Return what is to be written, and the tags that will not say anything else any more."""
    fields, replaced = [], set()
    for tag, text in ((_DESCRIPTION, words.description), (_COPYRIGHT, words.copyright)):
        if text:
            replaced.add(tag)
            if text.isascii():
                fields.append(_Field(tag, _ASCII, text.encode() + b"\0"))
    for tag, parts in ((_XP_TITLE, (words.title or "",)), (_XP_KEYWORDS, words.keywords)):
        if not any(parts):
            continue
        replaced.add(tag)
        text = ";".join(parts)
        apart = tag == _XP_TITLE or text.count(";") == len(parts) - 1
        # Beyond 16 bits a character, programs disagree about what they read.
        if apart and max(text) <= "\uffff":
            fields.append(_Field(tag, _BYTE, _UTF_16.encode(text + "\0")[0]))
    return fields, replaced


def _edited(tiff: Tiff, body: bytes, fields: list[_Field], replaced: set[int]) -> bytes:
    entries = tiff.entries(tiff.first)
    count = tiff.number("H", tiff.first)
    if len(entries) != count or count >= MOST:
        raise UnreadableImage(detail="a directory that is cut off")
    mine = [each for each in entries if each.tag in replaced]
    if [(each.tag, tiff.content(each)) for each in mine] == [(f.tag, f.value) for f in fields]:
        return body
    after = tiff.number("I", tiff.first + 2 + 12 * count)
    end = _end_of_others(tiff, body, entries, after)
    kept = [each for each in entries if each.tag not in replaced]
    # Other words may lie in what is cut off.
    again = [
        _Field(each.tag, each.type, value)
        for each in kept
        if each.tag in _OURS and (value := tiff.content(each)) is not None
    ]
    written = {each.tag: each for each in (*again, *fields)}
    rows = {each.tag: body[each.at - 8 : each.at + 4] for each in kept}
    start = end + (end & 1)
    values, at = b"", start + 2 + 12 * len(rows | written) + 4
    for tag, field in written.items():
        head = struct.pack(tiff.order + "HHI", tag, field.type, len(field.value))
        if len(field.value) <= 4:
            rows[tag] = head + field.value.ljust(4, b"\0")
            continue
        rows[tag] = head + struct.pack(tiff.order + "I", at + len(values))
        values += field.value + bytes(len(field.value) & 1)
    table = b"".join(row for _, row in sorted(rows.items()))
    head = body[:4] + struct.pack(tiff.order + "I", start) + body[8:end].ljust(start - 8, b"\0")
    directory = struct.pack(tiff.order + "H", len(rows)) + table
    return head + directory + struct.pack(tiff.order + "I", after) + values


def _end_of_others(tiff: Tiff, body: bytes, entries: list[Entry], after: int) -> int:
    """
    Return where everything ends but the first directory, if that and its words come last.

    So words that are changed again and again do not make the structure grow.
    """
    start = tiff.first
    table_end = start + 2 + 12 * len(entries) + 4
    values = [each for each in entries if each.tag in _OURS and each.length > 4]
    sizes = sum(each.length + (each.length & 1) for each in values)
    # Nothing else may lie there, or be said to: all other numbers that could be offsets are lower.
    others = [tiff.number("I", each.at) for each in entries if _may_point(each)]
    lowest = min((tiff.number("I", each.at) for each in values), default=table_end)
    if table_end + sizes == len(body) and lowest >= table_end and max([after, *others]) < start:
        return start
    return len(body)


def _may_point(entry: Entry) -> bool:
    """Say whether the value of *entry*, which has no words, may lie elsewhere."""
    short = entry.type in {_BYTE, _ASCII, _SHORT, 6, 7, 8}
    size = entry.length * (2 if entry.type in {_SHORT, 8} else 1)
    return entry.tag not in _OURS and not (short and size <= 4)
