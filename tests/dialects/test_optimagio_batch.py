"""Chunks of Optimagio: what is accepted of them, what is refused, and what comes of it."""

import threading
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import update

from dialects.optimagio import (
    BATCHES,
    NINE,
    accepted,
    batch,
    change,
    check,
    close,
    finished,
    fresh,
    job,
    keyed,
    optimize,
    send,
    slow,
    someone,
    until,
)
from pixmill import clock
from pixmill.stores.batches import batches

from fixtures.origins import Origin
from fixtures.pictures import decoded, encode, photo
from fixtures.servers import Client, RunningServer

MIB = 1024 * 1024

#: Images of a month of the plan that `someone` has.
MONTH = 50_000

TEXT = b"This is a text, whatever its name says."

CHUNK = [
    "batch_id", "client_batch_id", "chunk_id", "status", "accepted", "rejected", "total_files",
    "accepted_files", "rejected_files", "links",
]  # fmt: skip


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Give small pictures, no two of them alike."""
    return [encode(photo(48, 36, seed), "PNG") for seed in range(3)]


def post(client: Client, **body: Any) -> requests.Response:
    return client.request("POST", BATCHES, headers=keyed(), **body)


def grown(server: RunningServer, id_: str, **values: object) -> None:
    """Have a batch be as if it had grown to *values*."""
    change(server, update(batches).where(batches.c.id == id_).values(values))


def test_a_batch_of_two_chunks(either_server: RunningServer, pictures: list[bytes]) -> None:
    """OG-43, OG-45, OG-49, OG-63, OG-66, OG-67, OG-68: from the first file to the last result."""
    client, name = someone(either_server), fresh()
    first = accepted(
        send(client, [("a.png", pictures[0]), ("b.txt", TEXT), ("c.png", pictures[1])], batch=name)
    )
    second = accepted(send(client, [("a.png", pictures[2])], batch=name, final="true"))
    told = finished(client, name)

    assert list(first) == CHUNK
    assert (first["client_batch_id"], first["status"]) == (name, "processing")
    assert (first["accepted"], first["rejected"], first["total_files"]) == (2, 1, 3)
    assert [(each["filename"], each["index"]) for each in first["accepted_files"]] == [
        ("a.png", 0),
        ("c.png", 2),
    ]
    for each, picture in zip(first["accepted_files"], pictures, strict=False):
        assert (each["status"], each["original_size"]) == ("queued", len(picture))
        assert each["item_id"] == each["job_id"]
    [rejected] = first["rejected_files"]
    assert {name: rejected[name] for name in ("filename", "index", "code")} == {
        "filename": "b.txt", "index": 1, "code": "decode_failed",
    }  # fmt: skip
    assert rejected["error"].endswith(".")
    assert second["batch_id"] == first["batch_id"]
    assert second["chunk_id"] != first["chunk_id"]
    assert (second["accepted"], second["total_files"]) == (1, 1)

    assert told["batch_id"] == first["batch_id"]
    assert [told[name] for name in ("status", "total", "completed", "rejected")] == [
        "completed", 3, 3, 1,
    ]  # fmt: skip
    assert [told[name] for name in ("queued", "processing", "failed")] == [0, 0, 0]
    assert [item["item_id"] for item in told["items"]] == [
        each["item_id"] for each in (*first["accepted_files"], *second["accepted_files"])
    ]
    for item, picture in zip(told["items"], pictures, strict=True):
        file = requests.get(item["optimized_url"], timeout=10).content

        assert list(item)[:3] == ["item_id", "filename", "status"]
        assert set(NINE) < set(item)
        assert (item["status"], item["error"]) == ("completed", None)
        assert (item["original_size"], item["optimized_size"]) == (len(picture), len(file))
        assert decoded(file).size == (48, 36)
        assert job(client, item["item_id"])["result"]["optimized_size"] == len(file)
    assert client.request("GET", first["links"]["status"][len(client.base_url) :]).json() == told


@pytest.mark.parametrize("field", ["files", "files[]", "image", "images", "images[]", "file"])
def test_the_files_may_be_called_so(
    idle_server: RunningServer, pictures: list[bytes], field: str
) -> None:
    """OG-53."""
    answer = send(someone(idle_server), [("a.png", pictures[0]), ("b.png", TEXT)], field=field)
    body = accepted(answer)

    assert [each["filename"] for each in body["accepted_files"]] == ["a.png"]
    assert [each["filename"] for each in body["rejected_files"]] == ["b.png"]


def test_options_are_those_of_the_chunk(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-65: whether they come before or after the files; the next chunk may have others."""
    client, name = someone(fetching_server), fresh()
    files = [("files", ("a.png", pictures[0])), ("files", ("b.png", pictures[1]))]
    fields: dict[str, Any] = {
        "client_batch_id": (None, name),
        "format": (None, "webp"),
        "compression": (None, "max"),
        "width": (None, "24"),
        "storage_commit": (None, "true"),
        "target": (None, "50"),
    }
    accepted(post(client, files=[*fields.items(), *files]))
    accepted(post(client, files=[files[0], ("client_batch_id", (None, name))]))
    *webp, plain = finished(client, name)["items"]

    assert [(item["format"], item["width"], item["expires_at"]) for item in webp] == [
        ("webp", 24, None),
        ("webp", 24, None),
    ]
    assert (plain["format"], plain["width"]) == ("png", 48)
    assert plain["expires_at"]


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        ("json", "urls"), ("json", "files"), ("data", "urls"), ("data", "urls[]"),
        ("data", "files"), ("files", "urls"), ("files", "urls[]"),
    ],
)  # fmt: skip
def test_a_chunk_may_be_of_urls(
    fetching_server: RunningServer, origin: Origin, pictures: list[bytes], kind: str, field: str
) -> None:
    """OG-30, OG-43, OG-52, OG-65: a list, however a body has such."""
    client, name = someone(fetching_server), fresh()
    urls = [origin.picture(data, name=f"{i} ü.png") for i, data in enumerate(pictures[:2])]
    urls.append("http://10.0.0.1/photo.png")
    body: Any = {field: urls, "format": "webp", "client_batch_id": name, "final": True}
    if kind != "json":
        body = [*((field, url) for url in urls), ("format", "webp")]
        body += [("client_batch_id", name), ("final", "1"), ("urls", "")]
    if kind == "files":
        body = [(name, (None, value)) for name, value in body]
    chunk = accepted(post(client, **{kind: body}))
    told = finished(client, name)

    assert [each["url"] for each in chunk["accepted_files"]] == urls[:2]
    assert [each["filename"] for each in chunk["accepted_files"]] == ["0 ü.png", "1 ü.png"]
    assert [each["original_size"] for each in chunk["accepted_files"]] == [None, None]
    [rejected] = chunk["rejected_files"]
    assert (rejected["url"], rejected["index"]) == (urls[2], 2)
    assert rejected["code"] == "invalid_url"
    assert told["status"] == "completed"
    assert [item["url"] for item in told["items"]] == urls[:2]
    assert [item["original_size"] for item in told["items"]] == list(map(len, pictures[:2]))
    assert {item["format"] for item in told["items"]} == {"webp"}


