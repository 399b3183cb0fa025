"""Picture Optimizer's analyses: told while they happen, kept, and corrected."""

import json
import threading
from typing import Any

import pytest
import requests

from dialects.picture_optimizer import (
    SESSIONS,
    Event,
    Eyes,
    analyze,
    balance,
    events,
    export,
    follow,
    images,
    named,
    post,
    refused,
    someone,
    stream,
    until,
    upload,
)
from services.vision.server import GOOD, MODEL, WORDS, Script, delta, streaming
from services.vision.server import events as saying_events

from fixtures.pictures import encode, exif, photo
from fixtures.servers import Client, OwnServer, RunningServer

METADATA = {
    **{name: WORDS[name] for name in ("title", "alt", "caption", "description", "filename")},
    "seoTags": WORDS["keywords"],
}

REFUSAL = saying_events(delta(refusal="I can't help with that."))


@pytest.fixture(scope="module")
def files() -> list[tuple[str, bytes]]:
    """Give small pictures, no two of them alike."""
    return [(f"p{seed}.png", encode(photo(64, 48, seed), "PNG")) for seed in range(3)]


def broken() -> bytes:
    """Return a picture whose header is good."""
    return encode(photo(64, 48, 9), "PNG")[:-300]


def analysis(client: Client, session: dict[str, Any], path: str = "analysis") -> dict[str, Any]:
    answer = client.request("GET", f"{SESSIONS}/{session['sessionId']}/{path}")
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def edit(client: Client, session: dict[str, Any], changes: object) -> requests.Response:
    path = f"{SESSIONS}/{session['sessionId']}/images/img_001/metadata"
    return client.request("PATCH", path, json=changes)


@pytest.mark.parametrize("prefix", ["", "/image-forge-api"])
@pytest.mark.parametrize("by", ["body", "path"])
def test_an_analysis_is_told(
    seeing_server: RunningServer,
    eyes: Script,
    files: list[tuple[str, bytes]],
    prefix: str,
    by: str,
) -> None:
    """PO-2, PO-37 to PO-41, PO-43 to PO-45, PO-50, PO-51."""
    client = someone(seeing_server)
    session = upload(client, files)
    before = balance(client)
    path = "/v1/analyze" if by == "body" else f"{SESSIONS}/{session['sessionId']}/analyze"
    body = {"sessionId": session["sessionId"], "images": images(session)}
    opened = stream(client, f"{prefix}{path}", body)
    after = balance(client)
    heard = list(events(opened))
    begun, results = named(heard, "progress"), named(heard, "result")

    assert opened.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert opened.headers["Cache-Control"] == "no-cache"
    assert opened.headers["X-Accel-Buffering"] == "no"
    assert opened.headers["X-Pixmill-Run"] == heard[-1].data["runId"]
    assert (before - after, before - balance(client)) == (3, 3)
    assert [event.id for event in heard] == sorted(event.id for event in heard)
    assert {each["imageId"] for each in begun} == {"img_001", "img_002", "img_003"}
    assert sorted(each["current"] for each in begun) == [1, 2, 3]
    assert {(each["status"], each["total"]) for each in begun} == {("processing", 3)}
    assert {each["imageId"] for each in results} == {"img_001", "img_002", "img_003"}
    for result in results:
        assert set(result["metadata"]) == set(METADATA)
        assert {**result["metadata"], "filename": ""} == {**METADATA, "filename": ""}
        assert result["engine"] == MODEL
        assert "notice" not in result
        order = [event.name for event in heard if event.data.get("imageId") == result["imageId"]]
        assert order == ["progress", "result"]
    assert {result["metadata"]["filename"] for result in results} == {
        "red-kite-beach", "red-kite-beach-2", "red-kite-beach-3",
    }  # fmt: skip
    assert [event.name for event in heard].count("complete") == 1
    assert heard[-1].name == "complete"
    assert {name: heard[-1].data[name] for name in ("status", "processed", "total")} == {
        "status": "completed", "processed": 3, "total": 3,
    }  # fmt: skip
    assert len(eyes.asked) == 3


