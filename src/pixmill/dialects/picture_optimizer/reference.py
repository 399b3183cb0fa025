"""What the OpenAPI document says of requests to Picture Optimizer."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection

from pixmill.dialects.picture_optimizer import recipes, texts
from pixmill.dialects.picture_optimizer.sessions import MOST, PAGE
from pixmill.http import credentials
from pixmill.services.credits import PRICES
from pixmill.services.sessions.types import MOST_AT_ONCE

_HEADER = APIKeyHeader(name="X-API-Key", scheme_name="Picture Optimizer key", auto_error=False)
_BEARER = HTTPBearer(
    scheme_name="Picture Optimizer token", description="The same key: sk-...", auto_error=False
)

Fields = Mapping[str, Mapping[str, Any]]


def security(
    _header: Annotated[object, Depends(_HEADER)], _bearer: Annotated[object, Depends(_BEARER)]
) -> None:
    """Describe the two ways to send a key; who calls is found out elsewhere."""


def key(connection: HTTPConnection) -> str | None:
    """Return the key that *connection* brings; of two, that in ``X-API-Key`` (PO-3, PO-18)."""
    return (
        credentials.header(connection)
        or credentials.bearer(connection)
        or credentials.basic(connection)
    )


METADATA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        **{
            name: {"type": ["string", "null"], "maxLength": most}
            for name, most in texts.LONGEST.items()
        },
        "filename": {"type": ["string", "null"], "description": "Without an extension."},
        "seoTags": {"type": "array", "items": {"type": "string"}},
    },
}

_IMAGE: Mapping[str, Any] = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "string"},
        "uploadPath": {"type": "string"},
        "originalFilename": {"type": "string"},
        "metadata": {**METADATA, "description": "For an export: said instead of what is known."},
    },
}

IMAGES: Mapping[str, Any] = {
    "type": "array",
    "items": _IMAGE,
    "maxItems": MOST_AT_ONCE,
    "description": "Default: all of the session.",
}
_SESSION_ID: Mapping[str, Any] = {"type": "string", "description": "As in the path, if there."}
_SIDE = {"type": "integer", "minimum": 1, "maximum": recipes.MAX_SIDE}

SETTINGS: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "format": {
            "type": "string",
            "enum": list(recipes.FORMATS),
            "default": recipes.DEFAULT_FORMAT,
        },
        "preset": {
            "type": "string",
            "enum": list(recipes.PRESETS),
            "default": recipes.DEFAULT_PRESET,
        },
        "quality": {"type": "integer", "minimum": 1, "maximum": 100},
        "width": _SIDE,
        "height": _SIDE,
        "fit": {"type": "string", "enum": list(recipes.FITS), "default": "inside"},
        "responsive": {"type": "boolean", "default": False},
        "responsiveSizes": {
            "type": "array",
            "maxItems": recipes.MOST_SIZES,
            "items": {
                "type": "object",
                "properties": {"width": _SIDE, "height": _SIDE, "name": {"type": "string"}},
            },
        },
        "stripMetadata": {"type": "boolean", "default": True},
        "writeMetadata": {"type": "boolean", "default": True},
    },
}

_RUN: Fields = {
    "sessionId": _SESSION_ID,
    "deductionId": {"type": "string", "description": "Of a credits check that has deducted."},
    "webhookUrl": {
        "type": "string",
        "format": "uri",
        "description": "Is sent the data of `complete`, signed as Standard Webhooks are.",
    },
}

_STYLE: Fields = {
    "language": {"type": "string", "description": "Of the words: a tag such as `en` or `pt-BR`."},
    "houseStyle": {"type": "string", "description": "What the model is told about wording."},
}

UPLOAD: Fields = {
    "images[]": {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "maxItems": MOST_AT_ONCE,
        "description": "Parts may also be called `images`, `image`, `file`, `files` or `files[]`.",
    },
    "urls": {
        "type": "array",
        "items": {"type": "string", "format": "uri"},
        "maxItems": MOST_AT_ONCE,
        "description": "Where images are, instead or beside; in a form, `urls[]`.",
    },
}
ANALYZE: Fields = {**_RUN, "images": IMAGES, **_STYLE}
SINGLE: Fields = {"image": _IMAGE, **_RUN, **_STYLE}
EXPORT: Fields = {**_RUN, "images": IMAGES, "settings": SETTINGS}
SAMPLE: Fields = {"sessionId": _SESSION_ID, "images": IMAGES, "settings": SETTINGS}
EDIT: Fields = METADATA["properties"]
CHECK: Fields = {
    "action": {"type": "string", "enum": list(PRICES)},
    "imageCount": {"type": "integer", "minimum": 1},
    "deduct": {"type": "boolean", "default": False},
}

ID: Fields = {"id": {"type": "string", "description": "`sessionId`"}}
PICTURE: Fields = {**ID, "image_id": {"type": "string", "description": "`imageId`"}}
FILE: Fields = {**ID, "name": {"type": "string", "description": "`path` of a variant"}}
LINK: Fields = {
    "id": {"type": "string", "format": "uuid"},
    "signature": {"type": "string"},
    "name": {"type": "string", "description": "Any name."},
}
PAGES: Fields = {
    "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": PAGE},
    "offset": {"type": "integer", "minimum": 0},
}
FOLLOW: Fields = {"runId": {"type": "string", "description": "Only this run."}}
RESUME: Fields = {"Last-Event-ID": {"type": "string", "description": "Go on behind this event."}}
