"""Names for files: their form, in every script, and that each is there once."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.services.vision.filenames import LENGTH, slug, unique

FORM = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@given(st.text(max_size=300))
def test_a_slug_has_its_form_whatever_it_is_made_of(text):
    name = slug(text)

    assert name is None or (FORM.fullmatch(name) and len(name) <= LENGTH)


@given(st.lists(st.text("abcnoux019", min_size=1, max_size=90), min_size=1).map("-".join))
def test_a_slug_of_a_slug_is_itself_or_its_beginning(text):
    name = slug(text)

    assert name is not None
    assert slug(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Golden Gate Bridge, at Sunset!", "golden-gate-bridge-at-sunset"),
        ("The dog’s bowl isn't full", "the-dogs-bowl-isnt-full"),
        ("Crème brûlée", "creme-brulee"),
        ("Straße 100 %", "strasse-100"),
        ("Москва", "moskva"),
        ("富士山", "fushishan"),
        ("../../etc/passwd\0.jpg", "etc-passwd-jpg"),
        ("\uff21\uff22\uff23", "abc"),
        ("word " * 40, "-".join(["word"] * 16)),
        ("a" * 200, "a" * LENGTH),
        ("CON", "file-con"),
        ("lpt1", "file-lpt1"),
        ("console", "console"),
        ("", None),
        ("…—!?\n", None),
    ],
)
def test_words_become_a_name(text, name):
    assert slug(text) == name


def test_a_text_without_end_takes_no_time():
    assert slug("-" * 50_000_000 + "a") is None


@pytest.mark.parametrize(
    ("names", "taken", "given_"),
    [
        (["a", "a", "b", "a"], [], ["a", "a-2", "b", "a-3"]),
        (["a", "a", "a-2"], [], ["a", "a-3", "a-2"]),
        (["a-2", "a", "a"], [], ["a-2", "a", "a-3"]),
        (["Photo", "photo"], [], ["Photo", "photo-2"]),
        (["a", "a"], ["A", "a-2"], ["a-3", "a-4"]),
        (["x" * 80] * 2, [], ["x" * 80, "x" * 78 + "-2"]),
        ([], ["a"], []),
    ],
)
def test_duplicates_get_numbers(names, taken, given_):
    assert unique(names, taken=taken) == given_


NAMES = st.lists(st.sampled_from(["a", "A", "a-2", "a-3", "b", "y" * 79, "y" * 80]), max_size=40)


@given(NAMES, NAMES)
def test_every_name_is_given_once_and_the_first_keeps_its_own(names, taken):
    found = unique(names, taken=taken)
    keys = [name.casefold() for name in found]

    assert len(set(keys)) == len(keys) == len(names)
    assert not set(keys) & {name.casefold() for name in taken}
    assert all(len(name) <= LENGTH for name in found)
    assert unique(found) == found
    if names and names[0].casefold() not in {name.casefold() for name in taken}:
        assert found[0] == names[0]


def test_many_duplicates_are_no_long_search():
    assert unique(["a"] * 20_000)[-1] == "a-20000"
