"""Optimizes a file and a URL through the Optimagio API, as its documents say; keeps the results."""

import sys
from pathlib import Path

import requests

API = "https://optimagio.com/api/optimize"
HEADERS = {"X-API-Key": "opt_your_key"}


def keep(response: requests.Response, name: str) -> None:
    answer = response.json()
    if not response.ok:
        sys.exit(f"{response.status_code} {answer['code']}: {answer['error']}")
    download = requests.get(answer["optimized_url"])
    download.raise_for_status()
    Path(name).write_bytes(download.content)
    names = ("format", "original_size", "optimized_size", "saved_bytes", "percent")
    cached = "true" if answer["cached"] else "false"
    sys.stdout.write(" ".join(str(answer[name]) for name in names) + f" {cached}\n")


with Path("photo.jpg").open("rb") as image:
    keep(
        requests.post(
            API,
            headers=HEADERS,
            files={"image": image},
            data={"accept_file": "true", "format": "webp", "compression": "max"},
        ),
        "by-file",
    )
keep(
    requests.post(
        API,
        headers=HEADERS,
        json={"url": "https://example.com/image.jpg", "format": "webp", "compression": "max"},
    ),
    "by-url",
)
