"""Optimizes one image through the Smolpix API, as its documents say, and keeps the result."""

import base64
import sys
from pathlib import Path

import requests

response = requests.post(
    "https://smolpix.co/api/v1/optimize",
    headers={
        "Authorization": "Bearer pk_live_your_key",
        "Content-Type": "application/json",
    },
    json={
        "url": "https://example.com/image.jpg",
        "format": "auto",
        "quality": 80,
        "smart": True,
    },
)
data = response.json()
if not data.get("success"):
    sys.exit(f"{response.status_code} {data['code']}: {data['error']}")

Path("optimized").write_bytes(base64.b64decode(data["data"], validate=True))
sys.stdout.write(f"{data['savingsPercent']} {data['originalSize']} {data['optimizedSize']}\n")
