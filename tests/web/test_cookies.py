"""What one page gives the next one to say."""

import pytest
from starlette.requests import Request
from starlette.responses import Response

from pixmill.web import cookies
from pixmill.web.cookies import Told

#: Bytes of a cookie that every browser keeps.
MOST = 4096


def told_next(text: str) -> tuple[Told | None, int]:
    """Return what the next page says of *text*, and the size of the cookie that tells it."""
    response = Response()
    cookies.tell(response, Told(text=text, fault=True), secure=True)
    cookie = response.headers["set-cookie"].partition(";")[0]
    request = Request({"type": "http", "headers": [(b"cookie", cookie.encode())]})
    return cookies.told_of(request, secure=True), len(cookie)


@pytest.mark.parametrize("letter", ["a", "畫", "🏞", '"', "\\", "\0", "\ud800", "\u2028"])
def test_a_notice_fits_into_a_cookie_in_any_script(letter: str) -> None:
    told, size = told_next(f"Not taken: {letter * 2_000}.jpg")

    assert told
    assert told.fault
    assert told.text.startswith("Not taken:")
    assert size < MOST - 500


def test_a_notice_is_said_as_it_was_written() -> None:
    told, _ = told_next("Nicht übernommen: „Müller & Söhne“.jpg, 風景.png")

    assert told == Told(text="Nicht übernommen: „Müller & Söhne“.jpg, 風景.png", fault=True)
