"""What the OpenAPI document says of OptiPic's operations."""

from typing import Any

from pixmill.dialects.optipic.options import FORMATS, MAX_SIDE
from pixmill.engine.types import AUTO
from pixmill.http import native

FILE = {"type": "string", "format": "binary", "description": "JPEG, PNG, WebP, AVIF, GIF or HEIC."}
FORMAT = {
    "type": "string",
    "enum": [*FORMATS, AUTO],
    "description": "Default: same as the input. `auto`: the smallest of those that are accepted.",
}
TARGET = {"type": "string", "enum": [*FORMATS, AUTO]}
QUALITY = {
    "type": "integer",
    "minimum": 1,
    "maximum": 100,
    "default": 80,
    "description": "How it looks, as in a JPEG of that quality. Lower is smaller.",
}
STRIP_EXIF = {
    "type": "boolean",
    "default": True,
    "description": "Remove EXIF, XMP, IPTC and comments. The picture keeps its orientation.",
}
SIDE = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}

_HEADERS = {
    "X-Original-Size": "Bytes of the upload.",
    "X-Compressed-Size": "Bytes of the answer.",
    "X-Savings-Percent": "How much smaller that is, with one decimal.",
    "X-Width": "Pixels of the answer, across.",
    "X-Height": "Pixels of the answer, down.",
    **native.HEADERS,
    "X-Request-Id": "Name of the request, for questions about it.",
}

IMAGE: dict[str, Any] = {
    "description": "The image.",
    "content": {
        f"image/{name}": {"schema": {"type": "string", "format": "binary"}}
        for name in (*FORMATS, "gif")
    },
    "headers": {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in _HEADERS.items()
    },
}

USAGE: dict[str, Any] = {
    "description": "The current month.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "period": {"type": "string", "examples": ["2026-06"]},
                    "requests": {"type": "integer"},
                    "limit": {"type": "integer"},
                    "remaining": {"type": "integer"},
                    "overage_requests": {"type": "integer"},
                    "overage_cost_usd": {"type": "number"},
                    "reset_at": {"type": "string", "format": "date-time"},
                },
            }
        }
    },
}

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error", "message"],
    "properties": {
        "error": {"type": "string"},
        "message": {"type": "string"},
        "limit": {"type": "integer", "description": "With 429."},
        "reset_at": {"type": "string", "format": "date-time", "description": "With 429."},
    },
}
