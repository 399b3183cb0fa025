"""A page for each API: what it takes, what may go wrong, and calls to copy."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import PlainTextResponse, Response

from pixmill import errors
from pixmill.http import routes
from pixmill.http.dialect import Dialect, Operation
from pixmill.web import examples
from pixmill.web.languages import LANGUAGES
from pixmill.web.page import Page, Visit

ABOUT = "A self-hosted image optimizer that speaks the APIs you already use."

#: What a text is called that is written in a certain way.
_TEXTS: Mapping[object, str] = {"binary": "file", "uri": "URL"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One thing that a call can say."""

    name: str
    place: str  #: path, query, header or body
    required: bool
    kind: str
    default: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One operation as its page has it."""

    operation: Operation
    parameters: tuple[Parameter, ...]
    faults: Mapping[int, Mapping[str, str]]
    calls: Mapping[str, str]  #: the same call in each language

    @property
    def anchor(self) -> str:
        """Return what links to it end with."""
        return self.operation.name.replace("_", "-")


async def apis(visit: Visit) -> Response:
    """Show which APIs there are."""
    return visit.render("apis/list.html", dialects=visit.site.dialects)


async def api(visit: Visit) -> Response:
    """Show one API. Raises NotFound."""
    dialect = next(
        (each for each in visit.site.dialects if path_of(each) == visit.request.url.path), None
    )
    if dialect is None:
        raise errors.NotFound
    key = await examples.key_shown(visit)
    return visit.render(
        "apis/api.html",
        dialect=dialect,
        dialects=visit.site.dialects,
        shown=[_shown(visit, dialect, each, key) for each in _own(dialect)],
        key=key,
        tag=quote(dialect.title),
    )


async def llms(visit: Visit) -> Response:
    """Tell a language model what this server can do."""
    base_url = visit.base_url
    lines = [
        "# Pixmill",
        "",
        f"> {ABOUT}",
        "",
        f"Every call below works at {base_url} with a key of this server. The whole reference as",
        f"OpenAPI: {base_url}/openapi.json",
    ]
    for dialect in visit.site.dialects:
        lines += ["", f"## {dialect.title}", "", dialect.description, ""]
        lines += [
            f"- `{each.method} {each.path}`: {each.summary}. {each.description}"
            for each in _own(dialect)
        ]
    return PlainTextResponse("\n".join(lines) + "\n")


def path_of(dialect: Dialect) -> str:
    """Return where the page of *dialect* is."""
    return f"/apis/{dialect.name.replace('_', '-')}"


def _own(dialect: Dialect) -> Iterator[Operation]:
    return (each for each in dialect.operations if not each.alias)


def _shown(visit: Visit, dialect: Dialect, operation: Operation, key: str) -> Shown:
    call = examples.of(dialect, operation, base_url=visit.base_url, key=key)
    return Shown(
        operation=operation,
        parameters=tuple(_parameters(operation)),
        faults=routes.faults(dialect, operation),
        calls={name: write(call) for name, write in LANGUAGES.items()},
    )


def _parameters(operation: Operation) -> Iterator[Parameter]:
    places = {
        "path": operation.path_parameters,
        "query": operation.query_parameters,
        "header": operation.header_parameters,
        "body": operation.form,
    }
    for place, schemas in places.items():
        for name, schema in schemas.items():
            yield Parameter(
                name=name,
                place=place,
                required=place == "path" or name in operation.required,
                kind=_kind(schema),
                default=_written(schema["default"]) if "default" in schema else "",
                description=schema.get("description", ""),
            )


def _kind(schema: Mapping[str, Any]) -> str:
    """Return in words what *schema* allows."""
    if choices := schema.get("enum"):
        return ", ".join(map(_written, choices))
    format_, kind = schema.get("format"), schema.get("type")
    match kind:
        case "array":
            said = f"list of: {_kind(schema.get('items', {}))}"
        case "object":
            said = ": ".join(filter(None, (kind, ", ".join(schema.get("properties", ())))))
        case "integer" | "number":
            said = f"{kind}{_range(schema.get('minimum'), schema.get('maximum'))}"
        case list():
            said = " or ".join(kind)
        case "boolean":
            said = "true, false"
        case _:
            said = _TEXTS.get(format_, "text")
    return said


def _range(low: object, high: object) -> str:
    if low is None:
        return ""
    return f", at least {low}" if high is None else f", {low} to {high}"


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


PAGES = (
    Page(path="/apis", handler=apis, who="anyone"),
    Page(path="/apis/{name}", handler=api, who="anyone"),
    Page(path="/llms.txt", handler=llms, who="anyone"),
)
