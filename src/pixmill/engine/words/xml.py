"""
XMP packets as XML: what of them is properties, and where those lie in the bytes.

A packet may come from anybody. Expat reads it in one piece and in linear time; a document type is
refused before anything in it is read, so there are no entities, and nothing is ever fetched.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pyexpat import ExpatError, ParserCreate
from xml.sax.saxutils import escape

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

#: Bytes of the longest packet that is read, and elements of the fullest.
LARGEST_PACKET = 2 * 1024 * 1024
_MOST_ELEMENTS = 50_000

_START_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*+>""")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")

_XML = "http://www.w3.org/XML/1998/namespace"
_RDF = f"{RDF} RDF"
_ITEM = f"{RDF} li"
_DESCRIPTION = f"{RDF} Description"
_ABOUT = f"{RDF} about"


class Broken(Exception):
    """The packet is no XMP."""


@dataclass(slots=True)
class Property:
    """A property of the picture: the text in it, or its items by language ("" for none)."""

    name: str  #: namespace, a space, local name
    start: int
    end: int = 0
    text: str = ""
    items: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Description:
    """A group of properties, some of which may be attributes."""

    start: int
    end: int = 0
    properties: list[Property] = field(default_factory=list)
    #: Places of the attributes of each name.
    attributes: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)  #: of its attributes


class Packet:
    """An XMP packet that was read. Raises `Broken`."""

    def __init__(self, data: bytes) -> None:
        if len(data) > LARGEST_PACKET:
            raise Broken("too large")
        #: The packet as UTF-8.
        self.data = _as_utf8(data)
        self.descriptions: list[Description] = []
        #: Where another description can be put.
        self.room = 0
        self.about = ""
        _Reader(self).read()
        if not self.room:
            raise Broken("nothing in it")

    def find(self, name: str) -> Property | None:
        """Return the first property called *name*."""
        for description in self.descriptions:
            if name in description.values:
                return Property(name=name, start=0, text=description.values[name])
            for each in description.properties:
                if each.name == name:
                    return each
        return None

    def edited(self, replaced: set[str], added: bytes) -> bytes:
        """Return the packet without the properties called *replaced*, and with *added* in it."""
        cuts: list[tuple[int, int]] = []
        for description in self.descriptions:
            named = [each for each in description.properties if each.name in replaced]
            said = {name for name in description.attributes if name != _ABOUT}
            left = len(description.properties) - len(named) + len(said - replaced)
            if not left and (named or said):
                cuts.append((description.start, description.end))
                continue
            cuts += [(each.start, each.end) for each in named]
            for name in said & replaced:
                cuts += description.attributes[name]
        pieces, at = [], 0
        for start, end in sorted(cuts):
            pieces.append(self.data[at:start])
            at = end
        return b"".join([*pieces, self.data[at : self.room], added, self.data[self.room :]])


def text(value: str) -> str:
    """Return *value* as the contents of an element."""
    return escape(value, {"\r": "&#13;"})


