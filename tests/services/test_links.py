"""Signed links."""

import string
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pixmill.services.links import Links
from pixmill.services.secret import Secret
from services.desk import Clock

SECRET = b"a secret that nobody can guess..."
NOW = Clock().moment
HOUR = timedelta(hours=1)

names = st.text(max_size=50)
characters = st.characters(codec="utf-8") | st.sampled_from(string.printable)


def links(secret: bytes = SECRET, *, purpose: str = "download", after: timedelta = timedelta()):
    return Links(Secret(secret), purpose=purpose, now=lambda: NOW + after)


def token(name: str = "an-id") -> str:
    return links().sign(name, expires_at=NOW + HOUR)


@given(name=names)
def test_a_link_works_until_it_expires(name: str) -> None:
    made = token(name)

    assert links().verify(name, made)
    assert links(after=HOUR - timedelta(seconds=1)).verify(name, made)
    assert not links(after=HOUR).verify(name, made)
    assert not links(after=timedelta(days=10_000)).verify(name, made)


@given(data=st.data())
def test_any_changed_character_is_refused(data: st.DataObject) -> None:
    made = token()
    place = data.draw(st.integers(0, len(made) - 1))
    changed = made[:place] + data.draw(characters) + made[place + 1 :]
    assume(changed != made)

    assert not links().verify("an-id", changed)


@given(data=st.data())
def test_any_added_or_missing_character_is_refused(data: st.DataObject) -> None:
    made = token()
    place = data.draw(st.integers(0, len(made)))

    assert not links().verify("an-id", made[:place] + data.draw(characters) + made[place:])
    assert not links().verify("an-id", made[:place] + made[place + 1 :] if made[place:] else "")


@given(name=names, other=names)
def test_a_link_is_for_one_name(name: str, other: str) -> None:
    assume(name != other)

    assert not links().verify(other, token(name))


def test_a_name_cannot_be_made_to_look_like_a_later_end() -> None:
    second = int((NOW + HOUR).timestamp())
    shifted = f"{second:x}:an-id"

    made = token(shifted)

    assert not links().verify("an-id", made)
    assert not links().verify(f"{second:x}:{shifted}", made)


@given(text=st.text(max_size=100))
def test_no_other_text_is_a_link(text: str) -> None:
    assert not links().verify("an-id", text)


def test_a_link_is_for_one_purpose_and_one_installation() -> None:
    assert not links(purpose="reset").verify("an-id", token())
    assert not links(SECRET[::-1]).verify("an-id", token())


def test_a_token_needs_no_quoting_in_a_url() -> None:
    assert set(token()) <= set(string.ascii_letters + string.digits + "-")


def test_a_short_secret_is_refused() -> None:
    with pytest.raises(AssertionError):
        links(b"short")
