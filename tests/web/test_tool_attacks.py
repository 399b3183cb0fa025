"""What somebody could try with the page that makes pictures small, past the page."""

import re
import socket
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from pixmill.services.accounts import Accounts
from pixmill.services.guests import EMAIL
from web.visitors import signed_in

from fixtures.pictures import encode, graphic, photo
from fixtures.servers import PATIENCE, OwnServer, RunningServer, opened, run

PNG = encode(graphic(), "PNG")


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as opened:
        opened.headers["Accept"] = "application/json"
        yield opened


def send(
    session: requests.Session, server: RunningServer, data: bytes = PNG, **options: Any
) -> requests.Response:
    return session.post(
        f"{server.base_url}/tool/images",
        files={"image": ("drawing.png", data)},
        timeout=PATIENCE,
        **options,
    )


def archive(session: requests.Session, server: RunningServer, named: str) -> requests.Response:
    return session.post(
        f"{server.base_url}/tool/archive", data={"results": named}, timeout=PATIENCE
    )


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://example.com"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
@pytest.mark.parametrize("path", ["/tool/images", "/tool/archive"])
def test_another_site_cannot_use_it(
    server: RunningServer, session: requests.Session, path: str, headers: dict[str, str]
) -> None:
    answer = session.post(
        server.base_url + path, files={"image": PNG}, headers=headers, timeout=PATIENCE
    )

    assert answer.status_code == 403
    assert answer.json()["error"] == "foreign_form"


def test_who_is_signed_in_needs_a_form_of_ours(
    server: RunningServer, session: requests.Session
) -> None:
    token = run(signed_in(server.database_url, "attacked@example.com"))
    session.headers["Cookie"] = f"__Host-pixmill={token}"
    assert send(session, server).json()["error"] == "foreign_form"
    assert archive(session, server, "a.b").json()["error"] == "foreign_form"
    page = session.get(server.base_url, timeout=PATIENCE).text
    form = re.search(r'name="csrf" content="([0-9a-f]+)"', page)
    assert form

    assert send(session, server, data=PNG, headers={"X-CSRF-Token": form[1]}).status_code == 200


def test_a_result_is_sent_as_a_picture_and_nothing_else(
    server: RunningServer, session: requests.Session
) -> None:
    told = send(session, server).json()
    saved = session.get(server.base_url + told["url"], timeout=PATIENCE)
    viewed = session.get(server.base_url + told["view"], timeout=PATIENCE)

    assert saved.headers["Content-Disposition"].startswith("attachment;")
    assert viewed.headers["Content-Disposition"].startswith("inline;")
    for answer in (saved, viewed):
        assert answer.status_code == 200
        assert len(answer.content) == told["after"]
        assert answer.headers["Content-Type"].startswith("image/")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert all(told["id"] not in str(line) for line in server.log())


def test_a_link_that_was_changed_opens_nothing(
    server: RunningServer, session: requests.Session
) -> None:
    told, other = send(session, server).json(), send(session, server, encode(photo(), "PNG")).json()
    later = re.sub(r"signature=[0-9a-f]+-", "signature=ffffffffff-", told["url"])
    attempts = [
        told["url"][:-1] + ("0" if told["url"][-1] != "0" else "1"),
        told["url"].replace(told["id"], other["id"]),
        urlsplit(told["url"]).path,
        later,
        f"/tool/images/{told['id']}%00/x.png?signature={told['token']}",
    ]
    for url in attempts:
        assert session.get(server.base_url + url, timeout=PATIENCE).status_code == 404, url


def test_an_archive_holds_only_what_its_tokens_open(
    server: RunningServer, session: requests.Session
) -> None:
    told, other = send(session, server).json(), send(session, server, encode(photo(), "PNG")).json()
    good = f"{told['id']}.{told['token']}"
    assert archive(session, server, good).status_code == 204
    attempts = {
        f"{good} {other['id']}.{told['token']}": 410,
        f"{good} {other['id']}": 410,
        f"{good} {'x' * 100}": 410,
        "": 400,
        " ".join(f"{number}.x" for number in range(2_001)): 400,
        "x" * 400_000: 400,
    }
    for named, status in attempts.items():
        assert archive(session, server, named).status_code == status, named[:200]


