"""What the OpenAPI document says of OctoSqueeze's operations."""

from collections.abc import Mapping
from typing import Any

from pixmill.dialects.octosqueeze.options import FORMATS, LABELS, NATIVE
from pixmill.dialects.octosqueeze.orders import MOST_ITEMS
from pixmill.engine.types import AUTO
from pixmill.http import native
from pixmill.http.native import MODES

_SIDE = {
    "type": "integer",
    "minimum": 1,
    "description": "Most pixels; the aspect ratio is kept, and nothing is enlarged.",
}

#: The fields of a compress call.
FORM: Mapping[str, Mapping[str, Any]] = {
    "file": {
        "type": "string",
        "format": "binary",
        "description": "JPEG, PNG, WebP, AVIF or GIF. Required without `url`.",
    },
    "url": {"type": "string", "description": "Where the image is. Required without `file`."},
    "format": {
        "type": "string",
        "enum": [*FORMATS, AUTO],
        "description": "Default: same as the input. `auto`: the smallest of those that are "
        "accepted.",
    },
    "formats": {
        "type": "string",
        "description": f"Several of {', '.join(FORMATS)}: a list, or separated by commas. Each "
        "is a result of its own.",
    },
    "mode": {
        "type": "string",
        "enum": list(MODES),
        "default": "balanced",
        "description": "How it looks. `max` and `lossless` are Pixmill's own.",
    },
    "quality": {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "description": "How it looks, as in a JPEG of that quality. Overrides `mode`.",
    },
    "width": _SIDE,
    "height": _SIDE,
    "strip_metadata": {
        "type": "boolean",
        "default": False,
        "description": "Remove EXIF, XMP, IPTC and comments. The picture keeps its orientation.",
    },
    **{name: {"type": "string", "description": "Comes back as it was sent."} for name in LABELS},
    **{name: native.FIELDS[name] for name in NATIVE},
}

_ITEM: Mapping[str, Any] = {
    "type": "object",
    "required": ["url"],
    "properties": {
        "url": {"type": "string", "format": "uri", "description": "Where the image is."},
        **{name: FORM[name] for name in LABELS},
        "options": {
            "type": "object",
            "description": "What is to be done otherwise than with the others.",
        },
    },
}

#: The fields of a batch.
BATCH_FORM: Mapping[str, Mapping[str, Any]] = {
    "items": {"type": "array", "minItems": 1, "maxItems": MOST_ITEMS, "items": _ITEM},
    "options": {
        "type": "object",
        "description": "What is to be done with all of them.",
        "properties": {
            name: field for name, field in FORM.items() if name not in {"file", "url", *LABELS}
        },
    },
    "webhook_url": {
        "type": "string",
        "description": "Gets a signed form with the field `images` when all are done.",
    },
}

ID = {"type": "string", "format": "uuid"}
SIGNATURE = {"type": "string", "description": "As it is in a `download_url`."}

_HEADERS = {
    "X-RateLimit-Limit": "Requests a minute.",
    "X-RateLimit-Remaining": "Requests that are left of this minute.",
    "X-RateLimit-Reset": "Seconds until there are more.",
    "X-Request-Id": "Name of the request, for questions about it.",
}


def _headers(described: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"description": description, "schema": {"type": "string"}}
        for name, description in described.items()
    }


def _success(description: str, **properties: object) -> dict[str, Any]:
    """Return the Response object of a success with *properties* in its data."""
    return {
        "description": description,
        "headers": _headers(_HEADERS),
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "success": {"const": True},
                        "data": {"type": "object", "properties": properties},
                    },
                }
            }
        },
    }


_INTEGER = {"type": "integer"}
_TEXT = {"type": "string"}
_LIMIT = {"type": ["integer", "null"], "description": "null: no limit."}
_MEGABYTES = {"type": "number", "description": "Of 1,048,576 bytes."}
_MOMENT = {"type": ["string", "null"], "format": "date-time"}
_LINK = {
    "type": ["string", "null"],
    "format": "uri",
    "description": "Works without a key, until the result expires.",
}
_PERCENT = {
    "type": "integer",
    "description": "Negative when another format made it larger.",
}

