"""Picture Optimizer's sessions: what comes into them, how long they are, and whose."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from dialects.optimagio import change
from dialects.picture_optimizer import (
    SESSIONS,
    analyze,
    balance,
    export,
    images,
    post,
    refused,
    send,
    someone,
    stream,
    upload,
)
from pixmill import clock
from pixmill.stores.sessions import sessions

from fixtures.origins import Origin
from fixtures.pictures import encode, exif, photo, quadrants
from fixtures.servers import Client, RunningServer

SIX = {"id", "originalFilename", "size", "width", "height", "uploadPath"}


@pytest.fixture
def small() -> bytes:
    return encode(photo(64, 48), "PNG")


def state(client: Client, session: dict[str, Any]) -> dict[str, Any]:
    answer = client.request("GET", f"{SESSIONS}/{session['sessionId']}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


@pytest.mark.parametrize("prefix", ["", "/image-forge-api"])
@pytest.mark.parametrize("path", ["/v1/sessions", "/v1/sessions/upload"])
def test_images_begin_a_session(
    server: RunningServer, jpeg: bytes, small: bytes, prefix: str, path: str
) -> None:
    """PO-1, PO-2, PO-19, PO-20, PO-21, PO-22, PO-23, PO-24, PO-25, PO-28, PO-32, PO-33."""
    client = someone(server)
    before = balance(client)
    answer = send(client, [("a b.jpg", jpeg), ("kite.png", small)], path=f"{prefix}{path}")
    body = answer.json()
    [first, second] = body["images"]

    assert answer.status_code == 200
    assert body["sessionId"].startswith("sess_")
    assert set(first) >= SIX
    assert [each["id"] for each in (first, second)] == ["img_001", "img_002"]
    assert (first["originalFilename"], first["size"]) == ("a b.jpg", len(jpeg))
    assert (first["width"], first["height"]) == (320, 240)
    assert f"/sessions/{body['sessionId']}/" in first["uploadPath"]
    assert body["rejected"] == []
    created, expires = (datetime.fromisoformat(body[name]) for name in ("createdAt", "expiresAt"))
    assert expires - created == timedelta(hours=24)
    assert balance(client) == before


@pytest.mark.parametrize("field", ["images", "images[]", "file", "files", "files[]"])
def test_files_may_be_called_otherwise(server: RunningServer, small: bytes, field: str) -> None:
    """PO-31."""
    body = upload(someone(server), [("a.png", small), ("b.png", small)], field=field)

    assert [image["originalFilename"] for image in body["images"]] == ["a.png", "b.png"]


def test_images_may_be_at_urls(
    fetching_server: RunningServer, origin: Origin, small: bytes, jpeg: bytes
) -> None:
    """PO-31, PO-33: those that cannot be had are told of."""
    client = someone(fetching_server)
    urls = [
        origin.picture(small, name="one.png"),
        origin.failing(),
        {"url": origin.picture(jpeg), "filename": "../mine.jpg"},
        origin.page(),
        "ftp://example.org/a.png",
    ]
    answer = post(client, SESSIONS, {"urls": urls})
    body = answer.json()

    assert answer.status_code == 200, answer.text
    assert [image["originalFilename"] for image in body["images"]] == ["one.png", "mine.jpg"]
    assert [each["code"] for each in body["rejected"]] == [
        "fetch_failed",
        "unsupported_format",
        "invalid_url",
    ]
    assert all({"originalFilename", "error"} <= set(each) for each in body["rejected"])


def test_hostile_uploads_do_not_spoil_the_others(
    server: RunningServer, jpeg: bytes, small: bytes
) -> None:
    """PO-33: what is no image is told of, and the rest proceeds."""
    bomb = small[:16] + (60_000).to_bytes(4) * 2 + small[24:]
    files = [
        ("../../etc/passwd", b"root:x:0:0"),
        ("a.jpg", jpeg),
        ("page.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("bomb.png", bomb),
        ("b\x01\u202e.png", small),
        ("empty.png", b""),
        ("half.jpg", jpeg[:20]),
    ]
    body = upload(someone(server), files)

    assert [image["originalFilename"] for image in body["images"]] == ["a.jpg", "b.png"]
    assert [each["originalFilename"] for each in body["rejected"]] == [
        "passwd", "page.svg", "bomb.png", "empty.png", "half.jpg",
    ]  # fmt: skip
    assert all(each["error"].endswith(".") for each in body["rejected"])


def test_a_request_without_an_image_is_refused(server: RunningServer) -> None:
    """PO-33, PO-15."""
    client = someone(server)
    none = refused(send(client, [("a.jpg", b"nothing")]), 400, "no_valid_images")

    assert [each["originalFilename"] for each in none["rejected"]] == ["a.jpg"]
    refused(send(client, []), 400, "missing_images")
    refused(post(client, SESSIONS, {"urls": []}), 400, "missing_images")
    refused(post(client, SESSIONS, {"urls": {"a": 1}}), 400, "invalid_parameter")
    text = client.request("POST", SESSIONS, data="x", headers={"Content-Type": "text/plain"})
    refused(text, 415, "unsupported_media_type")


def test_no_more_than_a_hundred_at_once(server: RunningServer) -> None:
    """PO-14, PO-16."""
    client = someone(server)
    for answer in (
        send(client, [(f"{number}.png", b"x") for number in range(101)]),
        post(client, SESSIONS, {"urls": ["http://example.org/a.png"] * 101}),
    ):
        body = refused(answer, 400, "too_many_images")
        assert body["error"] == "Too many images (max 100 per request)"


def test_sides_are_told_as_one_sees_them(server: RunningServer) -> None:
    """PO-24."""
    turned = encode(quadrants(60, 40), "JPEG", exif=exif(6))
    [image] = upload(someone(server), [("a.jpg", turned)])["images"]

    assert (image["width"], image["height"]) == (40, 60)


def test_images_can_be_added(server: RunningServer, small: bytes) -> None:
    """PO-34."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    answer = send(client, [("b.png", small)], path=f"{SESSIONS}/{session['sessionId']}/upload")

    assert [image["id"] for image in answer.json()["images"]] == ["img_002"]
    assert [image["id"] for image in state(client, session)["images"]] == ["img_001", "img_002"]


