"""Optimizes a folder of images as one batch through the Optimagio API; keeps the results."""

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import requests

API = "https://optimagio.com/api/v1/optimize/batch"
SESSION = requests.Session()
SESSION.headers["X-API-Key"] = "opt_your_key"
CHUNK = 50


def checked(response: requests.Response) -> requests.Response:
    if not response.ok:
        answer = response.json()
        sys.exit(f"{response.status_code} {answer['code']}: {answer['error']}")
    return response


def show(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def upload(paths: list[Path], batch: str, *, final: bool) -> dict:
    """Send a chunk; the key makes it safe to send it again when the answer got lost."""
    key = str(uuid.uuid4())
    files = [("files", (path.name, path.read_bytes())) for path in paths]
    fields = {"client_batch_id": batch, "format": "webp", "final": str(final).lower()}
    for attempt in range(3):
        try:
            response = SESSION.post(API, headers={"Idempotency-Key": key}, files=files, data=fields)
            return checked(response).json()
        except requests.ConnectionError:
            if attempt == 2:
                raise
    raise AssertionError


def events(url: str) -> Iterator[tuple[str, dict]]:
    """Follow a batch, and come back where it was when the connection breaks."""
    last = ""
    while True:
        headers = {"Last-Event-ID": last} if last else {}
        stream = checked(SESSION.get(url, headers=headers, stream=True))
        name = ""
        for line in stream.iter_lines(decode_unicode=True):
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "id":
                last = value
            elif field == "data":
                yield name, json.loads(value)
                if name == "complete":
                    return


paths = sorted(Path("photos").iterdir())
batch = str(uuid.uuid4())
for start in range(0, len(paths), CHUNK):
    answer = upload(paths[start : start + CHUNK], batch, final=start + CHUNK >= len(paths))
    show("chunk", answer["accepted"], answer["rejected"])
    for file in answer["rejected_files"]:
        show("rejected", file["filename"], file["code"])

sizes = 0
for name, data in events(answer["links"]["events"]):
    if name == "item":
        sizes += data["optimized_size"] or 0
    elif name == "complete":
        show(data["status"], data["completed"], data["failed"], sizes)

download = checked(SESSION.get(answer["links"]["zip"], stream=True))
with Path("results.zip").open("wb") as file:
    file.writelines(download.iter_content(65536))
