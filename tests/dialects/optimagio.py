"""How the tests of Optimagio ask for something."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from uuid import uuid4

import requests
from sqlalchemy import Update, update

from pixmill import clock
from pixmill.services.keys import Keys
from pixmill.stores.batches import batches
from pixmill.stores.results import results

from fixtures import origins
from fixtures.origins import Origin
from fixtures.servers import PATIENCE, Client, RunningServer, opened, run

Answer = requests.Response
Body = dict[str, Any]

JOBS = "/api/v1/jobs"
BATCHES = "/api/v1/optimize/batch"

#: The published fields of a result (OG-23).
NINE = (
    "optimized_url", "original_size", "optimized_size", "saved_bytes", "percent", "format",
    "width", "height", "cached",
)  # fmt: skip

#: Files of a chunk, each under its name.
Files = Sequence[tuple[str, bytes]]


def someone(server: RunningServer, plan: str = "optimagio-pro") -> Client:
    """Give somebody for whom nothing was done yet."""
    return Client(base_url=server.base_url, key=server.key(plan))


def optimize(
    client: Client,
    image: bytes | None = None,
    *,
    name: str | None = "photo.jpg",
    headers: dict[str, str] | None = None,
    **fields: object,
) -> Answer:
    """Send a form with *image*, if there is one, and *fields*."""
    files: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    if image is not None:
        files["image"] = (name, image)
    return client.request(
        "POST", "/api/optimize", files=files or {"nothing": (None, "")}, headers=headers or {}
    )


def result(answer: Answer) -> bytes:
    """Return the file that *answer* leads to, which anybody can have."""
    assert answer.status_code == 200, answer.text
    download = requests.get(answer.json()["optimized_url"], timeout=10)
    assert download.status_code == 200
    return download.content


def check(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Check that *answer* is that error, and return its body (OG-87)."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert body["error"].endswith(".")
    assert isinstance(body["details"], dict)
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    return body


def change(server: RunningServer, *statements: Update) -> None:
    """Have *statements* done to the database of *server*."""

    async def write() -> None:
        async with opened(server.database_url) as database, database.transaction() as connection:
            for statement in statements:
                await connection.execute(statement)

    run(write())


def age(server: RunningServer, client: Client) -> None:
    """Let all that was made for *client* be two days old."""

    async def owner() -> str:
        async with opened(server.database_url) as database:
            return (await Keys(database=database).authenticate(presented=client.key)).account.id

    id_, then = run(owner()), clock.now() - timedelta(days=2)
    change(
        server,
        update(results)
        .where(results.c.account_id == id_)
        .values(created_at=then, expires_at=then + timedelta(days=1)),
        update(batches)
        .where(batches.c.account_id == id_)
        .values(created_at=then, touched_at=then, closed_at=then, completed_at=then),
    )


def until(done: Callable[[], bool]) -> None:
    """Wait for *done*."""
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, "it does not come to an end"
        time.sleep(0.05)


def slow(origin: Origin, data: bytes, gate: threading.Event) -> str:
    """Return the URL of a picture that comes when *gate* is set."""

    def rest(handler: BaseHTTPRequestHandler) -> None:
        gate.wait(PATIENCE)
        handler.wfile.write(data)

    return origin.answer(origins.Answer(headers={"Content-Type": "image/jpeg"}, rest=rest))


def submit(
    client: Client,
    image: bytes | None = None,
    *,
    idempotency_key: str = "",
    name: str = "photo.jpg",
    **fields: object,
) -> Answer:
    """Send an image, or the URL of one, as a job."""
    files: dict[str, Any] = {name: (None, str(value)) for name, value in fields.items()}
    if image is not None:
        files["image"] = (name, image)
    headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
    return client.request("POST", JOBS, files=files, headers=headers)


def job(client: Client, id_: str) -> Body:
    """Return what is said of a job."""
    answer = client.request("GET", f"{JOBS}/{id_}")
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


def over(client: Client, submitted: Answer) -> Body:
    """Return what is said of a job when it is over."""
    assert submitted.status_code == 202, submitted.text
    id_ = submitted.json()["job_id"]
    until(lambda: job(client, id_)["progress"] == 100)
    return job(client, id_)


def send(
    client: Client,
    files: Files = (),
    *,
    batch: str | None = None,
    idempotency_key: str | None = None,
    field: str = "files",
    **fields: object,
) -> Answer:
    """Send a chunk; without names for it, it begins a batch and was never sent before."""
    parts: list[tuple[str, Any]] = [(field, file) for file in files]
    named: Mapping[str, object] = {"client_batch_id": fresh() if batch is None else batch}
    parts += [(name, (None, str(value))) for name, value in (named | fields).items()]
    return client.request("POST", BATCHES, files=parts, headers=keyed(idempotency_key))


def keyed(idempotency_key: str | None = None) -> dict[str, str]:
    """Return the header of a chunk: that key, a new one, or none for an empty one."""
    key = fresh() if idempotency_key is None else idempotency_key
    return {"Idempotency-Key": key} if key else {}


def fresh() -> str:
    """Return a name that nothing has."""
    return uuid4().hex


def accepted(answer: Answer) -> Body:
    """Return the answer to a chunk of which something was accepted."""
    assert answer.status_code == 202, answer.text
    body: Body = answer.json()
    return body


def batch(client: Client, name: str, **query: object) -> Body:
    """Return what is said of a batch."""
    answer = client.request("GET", f"{BATCHES}/{name}", params=query)
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


def close(client: Client, name: str) -> Body:
    """Say that a batch is complete as it is."""
    answer = client.request("POST", f"{BATCHES}/{name}/complete")
    assert answer.status_code == 200, answer.text
    body: Body = answer.json()
    return body


def finished(client: Client, name: str, **query: object) -> Body:
    """Return what is said of a batch when none of it is left to be done."""

    def done() -> bool:
        body = batch(client, name, limit=1)
        return bool(body["queued"] + body["processing"] == 0)

    until(done)
    return batch(client, name, **query)