def test_urls_may_have_names_and_stand_beside_files(
    either_server: RunningServer, origin: Origin, pictures: list[bytes]
) -> None:
    """OG-43, OG-63: also names that no database takes as they are."""
    client, name = someone(either_server), fresh()
    entries = [
        {"url": origin.picture(pictures[0]), "filename": "ber\0lin\ud800.png"},
        {"url": origin.failing(), "filename": "gone.png"},
    ]
    accepted(post(client, json={"client_batch_id": name, "files": entries}))
    accepted(send(client, [("a\0.png", pictures[1])], batch=name, urls=origin.page()))
    items = finished(client, name)["items"]

    assert [item["filename"] for item in items] == ["berlin?.png", "gone.png", "a.png", "photo.jpg"]
    assert [item["error"] and item["error"]["code"] for item in items] == [
        None, "fetch_failed", None, "decode_failed",
    ]  # fmt: skip


def test_what_fails_does_not_stop_the_others(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-49, OG-67, OG-68: a file whose end is missing looks well from its start."""
    client, name = someone(fetching_server), fresh()
    files = [("half.png", pictures[0][:-200]), ("whole.png", pictures[1])]
    accepted(send(client, files, batch=name, final="true"))
    told = finished(client, name)
    half, whole = told["items"]

    assert told["status"] == "completed_with_errors"
    assert (told["completed"], told["failed"], told["rejected"]) == (1, 1, 0)
    assert (half["status"], half["error"]["code"]) == ("failed", "decode_failed")
    assert half["original_size"] == len(files[0][1])
    assert {half[name] for name in NINE if name != "original_size"} == {None}
    assert whole["status"] == "completed"


def test_at_most_fifty_files_are_a_chunk(
    idle_server: RunningServer, pictures: list[bytes], origin: Origin
) -> None:
    """OG-44, OG-61: of one more, nothing is accepted; URLs count as files."""
    client, name = someone(idle_server), fresh()
    many = [(f"{number}.png", pictures[number % 3]) for number in range(51)]
    url = origin.picture(pictures[0])
    full = accepted(send(client, many[:50], batch=fresh()))

    assert (full["accepted"], full["rejected"]) == (50, 0)
    check(send(client, many, batch=name), 400, "too_many_files")
    check(send(client, many[:50], batch=name, urls=url), 400, "too_many_files")
    listed = post(client, json={"client_batch_id": name, "urls": [url] * 51})
    check(listed, 400, "too_many_files")
    check(client.request("GET", f"{BATCHES}/{name}"), 404, "batch_not_found")


def test_a_chunk_of_which_nothing_is_accepted_changes_nothing(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-64: and may be sent again, mended, with its key."""
    client, name, key = someone(either_server), fresh(), fresh()
    files = [("a.txt", TEXT), ("b.png", b"")]
    answer = send(client, files, batch=name, idempotency_key=key, final="true")
    body = check(answer, 422, "all_files_rejected")

    assert (body["accepted"], body["rejected"], body["total_files"]) == (0, 2, 2)
    assert [each["code"] for each in body["rejected_files"]] == ["decode_failed"] * 2
    assert (body["batch_id"], body["links"]) == (None, None)
    check(client.request("GET", f"{BATCHES}/{name}"), 404, "batch_not_found")
    begun = accepted(send(client, [("a.png", pictures[0])], batch=name, idempotency_key=key))
    again = check(send(client, files, batch=name, final="true"), 422, "all_files_rejected")
    told = batch(client, name)

    assert again["batch_id"] == begun["batch_id"]
    assert told["rejected"] == 0
    assert accepted(send(client, [("a.png", pictures[0])], batch=name))["accepted"] == 1


def test_files_that_are_too_large_are_refused_alone(
    idle_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-49, OG-89."""
    client = someone(idle_server, "optimagio-free")
    files = [("a.png", pictures[0]), ("b.png", pictures[1].ljust(25 * MIB + 1, b"\0"))]
    body = accepted(send(client, files))

    assert [each["filename"] for each in body["accepted_files"]] == ["a.png"]
    assert [each["code"] for each in body["rejected_files"]] == ["file_too_large"]


def test_files_beyond_the_month_are_refused_alone(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-49, OG-81, OG-86: of five files with three left, two; what fails is given back."""
    client, name = someone(either_server), fresh()
    either_server.spend(client.key, MONTH - 3)
    names = ["0.png", "1.png", "2.png", "3.png", "4.png"]
    data = [pictures[0][:-200], *pictures[:2], *pictures[:2]]
    body = accepted(send(client, list(zip(names, data, strict=True)), batch=name, quality=60))

    assert [each["filename"] for each in body["accepted_files"]] == names[:3]
    assert [(each["filename"], each["code"]) for each in body["rejected_files"]] == [
        ("3.png", "quota_exceeded"),
        ("4.png", "quota_exceeded"),
    ]
    told = finished(client, name)
    assert (told["completed"], told["failed"], told["rejected"]) == (2, 1, 2)
    last = accepted(send(client, [("4.png", pictures[2]), ("5.png", pictures[2])], quality=61))
    assert (last["accepted"], last["rejected"]) == (1, 1)
    finished(client, last["batch_id"])
    refused = send(client, [("4.png", pictures[2])], batch=name, quality=62)
    assert check(refused, 429, "quota_exceeded")["used"] == MONTH
    listed = post(client, json={"client_batch_id": name, "urls": ["http://127.0.0.1/a.png"]})
    check(listed, 429, "quota_exceeded")
    accepted(send(client, batch=name, final="true"))
    assert batch(client, name)["status"] == "completed_with_errors"


def test_repeats_are_free(fetching_server: RunningServer, pictures: list[bytes]) -> None:
    """OG-24, OG-25: of what was done at once, or in an earlier chunk."""
    client, name = someone(fetching_server), fresh()
    fetching_server.spend(client.key, MONTH - 4)
    optimize(client, pictures[0], quality=60)
    accepted(send(client, [("a.png", pictures[0]), ("b.png", pictures[1])], batch=name, quality=60))
    finished(client, name)
    accepted(send(client, [("c.png", pictures[1])], batch=name, quality=60))
    items = finished(client, name)["items"]

    assert [item["cached"] for item in items] == [True, False, True]
    assert optimize(client, pictures[2], quality=60).status_code == 200
    assert optimize(client, pictures[2], quality=61).status_code == 200
    check(optimize(client, pictures[2], quality=62), 429, "quota_exceeded")


def test_a_batch_has_at_most_fifty_thousand_files(
    idle_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-50, OG-62: one file too many is refused alone, a chunk too many altogether."""
    client, name, key = someone(idle_server), fresh(), fresh()
    begun = accepted(send(client, [("a.png", pictures[0])], batch=name))
    grown(idle_server, begun["batch_id"], accepted=49_999)
    files = [("b.png", pictures[1]), ("c.png", pictures[2])]
    last = accepted(send(client, files, batch=name))

    assert [each["filename"] for each in last["accepted_files"]] == ["b.png"]
    assert [(each["filename"], each["code"]) for each in last["rejected_files"]] == [
        ("c.png", "batch_full")
    ]
    check(send(client, files, batch=name, idempotency_key=key), 409, "batch_full")
    assert batch(client, name)["total"] == 50_000
    assert send(client, files, idempotency_key=key).status_code == 202


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"batch": ""}, 400, "missing_client_batch_id"),
        ({"batch": "two words"}, 400, "invalid_parameter"),
        ({"batch": "x" * 129}, 400, "invalid_parameter"),
        ({"idempotency_key": ""}, 400, "missing_idempotency_key"),
        ({"idempotency_key": "two words"}, 400, "invalid_idempotency_key"),
        ({"format": "heic"}, 400, "invalid_format"),
        ({"compression": "ultra"}, 400, "invalid_compression"),
        ({"width": "8001"}, 400, "invalid_dimensions"),
        ({"final": "perhaps"}, 400, "invalid_parameter"),
        ({"webhook_url": "http://10.0.0.1/"}, 400, "invalid_url"),
    ],
)
def test_what_is_wrong_with_a_chunk_is_named(
    idle_server: RunningServer,
    pictures: list[bytes],
    fields: dict[str, Any],
    status: int,
    code: str,
) -> None:
    """OG-54, OG-55, OG-65, OG-87, OG-88."""
    check(send(someone(idle_server), [("a.png", pictures[0])], **fields), status, code)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"json": {"client_batch_id": "a"}}, 400, "missing_input"),
        ({"json": {"client_batch_id": "a", "urls": []}}, 400, "missing_input"),
        ({"json": {"client_batch_id": "a", "final": True}}, 400, "missing_input"),
        ({"json": {"client_batch_id": "a", "urls": {"a": 1}}}, 400, "invalid_parameter"),
        ({"json": {"client_batch_id": "a", "urls": [["a"]]}}, 400, "invalid_parameter"),
        ({"json": {"client_batch_id": "a", "files": [{"name": "a"}]}}, 400, "invalid_parameter"),
        ({"json": ["a"]}, 400, "invalid_request"),
        ({"files": {"client_batch_id": (None, "a")}}, 400, "missing_input"),
        ({"data": b"\x89PNG"}, 415, "unsupported_media_type"),
    ],
)
def test_a_chunk_must_bring_something(
    idle_server: RunningServer, body: dict[str, Any], status: int, code: str
) -> None:
    """OG-33, OG-88."""
    check(post(someone(idle_server), **body), status, code)


def test_names_may_have_128_characters_of_these(
    idle_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-54: and the batch can be asked about by its name."""
    client, name = someone(idle_server), f"Ab9._:-{'x' * 121}"
    accepted(send(client, [("a.png", pictures[0])], batch=name))

    assert batch(client, name)["client_batch_id"] == name


def test_a_batch_is_closed_by_a_call(either_server: RunningServer, pictures: list[bytes]) -> None:
    """OG-66, OG-67: then nothing is added; twice is once."""
    client, name = someone(either_server), fresh()
    accepted(send(client, [("a.png", pictures[0])], batch=name))
    opened_ = finished(client, name)
    closed = close(client, name)

    assert (opened_["status"], opened_["completed_at"]) == ("open", None)
    assert (closed["status"], closed["total"]) == ("completed", 1)
    assert close(client, closed["batch_id"]) == closed
    check(send(client, [("b.png", pictures[1])], batch=name), 409, "batch_closed")
    nobody = client.request("POST", f"{BATCHES}/{fresh()}/complete")
    check(nobody, 404, "batch_not_found")


def test_a_chunk_without_files_may_close_a_batch(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-66: that there was no more to come may be known too late."""
    client, name, key = someone(either_server), fresh(), fresh()
    begun = accepted(send(client, [("a.png", pictures[0])], batch=name))
    finished(client, name)
    last = send(client, batch=name, idempotency_key=key, final="true")
    again = send(client, batch=name, idempotency_key=key, final="true")
    body = accepted(last)

    assert (body["accepted"], body["total_files"], body["chunk_id"]) == (0, 0, None)
    assert (body["batch_id"], body["status"]) == (begun["batch_id"], "completed")
    assert again.content == last.content
    completed_at = batch(client, name)["completed_at"]
    assert completed_at
    accepted(send(client, batch=name, final="true"))
    assert batch(client, name)["completed_at"] == completed_at


def test_a_batch_to_which_nothing_is_added_is_complete(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-66: after 15 minutes; it goes on when something comes after all."""
    client, name = someone(fetching_server), fresh()
    id_ = accepted(send(client, [("a.png", pictures[0])], batch=name))["batch_id"]
    told = finished(client, name)
    grown(fetching_server, id_, touched_at=clock.now() - timedelta(minutes=15))

    assert told["status"] == "open"
    assert batch(client, name)["status"] == "completed"
    accepted(send(client, [("b.png", pictures[1])], batch=name))
    assert finished(client, name)["status"] == "open"


def test_items_come_in_pages(idle_server: RunningServer, pictures: list[bytes]) -> None:
    """OG-67: with a cursor or an offset, and only those in one state."""
    client, name = someone(idle_server), fresh()
    files = [(f"{number}.png", pictures[0]) for number in range(5)]
    ids = [each["item_id"] for each in accepted(send(client, files, batch=name))["accepted_files"]]
    client.request("DELETE", f"/api/v1/jobs/{ids[2]}")

    def page(**query: object) -> tuple[list[str], str | None]:
        body = batch(client, name, **query)
        return [item["filename"][0] for item in body["items"]], body["next_cursor"]

    assert page() == (["0", "1", "2", "3", "4"], None)
    assert page(limit=2) == (["0", "1"], "2")
    assert page(limit=2, cursor="2") == (["2", "3"], "4")
    assert page(limit=2, cursor="4") == (["4"], None)
    assert page(limit=5) == (["0", "1", "2", "3", "4"], None)
    assert page(offset=3) == (["3", "4"], None)
    assert page(status="queued", limit=2) == (["0", "1"], "3")
    assert page(status="queued", limit=2, cursor="3") == (["3", "4"], None)
    assert page(status="cancelled") == (["2"], None)
    assert page(status="completed") == ([], None)
    told = batch(client, name)
    assert [told[name] for name in ("total", "queued", "failed")] == [5, 4, 1]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"cursor": "x"}, {"offset": -1}, {"status": "done"}]
)
def test_a_page_that_cannot_be_is_named(
    idle_server: RunningServer, pictures: list[bytes], query: dict[str, object]
) -> None:
    """OG-67."""
    client, name = someone(idle_server), fresh()
    accepted(send(client, [("a.png", pictures[0])], batch=name))
    answer = client.request("GET", f"{BATCHES}/{name}", params=query)
    body = check(answer, 400, "invalid_parameter")

    assert f'"{next(iter(query))}"' in body["error"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("POST", "/complete"), ("GET", "/events"), ("GET", "/zip"), ("GET", "/download")],
)
def test_nobody_hears_of_the_batches_of_others(
    either_server: RunningServer, pictures: list[bytes], method: str, path: str
) -> None:
    """OG-72: by its id or by its name, which others may use for batches of their own."""
    client, other, name = someone(either_server), someone(either_server), fresh()
    id_ = accepted(send(client, [("a.png", pictures[0])], batch=name))["batch_id"]
    for each in (id_, name, fresh()):
        answer = other.request(method, f"{BATCHES}/{each}{path}")
        check(answer, 404, "batch_not_found")
    own = accepted(send(other, [("a.png", pictures[0])], batch=name))["batch_id"]

    assert own != id_


