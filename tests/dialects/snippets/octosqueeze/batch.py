"""Compresses two images through the OctoSqueeze API, as its documents say, and keeps them."""

import sys
import time
from pathlib import Path

import requests

API = "https://api.octosqueeze.com/api/v1"
HEADERS = {"Authorization": "Bearer YOUR_API_KEY"}


def done(item):
    """Return what is told of an image in the end."""
    while item["status"] in {"queued", "processing"}:
        time.sleep(1)
        item = requests.get(f"{API}/status/{item['id']}", headers=HEADERS).json()["data"]
    return item


response = requests.post(
    f"{API}/compress-batch",
    headers=HEADERS,
    json={
        "items": [
            {
                "url": "https://example.com/image1.jpg",
                "image_id": "my-id-1",
                "options": {"mode": "size", "format": "webp"},
            },
            {"url": "https://example.com/image2.png", "image_id": 2},
        ],
        "options": {"mode": "balanced", "formats": "webp,avif"},
    },
)
answer = response.json()
if not answer["success"]:
    error = answer["error"]
    sys.exit(f"{response.status_code} {error['code']}: {error['message']}")

for item in map(done, answer["data"]["items"]):
    for made in item["compressions"]:
        # No key: the link is enough.
        file = requests.get(made["link"]).content
        Path(f"{item['image_id']}.{made['format']}").write_bytes(file)
        sys.stdout.write(f"{item['image_id']} {made['format']} {made['size']}\n")
