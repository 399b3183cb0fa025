"""What files are called in an archive."""

import unicodedata
from pathlib import PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixmill.http.archive_names import NAME_SIZE, Names

DEVICES = {"con", "prn", "aux", "nul", *(f"{d}{n}" for d in ("com", "lpt") for n in range(10))}


def given_names(*filenames: str | None, extension: str = ".webp") -> list[str]:
    names = Names()
    return [names.give(filename, extension) for filename in filenames]


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("photo.jpg", "photo.webp"),
        ("photo", "photo.webp"),
        ("_DSC0001.JPG", "_DSC0001.webp"),
        ("50% off; now.png", "50% off; now.webp"),
        ("archive.tar.gz", "archive.tar.webp"),
        ("1. Our house", "1. Our house.webp"),
        ("größe 写真.jpg", "größe 写真.webp"),
        ("e\u0301te\u0301.jpg", "\u00e9t\u00e9.webp"),
        ("👩\u200d👧.png", "👩\u200d👧.webp"),
        ("/etc/passwd", "passwd.webp"),
        ("../../up.png", "up.webp"),
        ("C:\\Users\\me\\photo.png", "photo.webp"),
        ("C:photo.png", "C_photo.webp"),
        ("..", "image.webp"),
        (".jpg", "jpg.webp"),
        ("...jpg", "jpg.webp"),
        ("", "image.webp"),
        (None, "image.webp"),
        ("folder/", "image.webp"),
        ("line\r\nbreak\x00.png", "line_break_.webp"),
        ("gpj.\u202eexe.png", "gpj._exe.webp"),
        ('a"b<c>d|e*f?.png', "a_b_c_d_e_f_.webp"),
        ("\ud800.png", "_.webp"),
        ("con.png", "_con.webp"),
        ("Aux", "_Aux.webp"),
        ("lpt1.tar.png", "_lpt1.tar.webp"),
        ("com¹.png", "_com¹.webp"),
        ("console.png", "console.webp"),
    ],
)
def test_a_name_is_kept_as_far_as_it_is_safe(filename: str | None, name: str) -> None:  # OG-70
    assert given_names(filename) == [name]


def test_duplicates_get_a_number() -> None:  # OG-70
    names = given_names("a.jpg", "a.png", "A.jpg", "b.jpg", "a.jpg")

    assert names == ["a.webp", "a-1.webp", "A-2.webp", "b.webp", "a-3.webp"]


def test_a_number_that_is_somebody_s_own_name_is_passed_over() -> None:
    names = given_names("a-1.jpg", "a.jpg", "a.jpg", "a-1.jpg", "a-2.jpg", "a.jpg")

    assert names == [
        "a-1.webp", "a.webp", "a-2.webp", "a-1-1.webp", "a-2-1.webp", "a-3.webp",
    ]  # fmt: skip


def test_names_of_other_formats_are_other_names() -> None:
    names = Names()

    assert names.give("a.png", ".webp") == "a.webp"
    assert names.give("a.png", ".avif") == "a.avif"


def test_names_that_some_machines_take_for_one_are_duplicates() -> None:
    assert given_names("Straße", "STRASSE", "e\u0301", "\u00e9", "\u00c9") == [
        "Straße.webp", "STRASSE-1.webp", "\u00e9.webp", "\u00e9-1.webp", "\u00c9-2.webp",
    ]  # fmt: skip


@pytest.mark.parametrize("filename", ["a.jpg", "x" * 300, "写" * 300, None])
def test_fifty_thousand_equal_names_are_told_apart(filename: str | None) -> None:
    names = given_names(*[filename] * 50_000)

    assert len({name.casefold() for name in names}) == 50_000
    assert max(len(name.encode()) for name in names) <= NAME_SIZE
    assert names[-1].endswith("-49999.webp")


def test_long_names_that_differ_at_their_ends_are_told_apart_as_quickly() -> None:
    filenames = [f"{'x' * 240}{n:05}.jpg" for n in range(20_000)] * 2
    filenames += [f"{'x' * 230}-{n}.jpg" for n in range(20_000)] * 2

    assert len(set(given_names(*filenames))) == 80_000


@given(
    filenames=st.lists(
        st.none()
        | st.text(max_size=12)
        | st.text("aA-1.é\u0301/\\: ", max_size=6)
        | st.text(min_size=250, max_size=300)
        | st.sampled_from(
            ["a", "a-1", "A-1", "a-1-1", "con", "CON.x", "com1 .x", ".", "..", "\x00"]
        ),
        max_size=20,
    )
)
@example(filenames=["a-1", "a", "A", "a"])
@settings(deadline=None)
def test_any_names_become_safe_ones_that_differ(filenames: list[str | None]) -> None:
    names = given_names(*filenames)

    assert len({unicodedata.normalize("NFC", name.casefold()) for name in names}) == len(filenames)
    for name in names:
        assert name.endswith(".webp")
        assert len(name.encode()) <= NAME_SIZE
        assert name == unicodedata.normalize("NFC", name)
        assert not set(name) & set('/\\:*?"<>|')
        assert not any(unicodedata.category(letter) == "Cc" for letter in name)
        assert not name.startswith((".", " "))
        assert name.split(".")[0].strip().casefold() not in DEVICES
        assert not PureWindowsPath(name).is_reserved()
        assert not PureWindowsPath(name).drive
