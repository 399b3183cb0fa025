"""Describes and exports a folder of images through the Picture Optimizer API."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import requests

API = "https://optimizepicture.com/image-forge-api/v1"
HTTP = requests.Session()
HTTP.headers["X-API-Key"] = "sk-your_key"


def checked(response: requests.Response) -> requests.Response:
    if not response.ok:
        sys.exit(f"{response.status_code} {response.json()['error']}")
    return response


def show(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def events(path: str, body: dict) -> Iterator[tuple[str, dict]]:
    """Begin a run, and give its events until it is complete, whatever the network does."""
    stream = checked(HTTP.post(f"{API}{path}", json=body, stream=True))
    run, last = stream.headers["X-Pixmill-Run"], ""
    while True:
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
        session = f"{API}/sessions/{body['sessionId']}/events"
        headers = {"Last-Event-ID": last} if last else {}
        stream = checked(HTTP.get(session, params={"runId": run}, headers=headers, stream=True))


paths = sorted(Path("photos").iterdir())
parts = [("images[]", (path.name, path.read_bytes())) for path in paths]
session = checked(HTTP.post(f"{API}/sessions/upload", files=parts)).json()
about = {"sessionId": session["sessionId"], "images": session["images"]}
show("uploaded", len(session["images"]), "rejected", len(session["rejected"]))

cost = {"action": "analyze", "imageCount": len(session["images"])}
show("sufficient", checked(HTTP.post(f"{API}/credits/check", json=cost)).json()["sufficient"])

for name, data in events(f"/sessions/{session['sessionId']}/analyze", about):
    if name == "complete":
        show("analyzed", data["processed"], "of", data["total"])

settings = {"format": "webp", "preset": "high", "responsive": True}
for name, data in events(
    f"/sessions/{session['sessionId']}/export", {**about, "settings": settings}
):
    if name == "complete":
        for result in data["results"]:
            show(result["filename"], *(variant["name"] for variant in result["variants"]))

download = checked(HTTP.get(f"{API}/sessions/{session['sessionId']}/download", stream=True))
with Path("images.zip").open("wb") as file:
    file.writelines(download.iter_content(65536))
