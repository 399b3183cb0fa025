"""What the OpenAPI document says of requests to Optimagio."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPBearer

from pixmill.dialects.optimagio import options
from pixmill.dialects.optimagio.options import CHUNK_FILES, FORMATS
from pixmill.dialects.optimagio.paging import MOST_ITEMS, PAGE, STATES
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


_SIDE = {"type": "integer", "minimum": 1, "maximum": options.MAX_SIDE}

#: How a result is to be: the fields of every call that makes some (OG-65).
_WISHES: Mapping[str, Mapping[str, Any]] = {
    "format": {
        "type": "string",
        "enum": [*FORMATS, AUTO],
        "description": "Default: same as the input; `auto` for TIFF and BMP. `auto`: the smallest "
        "of those that are accepted.",
    },
    "compression": {
        "type": "string",
        "enum": list(options.LEVELS),
        "default": options.DEFAULT_LEVEL,
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

_WEBHOOK: Mapping[str, Any] = {
    "type": "string",
    "format": "uri",
    "description": "Is sent what came of it, signed as Standard Webhooks are.",
}

#: The fields of a job.
JOB_FIELDS: Mapping[str, Mapping[str, Any]] = {
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
    **_WISHES,
    "webhook_url": _WEBHOOK,
}

#: The fields of ``/api/optimize``.
FIELDS: Mapping[str, Mapping[str, Any]] = {
    **JOB_FIELDS,
    "async": {
        "type": "boolean",
        "default": False,
        "description": "Answer at once with a job; only then is `webhook_url` of use.",
    },
}

#: The fields of a chunk.
CHUNK_FIELDS: Mapping[str, Mapping[str, Any]] = {
    "client_batch_id": {
        "type": "string",
        "pattern": options.BATCH_NAME.pattern,
        "description": "What you call the batch: the same with each of its chunks.",
    },
    "files": {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "maxItems": CHUNK_FILES,
        "description": "The images. Parts may also be called `files[]`, `image`, `images`, "
        "`images[]` or `file`. In JSON: the same as `urls`.",
    },
    "urls": {
        "type": "array",
        "items": {
            "oneOf": [
                {"type": "string", "format": "uri"},
                {
                    "type": "object",
                    "required": ["url"],
                    "properties": {
                        "url": {"type": "string", "format": "uri"},
                        "filename": {"type": "string"},
                    },
                },
            ]
        },
        "maxItems": CHUNK_FILES,
        "description": "Where images are; in a form, `urls[]`. They count as files.",
    },
    "final": {
        "type": "boolean",
        "default": False,
        "description": "This is the last chunk; with no file it only says so.",
    },
    **_WISHES,
    "webhook_url": {**_WEBHOOK, "description": "Is told when the batch is complete."},
}

PAGES: Mapping[str, Mapping[str, Any]] = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_ITEMS, "default": PAGE},
    "cursor": {"type": "string", "description": "The `next_cursor` of the page before."},
    "offset": {"type": "integer", "minimum": 0, "description": "Items of the batch to leave out."},
    "status": {"type": "string", "enum": list(STATES), "description": "Only items that are so."},
}

BATCH_ID: Mapping[str, Mapping[str, Any]] = {
    "id": {"type": "string", "description": "`batch_id` or `client_batch_id`."}
}
JOB_ID: Mapping[str, Mapping[str, Any]] = {"id": {"type": "string", "description": "`job_id`."}}

IDEMPOTENCY: Mapping[str, Mapping[str, Any]] = {
    "Idempotency-Key": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "description": "Of your own making: the same request with the same key is done once, and "
        "answered as the first time, for 24 hours.",
    }
}
RESUME: Mapping[str, Mapping[str, Any]] = {
    "Last-Event-ID": {"type": "string", "description": "Go on behind this `item`."}
}