_NUMBERS = {
    "id": ID,
    "compressed": {"type": "boolean", "description": "false: it is the upload, as it was."},
    "original_size": _INTEGER,
    "compressed_size": _INTEGER,
    "savings_percent": _PERCENT,
    "format": _TEXT,
    "download_url": _LINK,
    "expires_at": _MOMENT,
}

RESULT = _success(
    "The result, which can be downloaded for a day.",
    **_NUMBERS,
    savings_bytes=_INTEGER,
    width=_INTEGER,
    height=_INTEGER,
    formats={
        "type": "object",
        "description": "With `formats`: each of them.",
        "additionalProperties": {
            "type": "object",
            "properties": {
                "id": ID,
                "format": _TEXT,
                "compressed_size": _INTEGER,
                "savings_percent": _PERCENT,
                "download_url": _LINK,
                "error": {
                    "type": "object",
                    "description": "Instead of all others, when this one could not be made.",
                },
            },
        },
    },
)

_STANDING = {
    "status": {
        "type": "string",
        "enum": ["queued", "processing", "completed", "failed", "expired"],
    },
    "created_at": _MOMENT,
    "error": {"type": "object", "description": "Why it failed: code and message."},
}

STATUS = _success("What came of it.", **_NUMBERS, **_STANDING)

BATCH = _success(
    "The images, in the order of the request.",
    status={
        "type": "string",
        "enum": ["completed", "processing"],
        "description": "processing: some are still to be done; ask for their status by their ids.",
    },
    items={
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                **_NUMBERS,
                **_STANDING,
                "url": _TEXT,
                **{name: FORM[name] for name in LABELS},
                "compressed": {"type": "boolean", "description": "Whether there is a result."},
                "compressions": {
                    "type": "array",
                    "description": "Every result there is, one for each format.",
                    "items": {
                        "type": "object",
                        "properties": {"id": ID, "format": _TEXT, "link": _LINK, "size": _INTEGER},
                    },
                },
            },
        },
    },
    usage={
        "type": "object",
        "properties": {
            "compressions_used": _INTEGER,
            "compressions_limit": _LIMIT,
            "remaining": _LIMIT,
        },
    },
)

FILE: dict[str, Any] = {
    "description": "The image. HEAD, ranges and conditions work, too.",
    "content": {
        f"image/{name}": {"schema": {"type": "string", "format": "binary"}}
        for name in (*FORMATS, "gif")
    },
    "headers": _headers(
        {
            **_HEADERS,
            "Content-Disposition": "attachment, with the upload's name and the new extension.",
            "ETag": "SHA-256 of the bytes.",
        }
    ),
}

USAGE = _success(
    "The current month.",
    plan=_TEXT,
    compressions_used=_INTEGER,
    compressions_limit=_LIMIT,
    images_this_month={**_INTEGER, "description": "The same as compressions_used."},
    monthly_limit={**_LIMIT, "description": "The same as compressions_limit."},
    api_calls_today={"type": ["integer", "null"]},
    api_calls_limit=_LIMIT,
    bytes_saved=_INTEGER,
    max_file_size_mb=_MEGABYTES,
    formats={"type": "array", "items": _TEXT},
    reset_date={"type": "string", "format": "date"},
)

ACCOUNT = _success(
    "The account.",
    id=_TEXT,
    name=_TEXT,
    email=_TEXT,
    plan=_TEXT,
    subscription={"type": "object", "properties": {"status": _TEXT, "renews_at": _MOMENT}},
    api_keys={"type": "object", "properties": {"used": _INTEGER, "limit": _LIMIT}},
    limits={
        "type": "object",
        "properties": {
            "requests_per_minute": _LIMIT,
            "calls_per_day": _LIMIT,
            "monthly": _LIMIT,
            "max_file_size_mb": _MEGABYTES,
        },
    },
)

_TOLD = {"code": {"type": "string"}, "message": {"type": "string"}}

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["success", "error"],
    "properties": {
        "success": {"const": False},
        "error": {"type": "object", "required": ["code", "message"], "properties": _TOLD},
        **_TOLD,
        "state": {"const": "error"},
    },
}
