"""What Optimagio's webhooks tell: the end of a job, and that of a batch."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dialects.optimagio import (
    accepted,
    batch,
    close,
    finished,
    fresh,
    optimize,
    over,
    send,
    someone,
    submit,
)
from services.webhooks.receiver import Heard, Receiver, receiving

from fixtures.pictures import encode, photo
from fixtures.servers import PATIENCE, RunningServer


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def heard(receiver: Receiver, path: str) -> list[Heard]:
    """Wait for a message to *path*, and return all that came there."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := [message for message in receiver.heard if message.path == path]:
            return found
        time.sleep(0.05)
    pytest.fail(f"nothing came to {path}")


def told(message: Heard) -> dict[str, Any]:
    assert message.headers["content-type"] == "application/json"
    body: dict[str, Any] = json.loads(message.body)
    return body


def test_the_end_of_a_job_is_told(
    either_server: RunningServer, receiver: Receiver, jpeg: bytes
) -> None:
    """OG-78: the same that whoever asks is told; signed as Standard Webhooks are."""
    client, path = someone(either_server), f"/{fresh()}"
    done = over(client, submit(client, jpeg, webhook_url=receiver.url(path)))
    [message] = heard(receiver, path)

    assert told(message) == {"event": "job.completed"} | done
    assert {"webhook-id", "webhook-timestamp", "webhook-signature"} <= set(message.headers)


def test_a_job_that_failed_is_told(
    fetching_server: RunningServer, receiver: Receiver, jpeg: bytes
) -> None:
    """OG-78: also of the call that may become a job; not of one that does not."""
    client, path = someone(fetching_server), f"/{fresh()}"
    url = receiver.url(path)
    done = over(client, optimize(client, jpeg[:-5000], **{"async": "true", "webhook_url": url}))
    optimize(client, jpeg, webhook_url=url)
    [message] = heard(receiver, path)

    assert told(message) == {"event": "job.failed"} | done
    assert done["error"]["code"] == "decode_failed"


def test_the_end_of_a_batch_is_told_once(either_server: RunningServer, receiver: Receiver) -> None:
    """OG-78: not that of each of its items."""
    client, name, path = someone(either_server), fresh(), f"/{fresh()}"
    files = [(f"{seed}.png", encode(photo(48, 36, seed), "PNG")) for seed in range(3)]
    accepted(send(client, files[:2], batch=name, webhook_url=receiver.url(path)))
    accepted(send(client, files[2:], batch=name))
    finished(client, name)
    close(client, name)
    close(client, name)
    [message] = heard(receiver, path)
    body = told(message)
    whole = batch(client, name)
    del whole["items"], whole["next_cursor"]

    assert body == {"event": "batch.completed"} | whole
    assert (body["status"], body["completed"]) == ("completed", 3)
