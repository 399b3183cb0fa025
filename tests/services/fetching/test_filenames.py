"""A fetched file has a name that is fit to be shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pixmill.services.fetching.filenames import LENGTH, filename


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("/photo.jpg", "photo.jpg"),
        ("/folder/photo.jpg?size=large/x.png", "photo.jpg"),
        ("/a%20b%C3%BC.png", "a bü.png"),
        ("/..%2F..%2Fetc%2Fpasswd", "passwd"),
        ("/..%5C..%5Cwin.ini", "win.ini"),
        ("/a%00b%0D%0Ac.png", "a_b_c.png"),
        ("/a%22;%3Cb%3E.png", "a_b_.png"),
        ("/.htaccess", "htaccess"),
        ("/%FF.png", "_.png"),
        ("/photos/", None),
        ("/..", None),
        ("/", None),
    ],
)
def test_the_path_gives_a_name(target, name):
    assert filename(target=target, disposition="") == name


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("attachment; filename=cat.png", "cat.png"),
        ('attachment; filename="a cat.png"', "a cat.png"),
        ("inline; filename*=UTF-8''k%C3%A4tzchen.png", "kätzchen.png"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\cat.png"', "cat.png"),
        ('attachment; filename=".."', "fallback.png"),
        ("attachment; filename*=nonsense''a", "a"),
        ("attachment", "fallback.png"),
        ("", "fallback.png"),
        (";;;=;", "fallback.png"),
    ],
)
def test_the_server_s_name_comes_first(disposition, name):
    assert filename(target="/fallback.png", disposition=disposition) == name


FRAGMENTS = ["attachment;", "filename", "*", "=", '"', "UTF-8''", "%", "/", "\\", "..", ";", "*0*="]


@settings(deadline=None)
@given(
    st.text(max_size=300),
    st.text(max_size=300) | st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=3)).map("".join),
)
def test_a_name_is_short_and_harmless_whatever_the_server_says(target, disposition):
    name = filename(target=target, disposition=disposition)

    if name is not None:
        assert 0 < len(name) <= LENGTH
        assert name.isprintable()
        assert not set('/\\:*?"<>|%;\0') & set(name)
        assert not name.startswith((".", " "))