def test_one_sees_what_is_being_worked_on(
    either_server: RunningServer, origin: Origin, pictures: list[bytes], gate: threading.Event
) -> None:
    """OG-67."""
    client, name = someone(either_server), fresh()
    urls = [slow(origin, picture, gate) for picture in pictures[:2]]
    accepted(post(client, json={"client_batch_id": name, "urls": urls, "final": True}))
    until(lambda: batch(client, name)["processing"] == 2)
    told = batch(client, name)

    assert (told["status"], told["queued"], told["completed_at"]) == ("processing", 0, None)
    assert {item["status"] for item in told["items"]} == {"processing"}
    gate.set()
    assert finished(client, name)["status"] == "completed"


def test_asking_about_batches_is_limited_apart(
    idle_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-80, OG-84: status, events and ZIP together have half of the requests of a minute."""
    client, name = someone(idle_server, "optimagio-free"), fresh()
    chunk = send(client, [("a.png", pictures[0])], batch=name)
    paths = ["", "/events", "/zip", "/download"] * 8
    answers = [client.request("GET", f"{BATCHES}/{name}{path}", stream=True) for path in paths[:31]]
    for answer in answers:
        answer.close()

    assert chunk.headers["X-RateLimit-Limit"] == "60"
    assert [answer.status_code for answer in answers] == [*([200, 200, 409, 409] * 8)[:30], 429]
    assert answers[0].headers["X-RateLimit-Limit"] == "30"
