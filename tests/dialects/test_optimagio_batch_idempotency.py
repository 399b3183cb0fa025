"""The Idempotency-Key of Optimagio's chunks: whatever is sent twice is done once."""

import socket
import sqlite3
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from urllib3 import encode_multipart_formdata
from urllib3.fields import RequestField

from dialects.optimagio import (
    BATCHES,
    accepted,
    batch,
    check,
    finished,
    fresh,
    keyed,
    optimize,
    send,
    someone,
    until,
)

from fixtures.pictures import encode, photo
from fixtures.servers import Client, OwnServer, RunningServer

#: Images of a month of the plan that `someone` has.
MONTH = 50_000


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Give small pictures, no two of them alike."""
    return [encode(photo(48, 36, seed), "PNG") for seed in range(3)]


def raw(
    client: Client,
    parts: Sequence[tuple[str, str | tuple[str, bytes]]],
    key: str,
    *,
    boundary: str = "----one",
    headers: Mapping[str, str] | None = None,
) -> requests.Response:
    """Send a chunk, put together as one says; *headers* are those of each of its files."""
    fields = []
    for name, value in parts:
        filename, data = value if isinstance(value, tuple) else (None, value)
        field = RequestField(name, data, filename, dict(headers or {}) if filename else {})
        field.make_multipart(content_type="image/png" if filename else None)
        fields.append(field)
    body, content_type = encode_multipart_formdata(fields, boundary)
    return client.request(
        "POST", BATCHES, data=body, headers={"Content-Type": content_type, "Idempotency-Key": key}
    )


def test_a_chunk_that_is_sent_again_is_answered_as_before(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-46, OG-48, OG-58: nothing is processed or charged twice, also when the month is over."""
    client, name, key = someone(either_server), fresh(), fresh()
    either_server.spend(client.key, MONTH - 2)
    files = [("a.png", pictures[0]), ("b.txt", b"text"), ("c.png", pictures[1])]
    first = send(client, files, batch=name, idempotency_key=key)
    again = send(client, files, batch=name, idempotency_key=key)
    told = finished(client, name)
    later = send(client, files, batch=name, idempotency_key=key)

    accepted(first)
    assert "Idempotent-Replayed" not in first.headers
    for answer in (again, later):
        assert (answer.status_code, answer.content) == (202, first.content)
        assert answer.headers["Idempotent-Replayed"] == "true"
        assert answer.headers["Content-Type"] == "application/json"
    assert (told["total"], told["completed"], told["rejected"]) == (2, 2, 1)
    assert batch(client, name)["total"] == 2
    check(optimize(client, pictures[2]), 429, "quota_exceeded")


@pytest.mark.parametrize("change", ["bytes", "name", "order", "one less", "option", "batch"])
def test_another_chunk_with_the_same_key_is_refused(
    idle_server: RunningServer, pictures: list[bytes], change: str
) -> None:
    """OG-47, OG-57: whatever it is that has changed; and the first one stays as it is."""
    client, name, key = someone(idle_server), fresh(), fresh()
    files = [("a.png", pictures[0]), ("b.png", pictures[1])]
    fields: dict[str, Any] = {"batch": name, "format": "webp"}
    first = send(client, files, idempotency_key=key, **fields)
    others: dict[str, Any] = {
        "bytes": ([*files[:1], ("b.png", pictures[2])], fields),
        "name": ([*files[:1], ("c.png", pictures[1])], fields),
        "order": (files[::-1], fields),
        "one less": (files[:1], fields),
        "option": (files, fields | {"format": "avif"}),
        "batch": (files, fields | {"batch": fresh()}),
    }
    changed, said = others[change]
    body = check(send(client, changed, idempotency_key=key, **said), 409, "idempotency_conflict")

    assert set(body) == {"error", "code", "details", "request_id"}
    assert send(client, files, idempotency_key=key, **fields).content == first.content
    assert batch(client, name)["total"] == 2


