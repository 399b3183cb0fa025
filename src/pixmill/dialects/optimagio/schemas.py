"""What the OpenAPI document says of Optimagio's answers."""

from collections.abc import Mapping
from typing import Any, get_args

from pixmill.dialects.optimagio.options import FORMATS
from pixmill.dialects.optimagio.paging import STATES
from pixmill.http import native
from pixmill.services.batches import Status

STATUSES: tuple[Status, ...] = get_args(Status)

_RESULT: Mapping[str, Any] = {
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
    "score": {"type": "number", "description": native.HEADERS["X-Pixmill-Score"]},
    "expires_at": {
        "type": ["string", "null"],
        "format": "date-time",
        "description": "Until when the URL works; null: until it is deleted.",
    },
}

_MOMENT: Mapping[str, Any] = {"type": ["string", "null"], "format": "date-time"}
_URL: Mapping[str, Any] = {"type": "string", "format": "uri"}
_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}

_FAILURE: Mapping[str, Any] = {
    "type": ["object", "null"],
    "properties": {
        "code": {"type": "string", "description": "As in errors."},
        "message": {"type": "string"},
    },
    "description": "Why there is no result.",
}

_LINKS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"status": _URL, "events": _URL, "zip": _URL},
}


def _json(description: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


OPTIMIZED = _json("The result.", _RESULT)

QUEUED = _json(
    "The job, also in the `Location` header.",
    {
        "job_id": {"type": "string"},
        "status": {"type": "string", "enum": ["queued"]},
        "status_url": _URL,
    },
)

JOB = _json(
    "The job. While it is not over, `Retry-After` says when to ask again.",
    {
        "job_id": {"type": "string"},
        "status": {"type": "string", "enum": list(STATES)},
        "created_at": _MOMENT,
        "started_at": _MOMENT,
        "finished_at": _MOMENT,
        "progress": {
            "type": "integer",
            "enum": [0, 50, 100],
            "description": "0: queued, 50: somebody works on it, 100: over.",
        },
        "result": {"type": ["object", "null"], "properties": _RESULT},
        "error": _FAILURE,
    },
)

CHUNK = _json(
    "What became of each file of the chunk. A 422 says the same when none was accepted.",
    {
        "batch_id": {"type": "string"},
        "client_batch_id": {"type": "string"},
        "chunk_id": {"type": "string"},
        "status": {"type": "string", "enum": list(STATUSES)},
        "accepted": _COUNT,
        "rejected": _COUNT,
        "total_files": _COUNT,
        "accepted_files": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "item_id": {"type": "string"},
                    "job_id": {"type": "string", "description": "The same as `item_id`."},
                    "index": {"type": "integer", "description": "Place in the chunk, from 0."},
                    "filename": {"type": ["string", "null"]},
                    "url": _URL,
                    "original_size": {"type": ["integer", "null"]},
                    "status": {"type": "string", "enum": ["queued"]},
                },
            },
        },
        "rejected_files": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer", "description": "Place in the chunk, from 0."},
                    "filename": {"type": ["string", "null"]},
                    "url": _URL,
                    "code": {"type": "string", "description": "As in errors."},
                    "error": {"type": "string"},
                },
            },
        },
        "links": _LINKS,
    },
)

_COUNTS: Mapping[str, Any] = {
    "status": {"type": "string", "enum": list(STATUSES)},
    "total": _COUNT,
    "queued": _COUNT,
    "processing": _COUNT,
    "completed": _COUNT,
    "failed": {**_COUNT, "description": "Also those that were canceled."},
    "rejected": {**_COUNT, "description": "Files that were not accepted."},
}

_BATCH: Mapping[str, Any] = {
    "batch_id": {"type": "string"},
    "client_batch_id": {"type": ["string", "null"]},
    **_COUNTS,
    "created_at": _MOMENT,
    "completed_at": _MOMENT,
    "links": _LINKS,
}

CLOSED = _json("The batch.", _BATCH)

BATCH = _json(
    "The batch, and a page of its items.",
    {
        **_BATCH,
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "item_id": {"type": "string"},
                    "filename": {"type": ["string", "null"]},
                    "url": _URL,
                    "status": {"type": "string", "enum": list(STATES)},
                    **_RESULT,
                    "error": _FAILURE,
                },
            },
        },
        "next_cursor": {"type": ["string", "null"], "description": "`cursor` of the next page."},
    },
)

EVENTS: dict[str, Any] = {
    "description": "Server-sent events: `progress` (how far the batch is), `item` (an item that is "
    "over) and, at the end, `complete`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}

ARCHIVE: dict[str, Any] = {
    "description": "All results of the batch up to now.",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
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
