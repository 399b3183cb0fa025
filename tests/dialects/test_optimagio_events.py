"""Optimagio's batches followed while they go on: GET …/events."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from dialects.optimagio import (
    BATCHES,
    accepted,
    batch,
    close,
    finished,
    fresh,
    keyed,
    send,
    slow,
    someone,
    until,
)

from fixtures.origins import Origin
from fixtures.pictures import encode, photo
from fixtures.servers import PATIENCE, Client, OwnServer, RunningServer


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event, as a client reads it."""

    name: str
    data: Any
    id: str | None


@pytest.fixture(scope="module")
def pictures() -> list[bytes]:
    """Give small pictures, no two of them alike."""
    return [encode(photo(48, 36, seed), "PNG") for seed in range(5)]


def listen(client: Client, name: str, *, after: str | None = None) -> requests.Response:
    """Open a stream."""
    headers = {"Accept": "text/event-stream"} | ({"Last-Event-ID": after} if after else {})
    return client.request("GET", f"{BATCHES}/{name}/events", headers=headers, stream=True)


def events(stream: requests.Response) -> Iterator[Event]:
    """Read events as the standard says; comments are left out."""
    lines: dict[str, str] = {}
    for line in stream.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(":")
        if line:
            lines[name] = value.removeprefix(" ")
        else:
            if "data" in lines:
                yield Event(name=lines["event"], data=json.loads(lines["data"]), id=lines.get("id"))
            lines = {}


def by_urls(client: Client, urls: list[str], *, name: str) -> None:
    accepted(
        client.request(
            "POST", BATCHES, json={"client_batch_id": name, "urls": urls}, headers=keyed()
        )
    )