def test_how_a_body_is_put_together_does_not_matter(
    idle_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-59: neither the boundary, nor headers of parts, nor where the fields stand."""
    client, name, key = someone(idle_server), fresh(), fresh()
    files: list[Any] = [("files", ("a.png", pictures[0])), ("files", ("b.png", pictures[1]))]
    fields: list[Any] = [("client_batch_id", name), ("format", "webp"), ("width", "20")]
    first = raw(client, files + fields, key)
    answers = [
        raw(client, files + fields, key, boundary="another"),
        raw(client, fields + files, key),
        raw(client, [fields[2], *files, *fields[:2]], key),
        raw(client, files + fields, key, headers={"X-Of-No-Meaning": "1", "Content-ID": "<a>"}),
    ]

    accepted(first)
    assert [answer.content for answer in answers] == [first.content] * len(answers)


def test_the_keys_of_others_are_others(either_server: RunningServer, pictures: list[bytes]) -> None:
    """OG-60: a key is known per account."""
    key = fresh()
    files = [("a.png", pictures[0])]
    one, two = (
        send(someone(either_server), files, batch="a", idempotency_key=key) for _ in range(2)
    )

    assert accepted(one)["batch_id"] != accepted(two)["batch_id"]


def test_of_two_identical_chunks_at_the_same_moment_one_is_processed(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-46, OG-48, OG-56: again and again, and sometimes one of them is another chunk."""
    client, name = someone(either_server), fresh()
    rounds = 12
    sent = 0
    with ThreadPoolExecutor(4) as threads:
        for number in range(rounds):
            key = fresh()
            files = [(f"{number}.png", pictures[number % 3]), ("b.png", pictures[0])]
            other = files[:1] if number % 3 == 2 else files
            answers = list(
                threads.map(
                    lambda chunk, key=key: send(client, chunk, batch=name, idempotency_key=key),
                    [files, other, files],
                )
            )
            done = [answer for answer in answers if answer.status_code == 202]
            refused = [answer for answer in answers if answer.status_code != 202]

            assert len({answer.content for answer in done}) == 1
            assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
            for answer in refused:
                code = answer.json()["code"]
                check(answer, 409, code)
                assert code in {"idempotency_in_progress", "idempotency_conflict"}
                assert (code == "idempotency_conflict") or int(answer.headers["Retry-After"]) >= 1
            sent += accepted(done[0])["accepted"]

    assert finished(client, name)["total"] == sent


def test_a_chunk_that_is_still_being_sent_is_in_progress(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-56: and when its sender hangs up, it may be sent again."""
    client, name, key = someone(either_server), fresh(), fresh()
    files: list[Any] = [("files", ("a.png", pictures[0])), ("client_batch_id", name)]
    body, content_type = encode_multipart_formdata(files)
    address = urlsplit(client.base_url)
    head = (
        f"POST {BATCHES} HTTP/1.1\r\nHost: {address.netloc}\r\nX-API-Key: {client.key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
        f"Idempotency-Key: {key}\r\nExpect: 100-continue\r\n\r\n"
    )

    def probe() -> requests.Response:
        """Send what is never accepted, and so leaves the key to others."""
        return client.request("POST", BATCHES, json={}, headers=keyed(key))

    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")  # it is waited for
        connection.sendall(body[:-10])
        meanwhile = probe()
    until(lambda: probe().status_code == 400)

    check(meanwhile, 409, "idempotency_in_progress")
    assert int(meanwhile.headers["Retry-After"]) >= 1
    accepted(raw(client, files, key))
    assert batch(client, name)["total"] == 1


@pytest.mark.parametrize("wrong", [{"format": "heic"}, {"batch": "a b"}, {"width": 0}])
def test_the_key_of_a_chunk_that_was_refused_can_be_used_again(
    idle_server: RunningServer, pictures: list[bytes], wrong: dict[str, Any]
) -> None:
    """OG-46: nothing came of it, so there is nothing to remember."""
    client, key = someone(idle_server), fresh()
    files = [("a.png", pictures[0])]

    assert send(client, files, idempotency_key=key, **wrong).status_code == 400
    assert send(client, files, idempotency_key=key).status_code == 202


def test_a_chunk_that_was_accepted_is_so_after_a_crash(
    own_server: OwnServer, pictures: list[bytes], tmp_path: Path
) -> None:
    """OG-48: the answer is written down with what it says; each file is charged for once."""
    server = own_server(folder=tmp_path)
    client, name, key = someone(server), fresh(), fresh()
    files = [(f"{number}.png", data) for number, data in enumerate(pictures * 3)]
    first = send(client, files, batch=name, idempotency_key=key)
    accepted(first)
    server.process.kill()
    server.process.wait()
    client = Client(base_url=own_server(folder=tmp_path).base_url, key=client.key)
    again = send(client, files, batch=name, idempotency_key=key)
    told = finished(client, name)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert (told["total"], told["completed"]) == (9, 9)
    with closing(sqlite3.connect(tmp_path / "pixmill.db")) as database:
        [[charged, cached]] = database.execute(
            "SELECT sum(requests), sum(cached) FROM usage WHERE subject LIKE 'key_%'"
        )
    assert charged >= 3
    assert charged + cached == 9
