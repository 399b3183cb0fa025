"""Picture Optimizer's runs when servers die or stop in the middle of them."""

import threading
from pathlib import Path

import pytest
import requests

from dialects.picture_optimizer import (
    Event,
    Eyes,
    balance,
    events,
    follow,
    named,
    someone,
    stream,
    upload,
)
from services.vision.server import MODEL, Script

from fixtures.databases import PostgreSQL
from fixtures.pictures import encode, photo
from fixtures.servers import Client, OwnServer

FILES = [(f"p{seed}.png", encode(photo(64, 48, seed), "PNG")) for seed in range(4)]


def heard_until(answer: requests.Response, name: str) -> list[Event]:
    """Read events up to the first that is called *name*."""
    heard = []
    for event in events(answer):
        heard.append(event)
        if event.name == name:
            break
    return heard


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_run_goes_on_after_a_restart(
    own_server: OwnServer, eyes: Script, tmp_path: Path, how: str
) -> None:
    """PO-41, PO-43, PO-45, PO-53: in order, nothing twice, nothing left out, nothing paid twice."""
    env = {"PIXMILL_VISION_URL": eyes.base_url, "PIXMILL_VISION_MODEL": MODEL}
    turns = Eyes(threading.Semaphore(2))
    eyes.says(turns.answer())
    server = own_server(folder=tmp_path / "folder", PIXMILL_SHUTDOWN_TIMEOUT="1", **env)
    client = someone(server)
    session = upload(client, FILES)
    before = balance(client)
    opened = stream(client, "/v1/analyze", {"sessionId": session["sessionId"]})
    first = heard_until(opened, "result")
    if how == "killed":
        server.process.kill()
        server.process.wait()
    else:
        server.stop()
    for _ in range(20):
        turns.left.release()
    again = own_server(folder=tmp_path / "folder", **env)
    client = Client(base_url=again.base_url, key=client.key)
    rest = list(events(follow(client, session, after=first[-1].id)))
    while not rest or rest[-1].name != "complete":
        rest += events(follow(client, session, after=[*first, *rest][-1].id))
    whole = [*first, *rest]
    results = named(whole, "result")

    assert [event.id for event in whole] == list(range(1, len(whole) + 1))
    assert sorted(each["imageId"] for each in results) == [f"img_00{n}" for n in range(1, 5)]
    begun = [each["imageId"] for each in named(whole, "progress")]
    assert sorted(begun) == sorted(set(begun))
    assert [event.name for event in whole].count("complete") == 1
    assert whole[-1].data["processed"] == whole[-1].data["total"] == 4
    assert before - balance(client) == 4
    assert list(events(follow(client, session))) == whole


def test_two_servers_share_sessions(
    own_server: OwnServer, eyes: Script, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """PO-37, PO-53: what one of them has accepted, the other tells of."""
    del eyes
    with postgresql.fresh() as url:
        env = {
            "PIXMILL_DATABASE_URL": url,
            "PIXMILL_STORAGE_URL": (tmp_path / "objects").as_uri(),
            "PIXMILL_SECRET_KEY": "a secret of all servers together",
        }
        one, two = own_server(**env), own_server(**env)
        client = someone(one)
        session = upload(client, FILES)
        before = balance(client)
        body = {"sessionId": session["sessionId"], "settings": {}}
        told = list(events(stream(client, "/v1/export", body)))
        other = Client(base_url=two.base_url, key=client.key)

        assert list(events(follow(other, session)))[:-1] == told[:-1]
        assert before - balance(other) == 4
        [link, *_] = [each["variants"][0]["url"] for each in told[-1].data["results"]]
        moved = link.replace(one.base_url, two.base_url)
        assert requests.get(moved, timeout=10).content[8:12] == b"WEBP"