def test_a_batch_is_followed_to_its_end(
    either_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-52, OG-69: how far it is, each item that is over, and at the end that it is."""
    client, name = someone(either_server), fresh()
    begun = accepted(send(client, [("a.png", pictures[0])], batch=name))
    stream = listen(client, name)
    heard = events(stream)
    first = next(heard)
    item = next(event for event in heard if event.name == "item")
    accepted(send(client, [("b.png", pictures[1]), ("c.png", pictures[2][:-200])], batch=name))
    close(client, begun["batch_id"])
    rest = list(heard)
    items = [item, *(event for event in rest if event.name == "item")]
    told = batch(client, name)

    assert stream.headers["Content-Type"].startswith("text/event-stream")
    assert stream.headers["Cache-Control"] == "no-cache"
    assert (first.name, first.data["batch_id"]) == ("progress", begun["batch_id"])
    assert {"status", "total", "queued", "processing", "completed", "failed"} <= set(first.data)
    assert [event.id for event in items] == ["1", "2", "3"]
    assert sorted(event.data["item_id"] for event in items) == sorted(
        item["item_id"] for item in told["items"]
    )
    for event in items:
        [stored] = [item for item in told["items"] if item["item_id"] == event.data["item_id"]]
        assert event.data == stored
    assert [event.name for event in rest].count("complete") == 1
    assert rest[-1].name == "complete"
    assert rest[-1].data["status"] == "completed_with_errors"
    assert (rest[-1].data["completed"], rest[-1].data["failed"]) == (2, 1)


def test_what_was_heard_is_not_told_again(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    """OG-69: with the Last-Event-ID of each of its items; from the start without one."""
    client, name = someone(fetching_server), fresh()
    files = [(f"{number}.png", data) for number, data in enumerate(pictures)]
    accepted(send(client, files, batch=name, final="true"))
    finished(client, name)
    whole = list(events(listen(client, name)))
    items = [event for event in whole if event.name == "item"]

    assert [event.name for event in whole] == ["progress", *["item"] * 5, "complete"]
    for number, item in enumerate(items, start=1):
        again = list(events(listen(client, name, after=item.id)))
        assert [event for event in again if event.name == "item"] == items[number:]
        assert again[-1] == whole[-1]
    for unreadable in ("x", "-1"):
        assert list(events(listen(client, name, after=unreadable))) == whole
    over = listen(client, name, after=whole[-1].id)
    assert (over.status_code, over.content) == (204, b"")


def test_who_was_cut_off_misses_nothing(
    either_server: RunningServer, origin: Origin, pictures: list[bytes]
) -> None:
    """OG-69: what happened meanwhile is told, and nothing twice, however often that is."""
    client, name = someone(either_server), fresh()
    gates = [threading.Event() for _ in pictures]
    by_urls(client, [slow(origin, *both) for both in zip(pictures, gates, strict=True)], name=name)
    close(client, name)
    items: list[Event] = []
    after = None
    for gate in gates[:4:2]:
        stream = listen(client, name, after=after)
        heard = events(stream)
        gate.set()
        items.append(next(event for event in heard if event.name == "item"))
        after = items[-1].id
        stream.raw.close()
        gates[gates.index(gate) + 1].set()  # while nobody listens
        until(lambda: batch(client, name)["completed"] > len(items))
        items.append(next(e for e in events(listen(client, name, after=after)) if e.name == "item"))
        after = items[-1].id
    gates[4].set()
    rest = list(events(listen(client, name, after=after)))
    items += [event for event in rest if event.name == "item"]

    assert [event.id for event in items] == ["1", "2", "3", "4", "5"]
    assert len({event.data["item_id"] for event in items}) == 5
    assert rest[-1].name == "complete"


def test_one_hears_of_work_that_begins(
    fetching_server: RunningServer, origin: Origin, pictures: list[bytes], gate: threading.Event
) -> None:
    """OG-69: what is added is told, too."""
    client, name = someone(fetching_server), fresh()
    by_urls(client, [slow(origin, pictures[0], gate)], name=name)
    heard = events(listen(client, name))
    first = next(heard)
    by_urls(client, [slow(origin, pictures[1], gate)], name=name)
    second = next(heard)
    gate.set()
    close(client, name)
    names = [event.name for event in heard]

    assert (first.name, first.data["total"]) == ("progress", 1)
    assert (second.name, second.data["total"]) == ("progress", 2)
    assert second.data["status"] == "processing"
    assert names.count("item") == 2
    assert names[-1] == "complete"


def test_a_canceled_item_is_told_as_such(idle_server: RunningServer, pictures: list[bytes]) -> None:
    """OG-69, OG-77."""
    client, name = someone(idle_server), fresh()
    begun = accepted(send(client, [("a.png", pictures[0])], batch=name, final="true"))
    heard = events(listen(client, name))
    next(heard)
    client.request("DELETE", f"/api/v1/jobs/{begun['accepted_files'][0]['job_id']}")
    item = next(event for event in heard if event.name == "item")
    last = next(event for event in heard if event.name == "complete")

    assert item.data["status"] == "cancelled"
    assert last.data["status"] == "completed_with_errors"


def test_a_stream_ends_when_the_server_stops(own_server: OwnServer, pictures: list[bytes]) -> None:
    """OG-69: it does not keep the server from stopping, and does not say that all is done."""
    server = own_server()
    client, name = someone(server), fresh()
    accepted(send(client, [("a.png", pictures[0])], batch=name))
    stream = listen(client, name)
    heard = events(stream)
    assert next(event for event in heard if event.name == "item").id == "1"

    assert server.stop() == 0
    assert "complete" not in [event.name for event in heard]


def test_nobody_is_told_by_a_head_request(
    fetching_server: RunningServer, pictures: list[bytes]
) -> None:
    client, name = someone(fetching_server), fresh()
    accepted(send(client, [("a.png", pictures[0])], batch=name))
    answer = requests.head(
        f"{client.base_url}{BATCHES}/{name}/events",
        headers={"X-API-Key": client.key},
        timeout=PATIENCE,
    )

    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/event-stream")
