"""What Picture Optimizer's webhooks tell: the end of a run."""

import json
import time
from collections.abc import Iterator

import pytest

from dialects.picture_optimizer import analyze, export, someone, upload
from services.webhooks.receiver import Heard, Receiver, receiving

from fixtures.pictures import encode, photo
from fixtures.servers import PATIENCE, RunningServer


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def heard(receiver: Receiver, path: str) -> Heard:
    """Wait for the message to *path*."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := [message for message in receiver.heard if message.path == path]:
            [message] = found
            return message
        time.sleep(0.05)
    pytest.fail(f"nothing came to {path}")


def test_the_end_of_a_run_is_told(either_server: RunningServer, receiver: Receiver) -> None:
    """PO-104, PO-105: the data of `complete`, signed as Standard Webhooks are (HMAC-SHA256)."""
    client = someone(either_server)
    session = upload(client, [("a.png", encode(photo(64, 48), "PNG"))])
    name = session["sessionId"]
    described = analyze(client, session, webhookUrl=receiver.url(f"/{name}/analysis"))
    exported = export(client, session, webhookUrl=receiver.url(f"/{name}/export"))
    first, second = (heard(receiver, f"/{name}/{kind}") for kind in ("analysis", "export"))

    assert json.loads(first.body) == {"event": "analyze.completed"} | described[-1].data
    assert json.loads(second.body) == {"event": "export.completed"} | exported[-1].data
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(second.headers)