def attribute(value: str) -> str:
    """Return *value* as that of an attribute, in quotes."""
    return '"' + escape(value, {'"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"}) + '"'


def _as_utf8(data: bytes) -> bytes:
    data = data.removeprefix(b"\xef\xbb\xbf")
    if b"\0" in data[:4] or data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        order = "utf-16-be" if data[:1] in {b"\0", b"\xfe"} else "utf-16-le"
        try:
            data = data.decode(order).removeprefix("\ufeff").encode()
        except UnicodeError as error:
            raise Broken("not UTF-16") from error
    # Some programs pad with zeros.
    return data.strip(b"\0 \t\r\n")


class _Reader:
    """
    Fills a packet.

    The *level* of an element is 0 for what is right in RDF, which is descriptions, 1 for their
    properties, 2 for a list that a property has, and 3 for its items. RDF itself is at -1.
    """

    def __init__(self, packet: Packet) -> None:
        self._packet = packet
        self._parser = ParserCreate(encoding="utf-8", namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartNamespaceDeclHandler = self._bind
        self._parser.EndNamespaceDeclHandler = self._unbind
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._prefixes: dict[str, list[str]] = defaultdict(list)
        self._path: list[tuple[str, int]] = []  #: name, and where an empty element ends, else 0
        self._rdf: int | None = None  #: elements around RDF, while inside of it
        self._elements = 0
        self._pieces: list[str] = []

    def read(self) -> None:
        try:
            self._parser.Parse(self._packet.data, True)
        except (ExpatError, ValueError) as error:  # ValueError: a number that is no character
            raise Broken(str(error)) from error

    def _level(self) -> int:
        """Return the level of an element whose parent is the last one in the path."""
        return -2 if self._rdf is None else len(self._path) - self._rdf - 1

    def _refuse(self, *_: object) -> None:
        raise Broken("a document type")

    def _bind(self, prefix: str | None, uri: str | None) -> None:
        self._prefixes[prefix or ""].append(uri or "")

    def _unbind(self, prefix: str | None) -> None:
        self._prefixes[prefix or ""].pop()

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise Broken("too many elements")
        packet, start = self._packet, self._parser.CurrentByteIndex
        if name == _RDF and self._rdf is None and not packet.room and len(self._path) <= 1:
            self._rdf = len(self._path)
        level = self._level()
        end = self._head_end(start) if level in {-1, 0, 1} else start
        inside_description = level > 0 and self._path[self._level_at(0)][0] == _DESCRIPTION
        self._path.append((name, end if packet.data.endswith(b"/>", start, end) else 0))
        if level == 0 and name == _DESCRIPTION:
            packet.about = packet.about or attributes.get(_ABOUT, "")
            places = self._places(start, end)
            packet.descriptions.append(
                Description(start=start, attributes=places, values=attributes)
            )
        elif level == 1 and inside_description:
            packet.descriptions[-1].properties.append(Property(name=name, start=start))
            self._pieces = []
        elif level == 3 and inside_description and name == _ITEM:
            language = attributes.get(f"{_XML} lang", "")
            packet.descriptions[-1].properties[-1].items.append((language, ""))
            self._pieces = []

    def _end(self, name: str) -> None:
        packet, at = self._packet, self._parser.CurrentByteIndex
        _, empty_end = self._path.pop()
        level = self._level()
        if level == -1:
            self._rdf = None
            packet.room = 0 if empty_end else at  # no room in RDF that is empty
        elif level == 0 and name == _DESCRIPTION:
            packet.descriptions[-1].end = empty_end or self._tail_end(at)
        elif level > 0 and self._path[self._level_at(0)][0] == _DESCRIPTION:
            mine = packet.descriptions[-1].properties[-1]
            if level == 1:
                mine.text = "" if mine.items else "".join(self._pieces)
                mine.end = empty_end or self._tail_end(at)
            elif level == 3 and name == _ITEM:
                mine.items[-1] = mine.items[-1][0], "".join(self._pieces)

    def _characters(self, data: str) -> None:
        # What is in a property or an item, and not in anything deeper.
        if self._level() in {2, 4}:
            self._pieces.append(data)

    def _level_at(self, level: int) -> int:
        """Return the place in the path of what is at *level* there."""
        assert self._rdf is not None
        return self._rdf + 1 + level

    def _head_end(self, start: int) -> int:
        head = _START_TAG.match(self._packet.data, start)
        assert head is not None, "expat has found a start tag here"
        return head.end()

    def _tail_end(self, start: int) -> int:
        return self._packet.data.index(b">", start) + 1

    def _places(self, start: int, end: int) -> dict[str, list[tuple[int, int]]]:
        """Return where the attributes of a start tag are, by name; declarations are left out."""
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for found in _ATTRIBUTE.finditer(self._packet.data, start, end):
            prefix, colon, local = found[1].decode().partition(":")
            if colon and self._prefixes.get(prefix):
                places[f"{self._prefixes[prefix][-1]} {local}"].append(found.span())
        return places
