"""Facts taken over from one file into another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixmill.engine.optimize import optimize
from pixmill.engine.preserve import Fact, preserve
from pixmill.engine.types import Limits, Options
from pixmill.engine.words import read

from fixtures.pictures import decoded, encode, exif, photo

FACTS: tuple[Fact, ...] = ("copyright", "creation", "location")
DAY = "2024:05:06 07:08:09"


def source(notice: str = "Ada 2024") -> bytes:
    known = decoded(encode(photo(64, 48), "JPEG", exif=exif(6, gps=True, artist="Bob"))).getexif()
    known[0x8298] = notice
    known[0x0132] = DAY
    known.get_ifd(0x8769).update({0x9003: DAY, 0x9291: "123", 0x829A: 0.01})
    return encode(photo(64, 48), "JPEG", exif=known.tobytes())


def stripped(data: bytes, format_: str | None = None) -> bytes:
    return optimize(data, Options(format=format_), Limits()).data


def test_everything_that_was_named_is_there_and_nothing_else() -> None:
    data = source()
    kept = preserve(data, stripped(data), FACTS)
    known = decoded(kept).getexif()
    more = known.get_ifd(0x8769)

    assert read(kept).copyright == "Ada 2024"
    assert (known[0x0132], more[0x9003], more[0x9291]) == (DAY, DAY, "123")
    assert known.get_ifd(0x8825)[2] == (52.0, 31.0, 12.0)
    assert not {0x013B, 0x0112} & set(known)
    assert 0x829A not in more


@pytest.mark.parametrize("format_", ["png", "webp", "avif"])
def test_other_formats_get_the_copyright(format_: str) -> None:
    data = source()
    kept = preserve(data, stripped(data, format_), FACTS)

    assert read(kept).copyright == "Ada 2024"
    assert not decoded(kept).getexif().get_ifd(0x8825)


def test_what_is_not_there_changes_nothing() -> None:
    plain = encode(photo(64, 48), "JPEG")

    assert preserve(plain, stripped(plain), FACTS) == stripped(plain)
    assert preserve(source(), stripped(plain), ()) == stripped(plain)
    assert preserve(plain, encode(photo(8, 8), "GIF"), FACTS) == encode(photo(8, 8), "GIF")


@settings(max_examples=150, deadline=None)
@given(at=st.integers(2, 700), value=st.binary(min_size=1, max_size=8), end=st.integers(20, 5000))
def test_a_source_that_is_broken_does_no_harm(at: int, value: bytes, end: int) -> None:
    data = source()
    result = stripped(data)
    for broken in (data[:at] + value + data[at + len(value) :], data[:end]):
        kept = preserve(broken, result, FACTS)

        assert decoded(kept).size == decoded(result).size
