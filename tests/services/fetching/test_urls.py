"""URLs are taken apart strictly, and say nothing about the network."""

from ipaddress import ip_address

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pixmill import errors
from pixmill.services.fetching.urls import Url, parse
from services.fetching.cases import MALFORMED, MISLEADING


@pytest.mark.parametrize("url", MALFORMED, ids=ascii)
def test_a_url_that_two_readers_may_read_in_two_ways_is_refused(url):
    with pytest.raises(errors.BadUrl):
        parse(url)


@pytest.mark.parametrize(("url", "host"), MISLEADING.items())
def test_the_host_is_the_one_that_everybody_else_sees(url, host):
    assert parse(url).host == host


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("http://pictures.example", "http://pictures.example/"),
        ("HTTPS://Pictures.Example:443/A", "https://pictures.example/A"),
        ("http://pictures.example.:80/a?b=c#d", "http://pictures.example/a?b=c"),
        ("http://pictures.example:/a", "http://pictures.example/a"),
        ("https://pictures.example:80/a", "https://pictures.example:80/a"),
        ("http://my_pictures.example:8080", "http://my_pictures.example:8080/"),
        ("http://Bücher.example/ü?ü=é", "http://xn--bcher-kva.example/%C3%BC?%C3%BC=%C3%A9"),
        ("http://xn--bcher-kva.example/%C3%BC", "http://xn--bcher-kva.example/%C3%BC"),
        ("http://pictures.example/a/../b/./c", "http://pictures.example/b/c"),
        ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080/"),
        ("http://8.8.8.8/", "http://8.8.8.8/"),
        ("http://8.8.8.8./", "http://8.8.8.8/"),
        ("http://1.2.3.4.example/", "http://1.2.3.4.example/"),
        ("http://intranet/", "http://intranet/"),
    ],
)
def test_a_url_has_one_canonical_form(text, canonical):
    assert str(parse(text)) == canonical


@pytest.mark.parametrize("extra", [0, 1])
def test_a_url_has_at_most_2048_characters(extra):
    url = "http://pictures.example/"
    url += "a" * (2048 - len(url) + extra)
    if extra:
        with pytest.raises(errors.BadUrl):
            parse(url)
    else:
        assert str(parse(url)) == url


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("/a", "https://pictures.example:8443/a"),
        ("a", "https://pictures.example:8443/folder/a"),
        ("../a", "https://pictures.example:8443/a"),
        ("?a", "https://pictures.example:8443/folder/here?a"),
        ("#a", "https://pictures.example:8443/folder/here?x"),
        ("//other.example/a", "https://other.example/a"),
        ("http://other.example/ü", "http://other.example/%C3%BC"),
    ],
)
def test_a_redirect_may_be_relative(location, joined):
    here = parse("https://pictures.example:8443/folder/here?x")

    assert str(here.join(location)) == joined


#: URLs, and what somebody may make of them.
SCRAPS = ["http://", "https://", "//", "/", "\\", "@", ":", "[", "]", "%", ".", "?", "#"]
SCRAPS += ["127.0.0.1", "::1", "0x7f", "017", "localhost", "80", "。", "xn--"]
SCRAPS += ["\t", "\n", " ", "\u200b", "\uff11", "\u017f"]  # a digit, and an s, of other scripts
MESSES = st.lists(st.sampled_from(SCRAPS) | st.text(max_size=3), max_size=12).map("".join)


def assert_is_canonical(url: Url) -> None:
    assert str(url).isascii()
    assert url.target.startswith("/")
    assert parse(str(url)) == url
    try:
        assert str(ip_address(url.host)) == url.host
    except ValueError:
        assert set(url.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_.")
        assert not url.host.split(".")[-1].isdigit()


@settings(deadline=None)
@given(st.text(max_size=60) | MESSES | MESSES.map("http://{}".format))
@example("http://[")
@example("http://[::1]]")
@example("http://\ud800")
def test_any_text_is_a_canonical_url_or_refused(text):
    try:
        url = parse(text)
    except errors.BadUrl as error:
        assert str(error) == "The URL is not a plain http or https URL."  # noqa: PT017
    else:
        assert_is_canonical(url)


@settings(deadline=None)
@given(st.text(max_size=60) | MESSES)
@example("http://[")
@example("//[::1")
@example("//pictures\u2100example")
def test_any_redirect_is_a_canonical_url_or_refused(location):
    try:
        url = parse("http://pictures.example/a").join(location)
    except errors.BadUrl:
        return
    assert_is_canonical(url)
