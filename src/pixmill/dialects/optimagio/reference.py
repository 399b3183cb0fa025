"""What the OpenAPI document says of Optimagio's operations."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPBearer

from pixmill.dialects.optimagio.options import DEFAULT_LEVEL, FORMATS, LEVELS, MAX_SIDE
from pixmill.engine.types import AUTO
from pixmill.http import native

_HEADER = APIKeyHeader(name="X-API-Key", scheme_name="Optimagio key", auto_error=False)
_BEARER = HTTPBearer(
    scheme_name="Optimagio token", description="The same key: opt_...", auto_error=False
)


def security(
    _header: Annotated[object, Depends(_HEADER)], _bearer: Annotated[object, Depends(_BEARER)]
) -> None:
    """Describe the two ways to send a key; who calls is found out elsewhere."""


_SIDE = {"type": "integer", "minimum": 1, "maximum": MAX_SIDE}

FIELDS: Mapping[str, Mapping[str, Any]] = {
    "image": {
        "type": "string",
        "format": "binary",
        "description": "JPEG, PNG, WebP, GIF, AVIF, TIFF or BMP. May also be called `file`.",
    },
    "url": {"type": "string", "format": "uri", "description": "Where the image is, if not sent."},
    "accept_file": {
        "type": "boolean",
        "default": False,
        "description": "Take the file, even if there is a `url`.",
    },
    "format": {
        "type": "string",
        "enum": [*FORMATS, AUTO],
        "description": "Default: same as the input; `auto` for TIFF and BMP. `auto`: the smallest "
        "of those that are accepted.",
    },
    "compression": {
        "type": "string",
        "enum": list(LEVELS),
        "default": DEFAULT_LEVEL,
        "description": "How much of the look may be given up. `max` takes more time.",
    },
    "quality": {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "description": "How it looks, as in a JPEG of that quality; goes before `compression`.",
    },
    "width": {**_SIDE, "description": "Fit inside; nothing is enlarged."},
    "height": {**_SIDE, "description": "Fit inside; nothing is enlarged."},
    "max_width": {**_SIDE, "description": "The same as `width`."},
    "max_height": {**_SIDE, "description": "The same as `height`."},
    "keep_exif": {
        "type": "boolean",
        "default": False,
        "description": "Keep EXIF, XMP, IPTC, comments and the color profile.",
    },
    "storage_commit": {
        "type": "boolean",
        "default": False,
        "description": "Keep the result until it is deleted, instead of for a day.",
    },
    **native.FIELDS,
}

OPTIMIZED: dict[str, Any] = {
    "description": "The result.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "optimized_url": {
                        "type": "string",
                        "format": "uri",
                        "description": "Where the result is; needs no key.",
                    },
                    "original_size": {"type": "integer", "description": "Bytes of the upload."},
                    "optimized_size": {"type": "integer", "description": "Bytes of the result."},
                    "saved_bytes": {"type": "integer"},
                    "percent": {"type": "number", "description": "Saved, with two decimals."},
                    "format": {"type": "string", "enum": list(FORMATS)},
                    "width": {"type": "integer"},
                    "height": {"type": "integer"},
                    "cached": {
                        "type": "boolean",
                        "description": "The same was done before, and costs no quota.",
                    },
                    "how": {
                        "type": "string",
                        "enum": ["encoded", "rescanned", "original"],
                        "description": native.HEADERS["X-Pixmill-Result"],
                    },
                    "score": {
                        "type": "number",
                        "description": native.HEADERS["X-Pixmill-Score"],
                    },
                    "expires_at": {
                        "type": ["string", "null"],
                        "format": "date-time",
                        "description": "Until when the URL works; null: until it is deleted.",
                    },
                },
            }
        }
    },
}

FILE: dict[str, Any] = {
    "description": "The image. Ranges and conditional requests are understood.",
    "content": {
        f"image/{name}": {"schema": {"type": "string", "format": "binary"}} for name in FORMATS
    },
}

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error", "code", "details", "request_id"],
    "properties": {
        "error": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string"},
        "details": {"type": "object", "description": "Numbers, such as `limit`; may be empty."},
        "request_id": {"type": "string"},
        "limit": {"type": "integer", "description": "With `quota_exceeded`."},
        "used": {"type": "integer", "description": "With `quota_exceeded`."},
        "reset_at": {
            "type": "string",
            "format": "date-time",
            "description": "With `quota_exceeded`.",
        },
    },
}
