import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill.http import disposition


@pytest.mark.parametrize(
    ("filename", "stem"),
    [
        ("photo.jpg", "photo"),
        ("my photo.final.JPG", "my photo.final"),
        ("photo", "photo"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\photo.png", "photo"),
        (".htaccess", "htaccess"),
        ("", "image"),
        (None, "image"),
        ("...", "image"),
        ("a\r\nSet-Cookie: x=1.jpg", "a_Set-Cookie_ x=1"),
        ('a"; filename="evil.exe', "a_ filename=_evil"),
        ("\u202egnp.exe", "gnp"),
        ("x" * 300 + ".jpg", "x" * 100),
    ],
)
def test_the_name_of_a_result_follows_the_upload_without_what_could_harm(
    filename: str | None, stem: str
) -> None:
    assert disposition.stem(filename) == stem


def test_a_plain_name_is_written_plainly() -> None:  # OP-24
    assert disposition.inline("photo.jpg", "webp") == 'inline; filename="photo.webp"'


def test_other_letters_are_written_in_both_forms() -> None:
    assert disposition.inline("grün.jpg", "webp") == (
        "inline; filename=\"gr_n.webp\"; filename*=UTF-8''gr%C3%BCn.webp"
    )


@given(st.text())
def test_no_name_can_leave_its_quotes(filename: str) -> None:
    value = disposition.inline(filename, "png")

    assert re.fullmatch(
        r"inline; filename=\"[^\"\\\x00-\x1f\x7f/]+\.png\"(; filename\*=UTF-8''[A-Za-z0-9%._~-]+)?",
        value,
    )
    assert value.isascii()


def test_a_file_to_be_saved_is_called_the_same() -> None:
    for name in ("photo.jpg", "Übung.png", None):
        shown = disposition.inline(name, ".webp")

        assert disposition.attachment(name, ".webp") == shown.replace("inline", "attachment", 1)
