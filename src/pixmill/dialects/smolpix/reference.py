"""What the OpenAPI document says of Smolpix's operation."""

from typing import Any

from pixmill.dialects.smolpix.options import FORMATS, MAX_WIDTH, NATIVE, QUALITY
from pixmill.engine.types import AUTO
from pixmill.http import native

FIELDS: dict[str, dict[str, Any]] = {
    "url": {"type": "string", "format": "uri", "description": "Where the image is."},
    "format": {
        "type": "string",
        "enum": [AUTO, *FORMATS],
        "default": AUTO,
        "description": "`auto`: the smaller of the two at the same look.",
    },
    "quality": {
        "type": "number",
        "minimum": 1,
        "maximum": 100,
        "default": QUALITY,
        "description": "How it looks, as in a JPEG of that quality. Lower is smaller.",
    },
    "maxWidth": {
        "type": "number",
        "minimum": 1,
        "default": MAX_WIDTH,
        "description": "Pixels across, at most. The aspect ratio is kept.",
    },
    "smart": {
        "type": "boolean",
        "default": True,
        "description": "Reach the look of `quality` by measuring, whatever the content.",
    },
    **{name: dict(native.FIELDS[name]) for name in NATIVE},
}

OPTIMIZED: dict[str, Any] = {
    "description": "The image, and what became of it.",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": [
                    "success",
                    "originalSize",
                    "optimizedSize",
                    "savings",
                    "savingsPercent",
                    "format",
                    "width",
                    "height",
                    "data",
                    "contentType",
                ],
                "properties": {
                    "success": {"type": "boolean", "const": True},
                    "originalSize": {"type": "integer", "description": "In bytes."},
                    "optimizedSize": {"type": "integer", "description": "In bytes."},
                    "savings": {"type": "integer", "minimum": 0, "description": "In bytes."},
                    "savingsPercent": {"type": "integer", "minimum": 0, "maximum": 100},
                    "format": {"type": "string", "enum": [*FORMATS]},
                    "width": {"type": "integer", "description": "In pixels."},
                    "height": {"type": "integer", "description": "In pixels."},
                    "data": {"type": "string", "contentEncoding": "base64"},
                    "contentType": {
                        "type": "string",
                        "enum": [f"image/{name}" for name in FORMATS],
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
                },
            }
        }
    },
}

ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["success", "error", "code"],
    "properties": {
        "success": {"type": "boolean", "const": False},
        "error": {"type": "string"},
        "code": {"type": "string"},
        "used": {"type": "integer", "description": "With 429."},
        "limit": {"type": "integer", "description": "With 429."},
    },
}
