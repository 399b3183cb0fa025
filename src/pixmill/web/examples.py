"""A call of each operation, made from its record, with the reader's own address and key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from fastapi.security import HTTPBearer

from pixmill import clock
from pixmill.http.dialect import Dialect, Operation
from pixmill.services.keys import Key
from pixmill.web.page import Visit

#: What is shown in place of a key.
NO_KEY = "YOUR_KEY"
#: What files and addresses are called in examples.
FILE = "photo.jpg"
URL = "https://example.com/photo.jpg"

#: Fields that say much about a call, though none is required, with what they are given.
_TELLING: Mapping[str, object] = {
    "format": "webp",
    "to": "webp",
    "width": 800,
    "sessionId": "SESSION_ID",
}
_WIDE = ("resize",)  # only there a width is the point


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One call, before it is written in a language."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    file: str = ""  #: the field with a file
    fields: Mapping[str, object] = field(default_factory=dict)
    json: bool = False  #: the fields go as JSON
    output: str = ""  #: where the answer goes; empty: it is to be read
    events: bool = False  #: the answer goes on for a while


async def key_shown(visit: Visit) -> str:
    """Return the beginning of a key that the reader could use, or what stands for one."""
    if visit.visitor is None:
        return NO_KEY
    keys = await visit.services.keys.all(account=visit.account_id)
    return next((f"{key.display_prefix}..." for key in keys if _works(key)), NO_KEY)


def of(dialect: Dialect, operation: Operation, *, base_url: str, key: str) -> Example:
    """Return a call of *operation*."""
    headers = {
        name: _sample(name, schema)
        for name, schema in operation.header_parameters.items()
        if name in operation.required
    }
    if operation.authority == "key":
        headers = _credentials(dialect, key) | headers
    file, values = _body(operation)
    kinds = [*operation.success.get("content", ()), *operation.accepted.get("content", ())]
    return Example(
        method=operation.method,
        url=f"{base_url}{_target(operation)}",
        headers={name: str(value) for name, value in headers.items()},
        file=file,
        fields=values,
        json="json" in operation.kinds and not file,
        output=_output(kinds, values),
        events="text/event-stream" in kinds,
    )


def _works(key: Key) -> bool:
    ended = key.revoked_at or key.disabled_at or key.kind != "api"
    return not ended and (key.expires_at is None or key.expires_at > clock.now())


def _credentials(dialect: Dialect, key: str) -> dict[str, object]:
    if isinstance(dialect.security, HTTPBearer):
        return {"Authorization": f"Bearer {key}"}
    return {"X-API-Key": key}


def _target(operation: Operation) -> str:
    path = operation.path
    for name in operation.path_parameters:
        path = path.replace(f"{{{name}}}", name.upper())
    query = {
        name: name.upper() for name in operation.query_parameters if name in operation.required
    }
    return f"{path}?{urlencode(query)}" if query else path


def _body(operation: Operation) -> tuple[str, Mapping[str, object]]:
    """Return the field with the file, if any, and the others."""
    form = operation.form
    file = next((name for name, schema in form.items() if _binary(schema)), "")
    wanted = [name for name in form if name in operation.required and name != file]
    wanted += [name for name in form if name in _TELLING and name not in wanted]
    if "{id}" in operation.path:
        wanted = [name for name in wanted if name != "sessionId"]
    if not operation.path.endswith(_WIDE):
        wanted = [name for name in wanted if name != "width"]
    if not file and not wanted:
        wanted = list(form)[:1]
    return file, {name: _sample(name, form[name]) for name in wanted}


def _binary(schema: Mapping[str, Any]) -> bool:
    return "binary" in {schema.get("format"), schema.get("items", {}).get("format")}


def _sample(name: str, schema: Mapping[str, Any]) -> object:
    """Return a value that *schema* allows."""
    choices = schema.get("enum")
    if name in _TELLING and (not choices or _TELLING[name] in choices):
        return _TELLING[name]
    if choices:
        return schema.get("default", choices[0])
    value: object = URL if schema.get("format") == "uri" else name.upper().replace("-", "_")
    match schema.get("type"):
        case "integer" | "number":
            value = schema.get("default", schema.get("minimum", 1))
        case "boolean":
            value = True
        case "array":
            value = [_sample(name, schema.get("items", {}))]
        case "object":
            properties = schema.get("properties", {})
            wanted = schema.get("required") or [each for each in properties if each == "format"]
            value = {each: _sample(each, properties[each]) for each in wanted}
    return value


def _output(kinds: list[str], fields: Mapping[str, object]) -> str:
    if "application/zip" in kinds:
        return "pictures.zip"
    if any(kind.startswith("image/") for kind in kinds):
        made = fields.get("to", fields.get("format"))
        return f"small.{made}" if made else "picture"
    return ""
