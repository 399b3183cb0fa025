"""Compresses one image through the OctoSqueeze API, as its documents say, and keeps the result."""

import sys
from pathlib import Path

import requests

with Path("photo.jpg").open("rb") as photo:
    response = requests.post(
        "https://api.octosqueeze.com/api/v1/compress",
        headers={"Authorization": "Bearer YOUR_API_KEY"},
        files={"file": photo},
        data={"format": "webp", "mode": "balanced"},
    )
answer = response.json()
if not answer["success"]:
    error = answer["error"]
    sys.exit(f"{response.status_code} {error['code']}: {error['message']}")

# No key: the link is enough.
compressed = requests.get(answer["data"]["download_url"])
Path("compressed.webp").write_bytes(compressed.content)
data = answer["data"]
sys.stdout.write(f"{data['savings_percent']} {data['original_size']} {data['compressed_size']}\n")
