import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.engine.codecs import all_codecs
from pixmill.http.negotiation import EVERYWHERE, FORMATS, accepted, named

CHROMIUM = "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"
FIREFOX = "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5"
SAFARI_13 = "image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5"


def test_the_formats_are_those_that_auto_chooses_from() -> None:
    codecs = all_codecs()

    assert set(FORMATS) == {codec.name for codec in codecs.values() if codec.weights}
    assert [codecs[name].mime for name in FORMATS] == [f"image/{name}" for name in FORMATS]


@pytest.mark.parametrize(
    ("header", "formats"),
    [
        ("", FORMATS),
        ("*/*", FORMATS),
        ("image/*", FORMATS),
        ("application/json, text/plain, */*", FORMATS),
        ("application/json", FORMATS),
        (CHROMIUM, FORMATS),
        (FIREFOX, FORMATS),
        (SAFARI_13, EVERYWHERE),
        ("image/webp", ("webp",)),
        ("image/webp, image/avif;q=0.1", ("webp", "avif")),
        ("image/webp, */*;q=0.1", ("jpeg", "png", "webp", "gif")),
        ("image/jpg", ("jpeg",)),
        ("IMAGE/WebP ; Q=1.0", ("webp",)),
        ("image/avif;q=0, */*", ("jpeg", "png", "webp", "gif")),
        ("image/avif; q=0.000, image/webp", ("webp",)),
        ("image/webp, image/gif;q=0, image/*", ("jpeg", "png", "webp")),
        ("image/webp, image/*;q=0, */*", ("webp",)),
        ("image/jxl, image/*", EVERYWHERE),
        ('image/webp;note="a, image/avif", image/png', ("png", "webp")),
    ],
)
def test_what_a_header_allows(header: str, formats: tuple[str, ...]) -> None:
    assert accepted(header) == formats


@pytest.mark.parametrize("header", ["image/jxl", "image/*;q=0", "*/*;q=0", "image/tiff, text/html"])
def test_a_header_may_allow_nothing_that_we_make(header: str) -> None:
    with pytest.raises(errors.UnknownFormat, match="allows none of jpeg, png, webp, avif, gif"):
        accepted(header)


@given(st.text(st.characters(max_codepoint=255)) | st.text('image/webpjpg*,;q=01."\\ '))
def test_any_header_allows_something_or_nothing(header: str) -> None:
    try:
        formats = accepted(header)
    except errors.UnknownFormat:
        return
    assert formats
    assert set(formats) <= set(FORMATS)


@pytest.mark.parametrize(
    ("names", "formats"),
    [
        (["webp"], ("webp",)),
        (["GIF", " jpg ", "jpeg", ""], ("jpeg", "gif")),
        (["image/avif", "image/jpg"], ("jpeg", "avif")),
    ],
)
def test_formats_can_be_named(names: list[str], formats: tuple[str, ...]) -> None:
    assert named(names) == formats


@pytest.mark.parametrize("names", [[], [" "], ["webp", "jxl"], ["image/*"], ["*"], ["webp;q=1"]])
def test_other_names_are_no_formats(names: list[str]) -> None:
    with pytest.raises(ValueError, match="\\["):
        named(names)
