"""What people have sent with their keys before they look at the website."""

import secrets
import time
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from typing import Any

import requests
from PIL import Image

from pixmill.services.keys import Keys
from web.visitors import Visitor

from fixtures.servers import PATIENCE, opened, run

#: What is no whole picture, which one sees when it is decoded and not before.
CUT = 2_000


@cache
def photo(number: int = 0, size: tuple[int, int] = (320, 240)) -> bytes:
    """Return one of many pictures that take a while."""
    file = BytesIO()
    Image.effect_noise(size, 20 + number).convert("RGB").save(file, "JPEG", quality=90)
    return file.getvalue()


def key_of(visitor: Visitor) -> str:
    """Make a key for the account of *visitor*."""
    return run(_new_key(visitor.server.database_url, visitor.email))


async def _new_key(database_url: str, email: str) -> str:
    async with opened(database_url) as database:
        return (await Keys(database=database).create(account=email)).secret


def send_batch(
    visitor: Visitor, files: Mapping[str, bytes], *, final: bool = True, **fields: str
) -> str:
    """Send a batch, and return its id."""
    answer = requests.post(
        f"{visitor.server.base_url}/api/v1/optimize/batch",
        headers={"X-API-Key": key_of(visitor), "Idempotency-Key": secrets.token_hex(8)},
        data={"client_batch_id": "catalog", "final": str(final).lower()} | fields,
        files=[("files", each) for each in files.items()],
        timeout=PATIENCE,
    )
    assert answer.status_code == 202, answer.text
    id_: str = answer.json()["batch_id"]
    return id_


def send_job(visitor: Visitor, file: bytes, *, name: str = "single.jpg", **fields: str) -> str:
    """Send a single job, and return its id once it is over."""
    key = {"X-API-Key": key_of(visitor)}
    answer = requests.post(
        f"{visitor.server.base_url}/api/optimize",
        headers=key,
        data={"async": "true"} | fields,
        files={"file": (name, file)},
        timeout=PATIENCE,
    )
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    deadline = time.monotonic() + PATIENCE
    while told["status"] in {"queued", "processing"}:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        told = requests.get(
            f"{visitor.server.base_url}/api/v1/jobs/{told['job_id']}", headers=key, timeout=PATIENCE
        ).json()
    id_: str = told["job_id"]
    return id_
