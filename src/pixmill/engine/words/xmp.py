"""
Words in XMP, where they are canonical: written always, and read first.

===========  ======================================  ===============================================
title        ``dc:title``
alt          ``Iptc4xmpCore:AltTextAccessibility``   never read from elsewhere: what was written as
                                                     a caption or a credit is no alternative text
caption      ``photoshop:Headline``                  IPTC: "a brief synopsis" of the description, to
                                                     be published, which is what a line under a
                                                     picture is. ``dc:description`` is taken
description  ``dc:description``
keywords     ``dc:subject``
copyright    ``dc:rights``
===========  ======================================  ===============================================
"""

from collections.abc import Callable
from dataclasses import dataclass

from pixmill.engine.words.types import Words
from pixmill.engine.words.xml import RDF, Broken, Packet, Property, attribute, text

_DC = "http://purl.org/dc/elements/1.1/"
_IPTC = "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/"
_PHOTOSHOP = "http://ns.adobe.com/photoshop/1.0/"
_PREFIXES = {_DC: "dc", _IPTC: "Iptc4xmpCore", _PHOTOSHOP: "photoshop", RDF: "rdf"}

_DEFAULT = "x-default"

# The identifier is that of the XMP specification (part 1, 7.3.2).
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_TAIL = '<?xpacket end="w"?>'


def read(packet: bytes) -> Words:
    """Return the words in *packet*; one that is broken has none."""
    try:
        return _words(Packet(packet))
    except Broken:
        return Words()


def merge(packet: bytes | None, words: Words) -> bytes:
    """
    Return *packet* with *words*, or *packet* itself if they are in it.

    Everything else in it stays as it is, also the same words in other languages. Raises `Broken`.
    """
    parsed = Packet(packet) if packet is not None else None
    present = _words(parsed) if parsed else Words()
    changed = [
        field for field in _FIELDS if field.of(words) and field.of(words) != field.of(present)
    ]
    if packet is not None and not changed:
        return packet
    written = "".join(
        field.write(words, parsed.find(field.name) if parsed else None) for field in changed
    )
    spaces = "".join(f' xmlns:{prefix}="{uri}"' for uri, prefix in _PREFIXES.items())
    about = attribute(parsed.about if parsed else "")
    added = f"<rdf:Description{spaces} rdf:about={about}>{written}</rdf:Description>"
    if parsed:
        return parsed.edited({field.name for field in changed}, added.encode())
    rdf = f'<rdf:RDF xmlns:rdf="{RDF}">{added}</rdf:RDF>'
    return f'{_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/">{rdf}</x:xmpmeta>{_TAIL}'.encode()


def _words(packet: Packet) -> Words:
    found = {field.name: packet.find(field.name) for field in _FIELDS}
    return Words(
        title=_in_default_language(found[_TITLE]),
        alt=_in_default_language(found[_ALT]),
        caption=_in_default_language(found[_CAPTION]),
        description=_in_default_language(found[_TEXT]),
        keywords=_list(found[_KEYWORDS]),
        copyright=_in_default_language(found[_RIGHTS]),
    ).cleaned()


def _in_default_language(found: Property | None) -> str | None:
    """Return the text that is marked as the default, else the first. A plain text counts, too."""
    if found is None:
        return None
    if not found.items:
        return found.text
    return dict(reversed(found.items)).get(_DEFAULT, found.items[0][1])


def _list(found: Property | None) -> tuple[str, ...]:
    if found is None:
        return ()
    return tuple(value for _, value in found.items) or (found.text,)


def _languages(name: str, value: str | None, before: Property | None) -> str:
    """Write a text of several languages: other ones stay, unless they only repeat what changes."""
    old = _in_default_language(before)
    kept = [
        (language, other)
        for language, other in (before.items if before else [])
        if language not in {"", _DEFAULT} and other != old
    ]
    items = "".join(
        f"<rdf:li xml:lang={attribute(language)}>{text(each)}</rdf:li>"
        for language, each in [(_DEFAULT, value or ""), *kept]
    )
    return _element(name, f"<rdf:Alt>{items}</rdf:Alt>")


def _bag(name: str, values: tuple[str, ...]) -> str:
    items = "".join(f"<rdf:li>{text(value)}</rdf:li>" for value in values)
    return _element(name, f"<rdf:Bag>{items}</rdf:Bag>")


def _element(name: str, inner: str) -> str:
    uri, local = name.split(" ")
    tag = f"{_PREFIXES[uri]}:{local}"
    return f"<{tag}>{inner}</{tag}>"


_TITLE = f"{_DC} title"
_ALT = f"{_IPTC} AltTextAccessibility"
_CAPTION = f"{_PHOTOSHOP} Headline"
_TEXT = f"{_DC} description"
_KEYWORDS = f"{_DC} subject"
_RIGHTS = f"{_DC} rights"


@dataclass(frozen=True, slots=True)
class _Field:
    """One kind of words: its name, the words themselves, and how they are written after a name."""

    name: str
    of: Callable[[Words], object]
    write: Callable[[Words, Property | None], str]


_FIELDS = (
    _Field(_TITLE, lambda w: w.title, lambda w, old: _languages(_TITLE, w.title, old)),
    _Field(_ALT, lambda w: w.alt, lambda w, old: _languages(_ALT, w.alt, old)),
    _Field(_CAPTION, lambda w: w.caption, lambda w, _: _element(_CAPTION, text(w.caption or ""))),
    _Field(_TEXT, lambda w: w.description, lambda w, old: _languages(_TEXT, w.description, old)),
    _Field(_KEYWORDS, lambda w: w.keywords, lambda w, _: _bag(_KEYWORDS, w.keywords)),
    _Field(_RIGHTS, lambda w: w.copyright, lambda w, old: _languages(_RIGHTS, w.copyright, old)),
)