def test_a_session_tells_all_that_is_in_it(server: RunningServer, small: bytes) -> None:
    """PO-26, PO-34, PO-54."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    fresh = state(client, session)
    export(client, session)
    done = state(client, session)

    assert (fresh["status"], fresh["files"]) == ("idle", [])
    assert fresh["images"][0]["status"] == "uploaded"
    assert fresh["images"][0]["metadata"] is None
    assert [file["path"] for file in done["files"]] == ["a.webp"]
    file = client.request("GET", done["files"][0]["url"].removeprefix(client.base_url))
    assert file.content[8:12] == b"WEBP"


def test_sessions_are_listed_and_deleted(server: RunningServer, small: bytes) -> None:
    """PO-34."""
    client = someone(server)
    one, two = (upload(client, [("a.png", small)]) for _ in range(2))

    def listed(**query: object) -> list[str]:
        answer = client.request("GET", SESSIONS, params=query)
        return [each["sessionId"] for each in answer.json()["sessions"]]

    assert sorted(listed()) == sorted([one["sessionId"], two["sessionId"]])
    assert len(listed(limit=1)) == len(listed(offset=1)) == 1
    gone = client.request("DELETE", f"{SESSIONS}/{one['sessionId']}")
    assert (gone.status_code, gone.content) == (204, b"")
    assert listed() == [two["sessionId"]]
    again = client.request("DELETE", f"{SESSIONS}/{one['sessionId']}")
    assert refused(again, 404, "session_not_found")["error"] == "Session not found"
    refused(client.request("GET", SESSIONS, params={"limit": "x"}), 400, "invalid_parameter")


def calls(client: Client, session: dict[str, Any]) -> list[Any]:
    """Make every call about a session, and return the answers."""
    root, about = f"{SESSIONS}/{session['sessionId']}", {"sessionId": session["sessionId"]}
    wanted = {"images": images(session), "settings": {}}
    return [
        *(
            client.request("GET", f"{root}{rest}")
            for rest in ("", "/analysis", "/results", "/events", "/download", "/files/a.webp")
        ),
        client.request("PATCH", f"{root}/images/img_001/metadata", json={"alt": "x"}),
        send(client, [("b.png", b"x")], path=f"{root}/upload"),
        *(
            post(client, path, {**about, **wanted})
            for path in ("/v1/analyze", "/v1/export", f"{root}/analyze", f"{root}/export")
        ),
        post(client, f"{root}/sample", wanted),
        post(client, f"{root}/analyze-single", images(session)[0]),
        client.request("DELETE", root),
    ]


def test_a_session_is_its_accounts_own(server: RunningServer, small: bytes) -> None:
    """PO-36: for others there is none."""
    owner, other = someone(server), someone(server)
    session = upload(owner, [("a.png", small)])
    export(owner, session)
    before = balance(other)

    for answer in calls(other, session):
        assert refused(answer, 404, "session_not_found")["error"] == "Session not found"
    assert balance(other) == before
    assert len(state(owner, session)["images"]) == 1


@pytest.mark.parametrize(
    "name", ["sess_0123456789abcdef01234567", "x", "sess_%00", "sess_" + "a" * 5000, "é"]
)
def test_a_session_that_is_none(server: RunningServer, name: str) -> None:
    """PO-15."""
    refused(someone(server).request("GET", f"{SESSIONS}/{name}/analysis"), 404, "session_not_found")


def rest(server: RunningServer, session: dict[str, Any], hours: float) -> None:
    """Let nobody have used *session* for so long."""
    then = clock.now() - timedelta(hours=hours)
    change(
        server,
        update(sessions).where(sessions.c.id == session["sessionId"]).values(used_at=then),
    )


def test_a_session_that_nobody_uses_expires(server: RunningServer, small: bytes) -> None:
    """PO-15, PO-27."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    rest(server, session, 24.1)

    for answer in calls(client, session):
        assert refused(answer, 410, "session_expired")["error"] == "Session expired"
    assert client.request("GET", SESSIONS).json()["sessions"] == []


def test_each_call_makes_it_live_on(server: RunningServer, small: bytes) -> None:
    """PO-35."""
    client = someone(server)
    session = upload(client, [("a.png", small)])
    for _ in range(2):
        rest(server, session, 23)
        left = datetime.fromisoformat(state(client, session)["expiresAt"]) - clock.now()
        assert left > timedelta(hours=23, minutes=59)


def test_steps_can_be_left_out(server: RunningServer, small: bytes) -> None:
    """PO-26, PO-29: an analysis alone, an export alone, the body's images or all of them."""
    client = someone(server)
    session = upload(client, [("a.png", small), ("b.png", small)])
    alone = upload(client, [("c.png", small)])
    all_of_it = stream(client, "/v1/analyze", {"sessionId": session["sessionId"]})

    assert all_of_it.text.count("event: result") == 2
    assert [event.name for event in analyze(client, alone)] == ["progress", "result", "complete"]
    assert export(client, session)[-1].data["processed"] == 2
