from dataclasses import replace

import pytest
from starlette.requests import HTTPConnection

from pixmill import errors
from pixmill.engine.types import AUTO, Options
from pixmill.http import native
from pixmill.services.outcome import Outcome

OUTCOME = Outcome(
    data=b"...",
    format="webp",
    mime="image/webp",
    extension="webp",
    width=1,
    height=1,
    frames=1,
    how="encoded",
    score=None,
    original_size=10,
)


def request(*accept: str) -> HTTPConnection:
    headers = [(b"accept", value.encode()) for value in accept]
    return HTTPConnection({"type": "http", "headers": headers})


def options(given: dict[str, object], wanted: Options | None = None) -> Options:
    return native.wish(wanted or Options(), given, request()).options


@pytest.mark.parametrize(
    "given",
    [
        {"target": "72.5", "smart": "yes", "mode": "Quality", "max_bytes": " 9000 "},
        {"target": 72.5, "smart": True, "mode": "quality", "max_bytes": 9000},
        {"target": 72.5, "smart": 1, "mode": "quality", "max_bytes": 9000.0},
    ],
    ids=["form", "JSON", "JSON as other languages write it"],
)
def test_the_fields_become_options(given: dict[str, object]) -> None:
    assert options(given) == Options(target=72.5, smart=True, mode="quality", max_bytes=9000)


@pytest.mark.parametrize("empty", ["", " ", None])
def test_what_is_not_given_stays_as_the_dialect_has_it(empty: str | None) -> None:
    wanted = Options(target=50.0, smart=True, mode="size", max_bytes=7, accept=("gif",))

    assert options({}, wanted) == wanted
    assert options(dict.fromkeys(native.FIELDS, empty), wanted) == wanted


@pytest.mark.parametrize("accept", ["webp, JPG", "image/webp,image/jpeg", ["jpg", "webp"]])
def test_formats_are_accepted_one_by_one(accept: object) -> None:
    found = native.wish(Options(format=AUTO), {"accept": accept}, request("image/avif"))

    assert found.options.accept == ("jpeg", "webp")
    assert not found.negotiated


def test_the_accept_header_counts_for_auto() -> None:
    found = native.wish(Options(format=AUTO), {}, request("image/avif", "image/webp;q=0.5"))

    assert found.options.accept == ("webp", "avif")
    assert found.negotiated


@pytest.mark.parametrize("format_", [None, "png"])
def test_the_accept_header_counts_for_nothing_else(format_: str | None) -> None:
    found = native.wish(Options(format=format_), {}, request("image/jxl"))

    assert found.options.accept == ()
    assert not found.negotiated


def test_a_dialect_reads_only_the_fields_that_mean_the_same_there() -> None:
    given = {"mode": "lossy", "smart": "true"}

    assert native.wish(Options(), given, request(), names={"smart"}).options == Options(smart=True)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("target", ["29.9", "96", "-60", "nan", "inf", "high", "7e1", True, float("nan")],
         '"target" must be a number from 30 to 95.'),
        ("smart", ["maybe", 2, 0.5], '"smart" must be true or false.'),
        ("mode", ["fast", "0", True, 1],
         '"mode" must be one of size, balanced, quality, max, lossless.'),
        ("max_bytes", ["0", "-1", "1.5", "10KB", "9" * 30, 0.5, True],
         '"max_bytes" must be a whole number of at least 1.'),
        ("accept", ["jxl", "webp,bmp", ",", "*/*", [], [None], ["webp,png"], 5],
         '"accept" must be a list of jpeg, png, webp, avif, gif.'),
    ],
)  # fmt: skip
def test_wrong_values_are_refused(name: str, values: list[object], message: str) -> None:
    for value in values:
        with pytest.raises(errors.BadOption) as refusal:
            options({name: value})
        assert str(refusal.value) == message, value


@pytest.mark.parametrize("name", [name for name in native.FIELDS if name != "accept"])
@pytest.mark.parametrize("value", [[], ["1"], {"a": 1}])
def test_a_value_must_be_a_single_one(name: str, value: object) -> None:
    with pytest.raises(errors.BadOption, match=f'"{name}" must be a single value'):
        options({name: value})


def test_the_headers_of_an_image() -> None:
    plain = native.Wish(options=Options(), negotiated=False)
    measured = replace(OUTCOME, how="rescanned", score=79.5)

    assert native.headers(OUTCOME, plain) == {"X-Pixmill-Result": "encoded"}
    assert native.headers(measured, replace(plain, negotiated=True)) == {
        "X-Pixmill-Result": "rescanned",
        "X-Pixmill-Score": "79.50",
        "Vary": "Accept",
    }
    assert set(native.headers(measured, plain)) == set(native.HEADERS)