def test_the_first_result_does_not_wait_for_the_last(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-41: each image is told of when it is done."""
    client, turns = someone(seeing_server), Eyes(threading.Semaphore(0))
    eyes.says(turns.answer())
    session = upload(client, files[:2])
    heard = events(stream(client, "/v1/analyze", {"sessionId": session["sessionId"]}))
    turns.left.release()
    first = next(event for event in heard if event.name == "result")
    [still] = [each for each in analysis(client, session)["images"] if each["status"] == "uploaded"]
    turns.left.release()
    rest = list(heard)

    assert still["imageId"] != first.data["imageId"]
    assert [each["imageId"] for each in named(rest, "result")] == [still["imageId"]]


def test_words_are_told_while_they_are_found(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-37: a field grows, and ends as what the result says."""

    def slowly(handler: Any, asked: object) -> None:
        del asked
        handler.begin_stream()
        for at in range(0, len(GOOD), 11):
            handler.event(delta(content=GOOD[at : at + 11]))
            eyes.over.wait(0.06)
        handler.event(delta("stop"))
        handler.event("[DONE]")
        handler.chunk(b"")

    client = someone(seeing_server)
    eyes.says(slowly)
    heard = analyze(client, upload(client, files[:1]))
    partial = named(heard, "partial")

    assert partial
    for each in partial:
        assert METADATA[each["field"]].startswith(each["text"].rstrip())
        assert each["imageId"] == "img_001"
    assert named(heard, "result")[0]["metadata"] == METADATA


def test_an_image_that_fails_gets_its_credit_back(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-42, PO-50, PO-93: we are kinder than what is published."""
    client = someone(seeing_server)
    session = upload(client, [files[0], ("broken.png", broken()), files[1]])
    before = balance(client)
    heard = analyze(client, session)
    [error] = named(heard, "error")

    assert error["imageId"] == "img_002"
    assert (error["code"], error["creditRefunded"]) == ("unreadable_image", True)
    assert error["error"].endswith(".")
    assert heard[-1].data["status"] == "completed_with_errors"
    assert (heard[-1].data["processed"], heard[-1].data["total"]) == (2, 3)
    assert before - balance(client) == 2
    assert analysis(client, session)["images"][1]["status"] == "failed"
    assert analysis(client, session)["images"][1]["error"] == error["error"]
    assert len(eyes.asked) == 2


def test_nothing_is_told_without_credits(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-11, PO-45, PO-52: a plain answer before any event, and nothing is taken."""
    client = someone(seeing_server, "picture-optimizer-free")
    session = upload(client, files)
    post(client, "/v1/credits/check", {"action": "export", "imageCount": 23, "deduct": True})
    for path in ("/v1/analyze", "/v1/export"):
        answer = post(client, path, {"sessionId": session["sessionId"], "settings": {}})
        body = refused(answer, 402, "insufficient_credits")
        assert body["error"] == "Insufficient credits. You have 2 but need 3."
        assert answer.headers["Content-Type"] == "application/json"
    assert balance(client) == 2
    assert eyes.asked == []


def test_who_hangs_up_hears_the_rest_later(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-53: the run goes on, nothing is charged twice, and nothing is told twice or left out."""
    client, turns = someone(seeing_server), Eyes(threading.Semaphore(0))
    eyes.says(turns.answer())
    session = upload(client, files)
    before = balance(client)
    opened = stream(client, "/v1/analyze", {"sessionId": session["sessionId"]})
    heard = events(opened)
    turns.left.release()
    first: list[Event] = []
    for event in heard:
        first.append(event)
        if event.name == "result":
            break
    opened.raw.close()
    turns.left.release()
    until(lambda: len([each for each in analysis(client, session)["images"] if each["facts"]]) == 2)
    resumed = events(follow(client, session, after=first[-1].id))
    turns.left.release()
    rest = list(resumed)
    whole = list(events(follow(client, session)))

    assert first + rest == whole
    assert len(named(whole, "result")) == 3
    assert rest[-1].data["processed"] == 3
    assert before - balance(client) == 3
    assert len(eyes.asked) == 3
    over = follow(client, session, after=whole[-1].id)
    assert (over.status_code, over.content) == (204, b"")
    query = client.request(
        "GET", f"{SESSIONS}/{session['sessionId']}/events?last_event_id={whole[-2].id}"
    )
    assert query.text.count("event: ") == 1


def test_a_session_is_followed_through_all_its_runs(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-53, PO-65: and one of them alone."""
    del eyes
    client = someone(seeing_server)
    session = upload(client, files[:1])
    assert follow(client, session).status_code == 204  # there is nothing to tell
    told = analyze(client, session)
    more = export(client, session)
    other = upload(client, files[:1])

    assert list(events(follow(client, session))) == told + more
    run = more[-1].data["runId"]
    assert list(events(follow(client, session, runId=run))) == more
    refused(follow(client, other, runId=run), 404, "not_found")
    refused(follow(client, other, runId="é"), 404, "not_found")


def test_one_image_is_answered_at_once(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-46, PO-55."""
    client = someone(seeing_server)
    session = upload(client, files)
    path = f"{SESSIONS}/{session['sessionId']}/analyze-single"
    before = balance(client)
    for body in ({"image": images(session)[1]}, images(session)[1]):
        answer = post(client, path, body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["imageId"] == "img_002"
        assert answer.json()["metadata"] == METADATA
        assert answer.headers["Content-Type"] == "application/json"
    assert before - balance(client) == 2
    assert len(eyes.asked) == 2
    refused(post(client, path, {"sessionId": "sess_x", "id": "img_001"}), 400, "invalid_request")
    refused(post(client, path, {}), 400, "invalid_parameter")


def test_one_image_that_fails_is_an_error(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-46, PO-93."""
    client = someone(seeing_server)
    session = upload(client, [files[0], ("broken.png", broken())])
    path = f"{SESSIONS}/{session['sessionId']}/analyze-single"
    before = balance(client)
    eyes.says(REFUSAL)

    failed = refused(post(client, path, images(session)[0]), 502, "vision_failed")
    unread = refused(post(client, path, images(session)[1]), 422, "unreadable_image")
    assert failed["creditRefunded"] is unread["creditRefunded"] is True
    assert balance(client) == before


def test_a_model_that_cannot_be_asked(own_server: OwnServer, jpeg: bytes) -> None:
    """PO-42, PO-93: it is said, the credit comes back, and nothing is made up."""
    env = {"PIXMILL_VISION_URL": "http://127.0.0.1:9/v1", "PIXMILL_VISION_MODEL": MODEL}
    client = someone(own_server(PIXMILL_VISION_TIMEOUT="1", **env))
    session = upload(client, [("a.jpg", jpeg)])
    before = balance(client)
    path = f"{SESSIONS}/{session['sessionId']}/analyze-single"
    answer = post(client, path, images(session)[0])
    [error] = named(analyze(client, session), "error")

    refused(answer, 503, "vision_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert (error["code"], error["creditRefunded"]) == ("vision_unavailable", True)
    assert balance(client) == before
    assert analysis(client, session)["images"][0]["metadata"] is None


def test_without_a_model_nothing_is_made_up(server: RunningServer) -> None:
    """PO-56: what is in the file is told, it says so, and it costs nothing."""
    client = someone(server)
    data = encode(photo(300, 200), "JPEG", exif=exif(gps=True))
    session = upload(client, [("Red Kite (2).jpg", data)])
    before = balance(client)
    heard = analyze(client, session)
    [result] = named(heard, "result")
    kept = analysis(client, session)["images"][0]

    assert result["engine"] == kept["engine"] == "local"
    assert "No vision model is configured" in result["notice"]
    assert "nothing was charged" in kept["notice"]
    assert result["metadata"] == {
        "title": None, "alt": None, "caption": None, "description": None,
        "filename": "red-kite-2", "seoTags": [],
    }  # fmt: skip
    facts = result["facts"]
    assert (facts["width"], facts["height"], facts["size"]) == (300, 200, len(data))
    assert facts["hasLocation"] is True
    assert "52" not in json.dumps(facts["camera"])
    assert all(color["hex"].startswith("#") for color in facts["colors"])
    assert kept["status"] == "analyzed"
    assert balance(client) == before
    assert heard[-1].data["status"] == "completed"


def test_what_was_found_can_be_reviewed_and_corrected(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-47, PO-48, PO-54."""
    del eyes
    client = someone(seeing_server)
    session = upload(client, files[:1])
    [before] = analysis(client, session)["images"]
    analyze(client, session)
    credits_left = balance(client)
    review = analysis(client, session)
    [found] = review["images"]
    changed = edit(client, session, {"alt": "A kite.", "seoTags": ["kite"], "caption": None})
    [after] = analysis(client, session, "results")["images"]

    assert (before["status"], before["metadata"]) == ("uploaded", None)
    assert review["sessionId"] == session["sessionId"]
    assert (found["imageId"], found["status"], found["error"]) == ("img_001", "analyzed", None)
    assert found["metadata"] == METADATA
    assert changed.status_code == 200
    assert changed.json() == after
    assert (after["status"], after["engine"]) == ("edited", "person")
    assert after["metadata"] == METADATA | {"alt": "A kite.", "seoTags": ["kite"], "caption": None}
    assert after["facts"] == found["facts"]
    assert balance(client) == credits_left


@pytest.mark.parametrize(
    "changes",
    [
        {"alt": "x" * 126},
        {"title": "x" * 1001},
        {"description": "x" * 5001},
        {"description": "x" * 1_000_000},
        {"caption": 7},
        {"seoTags": "kite"},
        {"seoTags": [1]},
        {"seoTags": ["x"] * 201},
        {"seoTags": ["x" * 5001]},
        {"filename": "///"},
        {"filename": ["a"]},
        {"gps": "52 N"},
        {"metadata": []},
    ],
    ids=lambda changes: repr(changes)[:30],
)
def test_words_that_cannot_be_are_refused(
    server: RunningServer, files: list[tuple[str, bytes]], changes: object
) -> None:
    """PO-54, PO-57: the answer names the field and its limit, and nothing changes."""
    client = someone(server)
    session = upload(client, files[:1])
    body = refused(edit(client, session, changes), 400, "invalid_parameter")

    assert '"' in body["error"]
    assert analysis(client, session)["images"][0]["metadata"] is None


def test_hostile_words_are_cleaned(server: RunningServer, files: list[tuple[str, bytes]]) -> None:
    """PO-57."""
    client = someone(server)
    session = upload(client, files[:1])
    words = {
        "alt": "a\x00b\x1b[31m\u202ec\ud800 d\n",
        "title": "<script>alert(1)</script>",
        "filename": "../../Ünder  the/Bridge.JPG",
        "seoTags": ["kite", "kite", "\x07", " sea "],
        "caption": " ",
    }
    path = f"{SESSIONS}/{session['sessionId']}/images/img_001/metadata"
    answer = client.request(
        "PATCH",
        path,
        data=json.dumps({"metadata": words}),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 200, answer.text
    assert answer.json()["metadata"] == {
        "title": "<script>alert(1)</script>", "alt": "ab[31mc d", "caption": None,
        "description": None, "filename": "under-the-bridge", "seoTags": ["kite", "sea"],
    }  # fmt: skip
    long = edit(client, session, {"filename": "a" * 500}).json()["metadata"]["filename"]
    assert long == "a" * 80


def test_paths_of_clients_are_not_believed(
    server: RunningServer, files: list[tuple[str, bytes]]
) -> None:
    """PO-25, PO-30."""
    client = someone(server)
    session, other = (upload(client, files[:2]) for _ in range(2))
    image, second = images(session)
    before = balance(client)
    for path in (
        "/etc/passwd",
        "../../../../etc/passwd",
        image["uploadPath"] + "/../x",
        images(other)[0]["uploadPath"],
        second["uploadPath"],
        "",
        7,
    ):
        about = {"sessionId": session["sessionId"], "images": [{**image, "uploadPath": path}]}
        for call in ("analyze", "export"):
            answer = post(client, f"/v1/{call}", {**about, "settings": {}})
            refused(answer, 400, "invalid_parameter")
    assert balance(client) == before


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"images": []}, "invalid_parameter"),
        ({"images": {"id": "img_001"}}, "invalid_parameter"),
        ({"images": [{}]}, "invalid_parameter"),
        ({"images": [None]}, "invalid_parameter"),
        ({"images": [{"id": "img_009"}]}, "image_not_found"),
        ({"images": [{"id": "img_001\x00"}]}, "image_not_found"),
        ({"images": [{"id": "img_001"}] * 101}, "too_many_images"),
        ({"images": [{"id": "img_001"}], "language": "en; drop"}, "invalid_parameter"),
        ({"images": [{"id": "img_001"}], "houseStyle": "x" * 4001}, "invalid_parameter"),
        ({"images": [{"id": "img_001"}], "webhookUrl": "file:///etc"}, "invalid_url"),
        ({"images": [{"id": "img_001"}], "webhookUrl": "http://127.0.0.1/"}, "invalid_url"),
    ],
    ids=repr,
)
def test_bodies_that_make_no_sense(
    server: RunningServer, files: list[tuple[str, bytes]], body: dict[str, Any], code: str
) -> None:
    """PO-15, PO-16, PO-39."""
    client = someone(server)
    session = upload(client, files[:1])
    about = {"sessionId": session["sessionId"]} if body else {}
    answer = post(client, "/v1/analyze", {**about, **body})

    refused(answer, 400, code)


def test_how_to_describe_can_be_said(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-39: language and house style are ours."""
    client = someone(seeing_server)
    analyze(client, upload(client, files[:1]), language="pt-BR", houseStyle="Never say kite.\x00")
    asked = json.dumps(eyes.asked[0].body, ensure_ascii=False)

    assert "Never say kite." in asked
    assert "pt-BR" in asked or "Portuguese" in asked


def test_an_image_is_described_anew(
    seeing_server: RunningServer, eyes: Script, files: list[tuple[str, bytes]]
) -> None:
    """PO-45, PO-95: whoever asks again pays again; a failure leaves what was known."""
    client = someone(seeing_server)
    session = upload(client, files[:1])
    before = balance(client)
    analyze(client, session)
    eyes.says(streaming(), streaming(json.dumps(WORDS | {"alt": "Another."})), REFUSAL)
    analyze(client, session)
    [error] = named(analyze(client, session), "error")
    [kept] = analysis(client, session)["images"]

    assert error["code"] == "vision_failed"
    assert kept["metadata"]["alt"] == "Another."
    assert kept["status"] == "analyzed"
    assert before - balance(client) == 2


def test_without_a_list_all_images_are_meant(
    server: RunningServer, files: list[tuple[str, bytes]]
) -> None:
    """PO-49, PO-74."""
    client = someone(server)
    session = upload(client, files)
    wanted = {"img_001", "img_002", "img_003"}
    for path, body, name in (
        ("/v1/analyze", {}, "result"),
        ("/v1/export", {"settings": {}}, "progress"),
    ):
        order = {"sessionId": session["sessionId"], **body}
        heard = list(events(stream(client, path, order)))

        assert {each["imageId"] for each in named(heard, name)} == wanted
        assert heard[-1].data["processed"] == heard[-1].data["total"] == 3
