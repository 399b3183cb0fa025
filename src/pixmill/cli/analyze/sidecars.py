"""Sidecars: JSON beside pictures, with words for people to edit and for other programs to read."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pixmill import errors
from pixmill.cli import files
from pixmill.engine.words.types import Words

#: What says that a file is one of these: other programs write ``photo.jpg.json``, too.
KIND = "pixmill-sidecar"
VERSION = 1

#: Bytes of the longest that is read.
MOST = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What is said of a picture, and of which one."""

    sha256: str
    engine: str
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What there is where the sidecar of a picture goes."""

    path: Path
    data: bytes | None = field(default=None, repr=False)
    sidecar: Sidecar | None = None  #: None for somebody else's file, too


class _Words(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    title: str | None = None
    alt: str | None = None
    caption: str | None = None
    description: str | None = None
    keywords: list[str] | None = None
    copyright: str | None = None


class _Sidecar(BaseModel):
    # What else there is, such as facts, is for other readers.
    model_config = ConfigDict(extra="ignore", strict=True)

    kind: Literal["pixmill-sidecar"]
    version: Literal[1]
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    engine: str
    words: _Words


def look(picture: Path) -> Place:
    """
    Return what there is beside *picture*.

    Raises BadInput for a sidecar that cannot be used, so that nothing that somebody has written is
    lost, and OSError.
    """
    path = picture.with_name(f"{picture.name}.json")
    try:
        data = files.read(path, most=MOST).data
    except FileNotFoundError:
        return Place(path=path)
    except errors.BadInput as error:
        raise errors.BadInput(f"Its sidecar cannot be used. {error}") from error
    return Place(path=path, data=data, sidecar=_parsed(data))


def write(place: Place, sidecar: Sidecar, facts: dict[str, Any]) -> None:
    """Write *sidecar*, unless it is there. Raises Conflict for somebody else's file and OSError."""
    if place.data is not None and place.sidecar is None:
        raise errors.Conflict("Where its sidecar would go there is a file of another program.")
    content = {
        "kind": KIND,
        "version": VERSION,
        "sha256": sidecar.sha256,
        "engine": sidecar.engine,
        "words": asdict(sidecar.words),
        "facts": facts,
    }
    data = f"{json.dumps(content, indent=2, ensure_ascii=False)}\n".encode()
    if data == place.data:
        return
    try:
        now = files.read(place.path, most=MOST).data
    except FileNotFoundError:
        now = None
    if now != place.data:  # a person may have been editing it while a model was asked
        raise errors.Conflict("Its sidecar was changed in the meantime.")
    files.write(place.path, data)


def _parsed(data: bytes) -> Sidecar | None:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        where = (
            f" Line {error.lineno}: {error.msg}." if isinstance(error, json.JSONDecodeError) else ""
        )
        raise errors.BadInput(f"Its sidecar is not JSON.{where}") from error
    if not isinstance(content, dict) or content.get("kind") != KIND:
        return None
    try:
        kept = _Sidecar.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise errors.BadInput(f"Its sidecar cannot be used. {place}: {first['msg']}.") from error
    texts = kept.words.model_dump()
    words = Words(**{**texts, "keywords": tuple(texts["keywords"] or ())}).cleaned()
    words.check()
    return Sidecar(sha256=kept.sha256, engine=kept.engine, words=words)
