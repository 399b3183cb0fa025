"""Receivers that let us wait."""

from datetime import timedelta

import pytest

from pixmill.services.webhooks.silence import (
    PATIENCE,
    REMEMBERED,
    REST,
    SLOW_MILLISECONDS,
    Silence,
)
from services.desk import Clock

URL = "https://hooks.example.com/a"


def let_wait(silence: Silence, clock: Clock, times: int, url: str = URL) -> None:
    for _ in range(times):
        silence.note(url, failed=True, milliseconds=SLOW_MILLISECONDS, now=clock())


def test_patience_has_an_end_and_begins_again(clock: Clock) -> None:
    silence = Silence()
    let_wait(silence, clock, PATIENCE - 1)
    assert not silence.rests(URL, now=clock())
    let_wait(silence, clock, 1)
    assert silence.rests(URL, now=clock())

    clock.moment += REST - timedelta(seconds=1)
    assert silence.rests(URL, now=clock())
    clock.advance(seconds=1)
    assert not silence.rests(URL, now=clock())

    # It has one try, and not five more.
    let_wait(silence, clock, 1)
    assert silence.rests(URL, now=clock())


@pytest.mark.parametrize(
    ("failed", "milliseconds"), [(False, 9_000), (True, SLOW_MILLISECONDS - 1)]
)
def test_an_answer_or_a_quick_refusal_is_no_silence(
    clock: Clock, *, failed: bool, milliseconds: int
) -> None:
    silence = Silence()
    let_wait(silence, clock, PATIENCE - 1)
    silence.note(URL, failed=failed, milliseconds=milliseconds, now=clock())
    let_wait(silence, clock, PATIENCE - 1)

    assert not silence.rests(URL, now=clock())


def test_all_urls_of_a_receiver_rest_and_no_other(clock: Clock) -> None:
    silence = Silence()
    let_wait(silence, clock, PATIENCE)

    assert silence.rests("https://HOOKS.example.com/b?c", now=clock())
    assert not silence.rests("https://hooks.example.com:8443/a", now=clock())
    assert not silence.rests("https://example.com/a", now=clock())


def test_not_everybody_is_remembered(clock: Clock) -> None:
    silence = Silence()
    for number in range(REMEMBERED + 1):
        let_wait(silence, clock, PATIENCE, f"https://{number}.example.com/")

    assert not silence.rests("https://0.example.com/", now=clock())
    assert silence.rests("https://1.example.com/", now=clock())
    assert silence.rests(f"https://{REMEMBERED}.example.com/", now=clock())
