"""Whatever the words, they come back; whatever the bytes, nothing but our own errors comes out."""

import contextlib
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from pixmill.engine.words import c2pa, embed, read
from pixmill.engine.words.types import Words
from pixmill.errors import Error

from fixtures import containers as make
from fixtures.pictures import animation, encode, exif, graphic, translucent

TEXT = st.none() | st.text(max_size=60)
WORDS = st.builds(
    Words,
    title=TEXT,
    alt=TEXT,
    caption=TEXT,
    description=TEXT,
    keywords=st.lists(st.text(max_size=20), max_size=5).map(tuple),
    copyright=TEXT,
)
NAMES = ("jpeg", "png", "webp", "animated", "avif", "sequence")


@cache
def files() -> dict[str, bytes]:
    camera = exif(6, gps=True, artist="Ada")
    plain = {
        "jpeg": encode(graphic(36, 48), "JPEG", exif=camera),
        "png": encode(graphic(36, 48), "PNG"),
        "webp": encode(translucent(24, 16), "WEBP", exif=camera),
        "animated": animation("WEBP"),
        "avif": encode(graphic(36, 48), "AVIF", exif=camera, xmp=make.XMP),
        "sequence": animation("AVIF"),
    }
    some = Words(title="A", alt="B", description="C", keywords=("D", "E"))
    return plain | {f"{name} with words": embed(data, some).data for name, data in plain.items()}


@given(name=st.sampled_from(NAMES), words=WORDS, later=WORDS)
@settings(deadline=None, max_examples=120)
def test_words_come_back_and_the_latest_count(name: str, words: Words, later: Words) -> None:
    first = embed(files()[name], words).data
    second = embed(first, later).data

    assert read(first) == words.cleaned()
    assert read(second) == later.cleaned().over(words.cleaned())
    assert embed(second, later).data == second


@given(data=st.data())
@settings(deadline=None, max_examples=400)
def test_a_mutated_file_raises_nothing_but_our_errors(data: st.DataObject) -> None:
    body = bytearray(files()[data.draw(st.sampled_from(sorted(files())))])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(body)) | st.integers(0, min(600, len(body))))
        width = data.draw(st.integers(0, 8))
        body[at : at + width] = data.draw(st.binary(max_size=8))
    mutated = bytes(body)

    try:
        made = embed(mutated, Words(title="山", alt="b", keywords=("k",)))
    except Error:
        pass
    else:
        assert read(made.data).title == "山"
    for function in (read, c2pa):
        with contextlib.suppress(Error):
            function(mutated)
