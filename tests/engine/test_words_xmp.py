"""XMP packets of others: merged with care, and harmless whatever is in them."""

import pytest

from pixmill.engine.words import XMP_REPLACED, embed, read, xmp
from pixmill.engine.words.types import Words
from pixmill.engine.words.xml import Broken

from fixtures import containers as make
from fixtures.pictures import encode, graphic

PNG = encode(graphic(48, 48), "PNG")
HEAD = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><r:RDF '
    'xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
    'xmlns:d="http://purl.org/dc/elements/1.1/" '
    'xmlns:ps="http://ns.adobe.com/photoshop/1.0/">'
)
TAIL = "</r:RDF></x:xmpmeta>"


def packet(*inner):
    return (HEAD + "".join(inner) + TAIL).encode()


def png_with(body):
    chunk = make.png_chunk(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + body)
    return make.with_chunks(PNG, chunk)


TITLES = (
    "<d:title><r:Alt><r:li xml:lang='de'>Fuchs</r:li><r:li xml:lang='x-default'>Fox</r:li>"
    "<r:li xml:lang='en'>Fox</r:li></r:Alt></d:title>"
)
OTHERS = packet(
    f'<r:Description r:about="uuid:1" ps:City="Ulm" ps:Headline="Old">{TITLES}'
    "<ps:Credit>Ada</ps:Credit></r:Description>",
    '<r:Description r:about="uuid:1" ps:Headline="Older"/>',
)


def test_the_default_language_is_read_wherever_it_stands():
    assert xmp.read(OTHERS) == Words(title="Fox", caption="Old")


def test_what_is_not_said_anew_stays_and_nothing_is_said_twice():
    merged = xmp.merge(OTHERS, Words(title="Vixen", caption="New")).decode()

    assert merged.count("Headline") == 2  # one element
    assert "Old" not in merged
    assert "Vixen" in merged
    assert "Fox" not in merged  # English only repeated the default
    assert "Fuchs" in merged
    assert 'ps:City="Ulm"' in merged
    assert "<ps:Credit>Ada</ps:Credit>" in merged
    assert merged.count("r:Description r:about") == 1  # the other one is empty
    assert xmp.read(merged.encode()) == Words(title="Vixen", caption="New")


def test_a_new_description_is_about_the_same_thing():
    merged = xmp.merge(OTHERS, Words(alt="A fox")).decode()

    assert merged.count('about="uuid:1"') == 3


def test_a_packet_that_says_it_already_stays_as_it_is():
    assert xmp.merge(OTHERS, Words(title="Fox", caption="Old")) is OTHERS


def test_alternative_text_is_never_taken_from_a_caption():
    found = read(png_with(OTHERS))

    assert found.alt is None


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_other_encodings_are_read(encoding):
    body = ("\ufeff" + OTHERS.decode()).encode(encoding)

    assert xmp.read(body).title == "Fox"
    assert xmp.read(xmp.merge(body, Words(title="山"))).title == "山"


@pytest.mark.parametrize(
    "inner",
    [
        "<r:Description r:about=''/>",
        "<r:Description/>",
        '<r:Description r:about="a>b" ps:City="x>y\'"/>',
        "<r:Bag><r:li>no description</r:li></r:Bag>",
        "<r:Description><d:title/></r:Description>",
        "<r:Description><d:title></d:title ></r:Description >",
        "<r:Description><d:title><r:Alt/></d:title></r:Description>",
        (
            "<r:Description><d:title r:parseType='Resource'><r:value>v</r:value></d:title>"
            "</r:Description>"
        ),
        (
            "<r:Description><ps:X><r:Description><d:title>deep</d:title></r:Description></ps:X>"
            "</r:Description>"
        ),
        "<!-- <d:title>comment</d:title> --><?pi <d:title>?>",
        "<r:Description><d:title><![CDATA[<d:title>]]></d:title></r:Description>",
    ],
)
def test_unusual_packets_can_be_given_words(inner):
    merged = xmp.merge(packet(inner), Words(title="山", keywords=("a",)))

    assert xmp.read(merged) == Words(title="山", keywords=("a",))
    assert xmp.merge(merged, Words(title="山", keywords=("a",))) is merged


BOMB = '<!ENTITY a "laugh">' + "".join(
    f'<!ENTITY {name} "{f"&{before};" * 10}">'
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
HOSTILE = {
    "nothing": b"",
    "no XML": b"\xff\xfe\x00 hello",
    "no UTF-8": OTHERS.replace(b"Fuchs", b"F\xfcchs"),
    "half of UTF-16": b"\xff\xfe\x00\xd8" + OTHERS,
    "cut off": OTHERS[:-20],
    "billion laughs": f"<!DOCTYPE x [{BOMB}]>".encode() + OTHERS.replace(b"Fox", b"&i;"),
    "an external entity": b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    + OTHERS.replace(b"Fox", b"&f;"),
    "an external document type": b'<!DOCTYPE x SYSTEM "http://localhost/x.dtd">' + OTHERS,
    "an unknown entity": OTHERS.replace(b"Fox", b"&fox;"),
    "an undeclared prefix": OTHERS.replace(b"d:title", b"zz:title"),
    "too many elements": packet("<r:Description>", "<ps:a/>" * 60_000, TITLES, "</r:Description>"),
    "too deep": packet("<r:Description>", "<ps:a>" * 60_000),
    "no RDF": b"<x/>",
    "empty RDF": (HEAD[:-1] + "/></x:xmpmeta>").encode(),
    "RDF too far inside": b"<a><b>" + OTHERS + b"</b></a>",
    "two roots": OTHERS + OTHERS,
    "too large": OTHERS.replace(b"Fuchs", b"F" * 3_000_000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_packet_has_no_words(name):
    assert xmp.read(HOSTILE[name]) == Words()
    assert read(png_with(HOSTILE[name])) == Words()
    with pytest.raises(Broken):
        xmp.merge(HOSTILE[name], Words(title="x"))


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "too large"])
def test_what_no_program_can_read_is_replaced_and_that_is_said(name):
    made = embed(png_with(HOSTILE[name]), Words(title="x"))

    assert made.notes == (XMP_REPLACED,)
    assert read(made.data) == Words(title="x")


def test_a_text_in_thousands_of_pieces_is_put_together_once():
    text = "<r:Description><ps:Headline>" + "a" * 1_000_000 + "a<r:x/>" * 40_000
    body = packet(text, "</ps:Headline></r:Description>")
    found = xmp.read(body)

    assert found.caption is not None
    assert len(found.caption) == 1_040_000


def test_words_longer_than_are_ever_written_are_not_there():
    long = packet(
        f"<r:Description ps:Headline='Fox'><d:title>{'t' * 1001}</d:title></r:Description>"
    )

    assert read(png_with(long)) == Words(caption="Fox")
