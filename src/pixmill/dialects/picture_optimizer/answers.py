"""How Picture Optimizer tells of sessions, their images and what is known of them."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pixmill.dialects.picture_optimizer import texts, words
from pixmill.dialects.picture_optimizer.places import Links, upload_path
from pixmill.services.sessions.types import (
    Content,
    Picture,
    Session,
    Status,
    load_texts,
)
from pixmill.services.vision.types import LOCAL

#: What is known of an image's words.
STATUSES: Mapping[Status, str] = {
    "uploaded": "uploaded",
    "described": "analyzed",
    "edited": "edited",
    "failed": "failed",
}


def session(session: Session, *, life: timedelta) -> dict[str, Any]:
    """Return what is said of a session itself."""
    return {
        "sessionId": session.id,
        "createdAt": words.moment(session.created_at),
        "expiresAt": words.moment(session.used_at + life),
    }


def image(picture: Picture) -> dict[str, Any]:
    """Return what is said of an image that was uploaded (PO-24)."""
    return {
        "id": picture.id,
        "originalFilename": picture.filename,
        "size": picture.size,
        "width": picture.width,
        "height": picture.height,
        "uploadPath": upload_path(picture.session_id, picture.id),
        "format": picture.format,
    }


def analysis(picture: Picture) -> dict[str, Any]:
    """Return what is known of an image (PO-54)."""
    kept = json.loads(picture.facts) if picture.facts else None
    return {
        "imageId": picture.id,
        "status": STATUSES[picture.status],
        "metadata": texts.metadata(load_texts(picture.words)),
        "engine": picture.engine,
        "facts": facts(kept) if kept else None,
        "error": picture.error,
        **notice(picture.engine),
    }


def notice(engine: str | None) -> dict[str, str]:
    """Say so where no model has looked at an image (PO-56)."""
    return {"notice": words.NO_VISION} if engine == LOCAL else {}


def facts(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was measured of an image."""
    shot = kept["shot"]
    return {
        "format": kept["format"],
        "width": kept["width"],
        "height": kept["height"],
        "size": kept["file_size"],
        "frames": kept["frames"],
        "hasAlpha": kept["alpha"],
        "colors": kept["colors"],
        "sharpness": kept["sharpness"],
        "takenAt": shot["taken"],
        "camera": {"make": shot["make"], "model": shot["model"]},
        "hasLocation": kept["gps"],
        "hasContentCredentials": kept["c2pa"],
    }


def state(content: Content, *, life: timedelta, links: Links) -> dict[str, Any]:
    """Return all that is in a session (PO-34)."""
    own = content.session.id
    return {
        **session(content.session, life=life),
        "status": "processing" if content.running else "idle",
        "runs": list(content.running),
        "images": [{**image(picture), **analysis(picture)} for picture in content.pictures],
        "files": [
            {
                "imageId": file.picture_id,
                "name": file.variant,
                "path": file.name,
                "url": links.own(own, file.name),
            }
            for file in content.files
        ],
    }