def test_hostile_pictures_are_refused_in_words(
    server: RunningServer, session: requests.Session
) -> None:
    bomb = bytearray(PNG)
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    for data in (bytes(bomb), PNG[:40], b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"\0" * 5000):
        answer = send(session, server, data)

        assert answer.status_code in {415, 422}
        assert set(answer.json()) == {"error", "message"}
    answer = session.post(
        f"{server.base_url}/tool/images", data={"format": "webp"}, timeout=PATIENCE
    )
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("format", "exe"),
        ("look", "best"),
        ("quality", "101"),
        ("width", "8001"),
        ("fit", "cover"),
        ("max_kb", "-1"),
        ("target", "nan"),
    ],
)
def test_options_that_cannot_be_are_refused(
    server: RunningServer, session: requests.Session, name: str, value: str
) -> None:
    form = {name: value, **({"look": "target"} if name == "target" else {})}
    answer = session.post(
        f"{server.base_url}/tool/images",
        files={"image": PNG},
        data=form,
        timeout=PATIENCE,
    )

    assert answer.status_code == 400


def test_what_guests_made_is_gone_after_a_day_whatever_the_setting(
    own_server: OwnServer, session: requests.Session
) -> None:
    server = own_server(PIXMILL_RESULT_TTL=str(10 * 86_400))
    for _ in ("made", "cached"):
        told = send(session, server).json()
        ends_at = int(told["token"].partition("-")[0], 16)
        assert ends_at - time.time() <= 86_400 + 1
    assert "deleted after 24 hours" in session.get(server.base_url, timeout=PATIENCE).text
    token = run(signed_in(server.database_url, "member@example.com"))
    session.headers["Cookie"] = f"__Host-pixmill={token}"
    assert "deleted after 10 days" in session.get(server.base_url, timeout=PATIENCE).text


def test_a_page_that_is_not_public_takes_nothing_from_guests(
    own_server: OwnServer, session: requests.Session
) -> None:
    server = own_server(PIXMILL_PUBLIC_PAGE="false")
    page = session.get(server.base_url, timeout=PATIENCE, allow_redirects=False)
    assert (page.status_code, page.headers["Location"]) == (303, "/sign-in")
    assert send(session, server).json()["error"] == "guest_limit_reached"
    assert archive(session, server, "a.b").status_code == 403


def test_guests_are_turned_away_at_once(own_server: OwnServer, session: requests.Session) -> None:
    server = own_server()
    assert send(session, server).status_code == 200
    run(disable(server.database_url))

    assert send(session, server).json()["error"] == "refused"
    page = session.get(server.base_url, timeout=PATIENCE, allow_redirects=False)
    assert page.headers["Location"] == "/sign-in"


async def disable(database_url: str) -> None:
    async with opened(database_url) as database:
        await Accounts(database=database).disable(name=EMAIL)


def test_who_hangs_up_has_their_picture_back(
    own_server: OwnServer, session: requests.Session
) -> None:
    """The work is canceled, so it is neither charged nor counted."""
    server = own_server(PIXMILL_GUEST_IMAGES="3", PIXMILL_WORKERS="1")
    large = encode(photo(1600, 1200), "PNG")
    host, port = urlsplit(server.base_url).netloc.split(":")
    body = (
        b'--x\r\nContent-Disposition: form-data; name="format"\r\n\r\navif\r\n'
        b'--x\r\nContent-Disposition: form-data; name="look"\r\n\r\nmax\r\n'
        b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        + large
        + b"\r\n--x--\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(
            b"POST /tool/images HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        time.sleep(0.3)
    deadline = time.monotonic() + PATIENCE
    while not any(line.get("status") == 499 for line in server.log()):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    assert send(session, server).json()["left"] == 2
