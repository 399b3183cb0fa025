"""What the OpenAPI document says of Tinify's operations."""

from typing import Any

from pixmill.dialects.tinify.commands import ANY, FACTS, METHODS, TYPES

ID: dict[str, Any] = {"type": "string", "description": "As in `Location`."}
KEY: dict[str, Any] = {"type": "string", "description": "An API key."}

SOURCE: dict[str, dict[str, Any]] = {
    "source": {
        "type": "object",
        "description": "Where the image is, when it is not the body itself.",
        "properties": {"url": {"type": "string", "format": "uri"}},
        "required": ["url"],
    }
}

_SIDE = {"type": "integer", "minimum": 1}

COMMANDS: dict[str, dict[str, Any]] = {
    "resize": {
        "type": "object",
        "description": "`scale`: one side is given. `fit`: within both. `cover`: exactly both, cut "
        "where least is to be seen. `thumb`: the same, but objects before a plain ground stay "
        "whole. Nothing is enlarged.",
        "required": ["method"],
        "properties": {
            "method": {"type": "string", "enum": [*METHODS]},
            "width": _SIDE,
            "height": _SIDE,
        },
    },
    "convert": {
        "type": "object",
        "description": f"To one type, or to the smallest of several; `{ANY}` is of all.",
        "required": ["type"],
        "properties": {
            "type": {
                "oneOf": [
                    {"type": "string", "enum": [*TYPES, ANY]},
                    {"type": "array", "items": {"type": "string", "enum": [*TYPES, ANY]}},
                ]
            }
        },
    },
    "transform": {
        "type": "object",
        "properties": {
            "background": {
                "type": "string",
                "description": "`white`, `black` or `#rrggbb`: put under what is transparent.",
            }
        },
    },
    "preserve": {
        "type": "array",
        "items": {"type": "string", "enum": [*FACTS]},
        "description": "What is kept of the metadata.",
    },
    "store": {
        "type": "object",
        "description": "Puts the result into a bucket, in place of the answer.",
        "required": ["service", "path"],
        "properties": {
            "service": {"type": "string", "enum": ["s3", "gcs"]},
            "path": {"type": "string", "description": "Bucket and name, as in `bucket/a/b.jpg`."},
            "region": {"type": "string"},
            "endpoint": {
                "type": "string",
                "description": "Ours: another service than the first that the operator allows.",
            },
            "aws_access_key_id": {"type": "string"},
            "aws_secret_access_key": {"type": "string", "format": "password"},
            "gcp_access_token": {"type": "string", "format": "password"},
            "headers": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
}

_COUNT = {
    "Compression-Count": {
        "description": "Compressions of this month.",
        "schema": {"type": "integer"},
    }
}
_SIZE = {
    name: {"description": "In pixels.", "schema": {"type": "integer"}}
    for name in ("Image-Width", "Image-Height")
}
_LOCATION = {
    "Location": {
        "description": "Where the image is; over plain HTTP without scheme and host.",
        "schema": {"type": "string"},
    }
}
_FILE = {"size": {"type": "integer", "description": "In bytes."}, "type": {"type": "string"}}

SHRUNK: dict[str, Any] = {
    "description": "It is compressed.",
    "headers": {**_COUNT, **_LOCATION},
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["input", "output"],
                "properties": {
                    "input": {"type": "object", "properties": _FILE},
                    "output": {
                        "type": "object",
                        "properties": {
                            **_FILE,
                            "width": {"type": "integer"},
                            "height": {"type": "integer"},
                            "ratio": {"type": "number", "description": "Of the sizes in bytes."},
                            "url": {"type": "string", "format": "uri"},
                        },
                    },
                },
            }
        }
    },
}

IMAGE: dict[str, Any] = {
    "description": "The image; or nothing but headers, when it was stored.",
    "headers": {**_COUNT, **_SIZE},
    "content": {
        name: {"schema": {"type": "string", "format": "binary"}}
        for name in (*TYPES, "image/gif")
        if name != "image/jpg"
    },
}

KEY_STATUS: dict[str, Any] = {
    "description": "The key works.",
    "headers": {
        **_COUNT,
        "Compression-Count-Remaining": {
            "description": "Compressions that are left of this month, where there is a limit.",
            "schema": {"type": "integer"},
        },
    },
    "content": {"application/json": {"schema": {"type": "object"}}},
}

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error", "message"],
    "properties": {"error": {"type": "string"}, "message": {"type": "string"}},
}
