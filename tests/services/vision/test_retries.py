"""Pauses: as long as a server wants, and otherwise longer each time."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.services.vision.retries import FOREVER, LONGEST, pause, retry_after

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 0.5 ", 0.5),
        ("-3", 0),
        ("Sat, 21 Nov 2026 12:01:30 GMT", 90),
        ("Sat, 21 Nov 2026 12:01:30 -0000", 90),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0),
        ("99999999999", FOREVER),
        ("inf", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after(header, now=lambda: NOW) == seconds


#: Dates that there are, and many more that there are not.
DATES = st.builds(
    "Sat, {} Nov {} {}:{}:0 {}".format, *[st.integers(0, 99_999)] * 4, st.text("+-0Z")
)


@given(st.text() | DATES)
def test_no_header_is_too_strange(header):
    seconds = retry_after(header)

    assert seconds is None or 0 <= seconds <= FOREVER


@given(st.integers(1, 60), st.floats(0.01, 10))
def test_a_pause_is_never_earlier_than_asked_and_never_longer_than_makes_sense(tries, first):
    assert 0 < pause(tries, first=first, after=None) <= 1.5 * LONGEST
    assert 30 <= pause(tries, first=first, after=30) <= 30 + first
