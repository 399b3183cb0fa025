"""Numbers, sizes and moments as people read them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.web import formats

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "PB": 10**15}
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def read(text: str) -> float:
    number, unit = text.split(" ")
    return float(number.replace(",", "")) * UNITS[unit]


@given(st.integers(-(10**18), 10**18))
def test_a_size_is_about_what_it_says(count: int) -> None:
    assert read(formats.size(count)) == pytest.approx(count, rel=0.051)


@given(st.integers(0, 10**17), st.integers(0, 10**17))
def test_what_is_larger_does_not_look_smaller(one: int, two: int) -> None:
    small, large = sorted((one, two))

    assert read(formats.size(small)) <= read(formats.size(large))


@given(st.integers(0, 10**17))
def test_a_size_is_short(count: int) -> None:
    number, _ = formats.size(count).split(" ")

    assert len(number.replace(",", "").replace(".", "")) <= 3


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_950, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (-1500, "-1.5 kB"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert formats.size(count) == said


@pytest.mark.parametrize(
    ("passed", "said"),
    [
        (timedelta(0), "just now"),
        (timedelta(seconds=59), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=30), "1 day ago"),
        (timedelta(days=-3), "in 3 days"),
        (timedelta(hours=-2), "in 2 hours"),
    ],
)
def test_moments_are_told_from_now(passed: timedelta, said: str) -> None:
    assert formats.ago(NOW - passed, now=lambda: NOW) == said


def test_of_nothing_there_is_no_percentage() -> None:
    assert formats.percent(0, 0) == "–"
    assert formats.percent(1, 3) == "33 %"
    assert formats.saving(1000, 250) == "75 %"
    assert formats.saving(1000, 1500) == "-50 %"


@pytest.mark.parametrize(
    ("micro", "said"),
    [(0, "$0.00"), (9_000, "$0.0090"), (77_580_000, "$77.58"), (1_234_560_000, "$1,234.56")],
)
def test_money_has_the_digits_that_it_needs(micro: int, said: str) -> None:
    assert formats.dollars(micro) == said
