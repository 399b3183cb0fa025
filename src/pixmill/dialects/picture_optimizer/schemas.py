"""What the OpenAPI document says of Picture Optimizer's answers."""

from collections.abc import Mapping
from typing import Any

from pixmill.dialects.picture_optimizer.answers import STATUSES
from pixmill.dialects.picture_optimizer.reference import METADATA

_TEXT: Mapping[str, Any] = {"type": "string"}
_COUNT: Mapping[str, Any] = {"type": "integer", "minimum": 0}
_MOMENT: Mapping[str, Any] = {"type": "string", "format": "date-time"}
_URL: Mapping[str, Any] = {"type": "string", "format": "uri"}


def _json(description: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _list(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "object", "properties": properties}}


_IMAGE: Mapping[str, Any] = {
    "id": _TEXT,
    "originalFilename": _TEXT,
    "size": {**_COUNT, "description": "Bytes."},
    "width": _COUNT,
    "height": _COUNT,
    "uploadPath": {**_TEXT, "description": "To be sent back as it is; it is no path."},
    "format": _TEXT,
}
_SESSION: Mapping[str, Any] = {
    "sessionId": _TEXT,
    "createdAt": _MOMENT,
    "expiresAt": {**_MOMENT, "description": "Unless the session is used before."},
}
_FOUND: Mapping[str, Any] = {
    "metadata": METADATA,
    "engine": {**_TEXT, "description": "The model's name, `local` without one, or `person`."},
    "facts": {"type": ["object", "null"], "description": "What was measured."},
    "notice": {**_TEXT, "description": "There when no model is configured."},
}
_ANALYSIS: Mapping[str, Any] = {
    "imageId": _TEXT,
    "status": {"type": "string", "enum": list(STATUSES.values())},
    **_FOUND,
    "error": {"type": ["string", "null"]},
}

UPLOADED = _json(
    "The session and the images that came.",
    {
        **_SESSION,
        "images": _list(_IMAGE),
        "rejected": _list({"originalFilename": _TEXT, "error": _TEXT, "code": _TEXT}),
    },
)
SESSIONS = _json("The sessions.", {"sessions": _list({**_SESSION, "imageCount": _COUNT})})
SESSION = _json(
    "The session.",
    {
        **_SESSION,
        "status": {"type": "string", "enum": ["processing", "idle"]},
        "runs": {"type": "array", "items": _TEXT},
        "images": _list({**_IMAGE, **_ANALYSIS}),
        "files": _list({"imageId": _TEXT, "name": _TEXT, "path": _TEXT, "url": _URL}),
    },
)
ANALYSIS = _json("What is known.", {"sessionId": _TEXT, "images": _list(_ANALYSIS)})
EDITED = _json("What is known now.", _ANALYSIS)
RESULT = _json("What was found.", {"imageId": _TEXT, **_FOUND})

EVENTS: dict[str, Any] = {
    "description": "Server-sent events: `progress`, `partial`, `result`, `error` and, at the end, "
    "`complete`.",
    "content": {"text/event-stream": {"schema": {"type": "string"}}},
}
SAMPLES = _json(
    "What an export would give.",
    {
        "sessionId": _TEXT,
        "samples": _list(
            {
                "imageId": _TEXT,
                "originalSize": _COUNT,
                "exportedSize": _COUNT,
                "savingsPercent": {"type": "number"},
                "width": _COUNT,
                "height": _COUNT,
                "format": _TEXT,
                "preview": {
                    "type": "object",
                    "properties": {
                        "url": _URL,
                        "size": _COUNT,
                        "width": _COUNT,
                        "height": _COUNT,
                    },
                },
            }
        ),
    },
)
BALANCE = _json("What there is.", {"balance": _COUNT, "planName": _TEXT, "userId": _TEXT})
CHECKED = _json(
    "There are enough.",
    {
        "sufficient": {"type": "boolean"},
        "balance": {**_COUNT, "description": "Before anything was deducted."},
        "cost": _COUNT,
        "remaining": {**_COUNT, "description": "After a deduction."},
        "deductionId": {**_TEXT, "description": "Pays for one run."},
    },
)
CONSTANTS = _json(
    "Presets, prices and limits.",
    {
        "presets": {"type": "object"},
        "bytesPerPixel": {"type": "object", "description": "To estimate sizes with."},
        "formats": {"type": "array", "items": _TEXT},
        "credits": {"type": "object"},
        "limits": {"type": "object"},
    },
)
FILE: dict[str, Any] = {
    "description": "The file. Ranges and conditional requests are understood.",
    "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
}
ARCHIVE: dict[str, Any] = {
    "description": "All files of the session.",
    "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
}
GONE: dict[str, Any] = {"description": "It is gone; there is no body."}

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error", "code"],
    "properties": {
        "error": {"type": "string", "description": "A sentence for people."},
        "code": {"type": "string"},
    },
}
