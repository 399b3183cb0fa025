"""The flat table of routes: each operation of each dialect, and how OpenAPI describes it."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from fastapi import Depends, FastAPI
from starlette.responses import Response

from pixmill import errors
from pixmill.http.bodies import MEDIA_TYPES, Bodies
from pixmill.http.dialect import Dialect, Endpoint, Operation
from pixmill.services.registry import Services

# For a field without an example, Swagger UI makes one up and sends it: at most 1 byte, the first
# of all formats. An empty field counts as not sent.
_EMPTY = {"example": ""}


def add(app: FastAPI, dialects: Iterable[Dialect], *, services: Services, bodies: Bodies) -> None:
    """
    Give every operation its own route; nothing is mounted, because the dialects' paths overlap.

    Raises Conflict when two dialects claim the same method and path.
    """
    owners: dict[tuple[str, str], str] = {}
    for dialect in dialects:
        for operation in dialect.operations:
            claim = operation.method, operation.path
            if claim in owners:
                raise errors.Conflict(
                    f"{' '.join(claim)} is claimed by {owners[claim]} and by {dialect.name}."
                )
            owners[claim] = dialect.name
            _add(app, dialect, operation, services=services, bodies=bodies)


def _add(
    app: FastAPI, dialect: Dialect, operation: Operation, *, services: Services, bodies: Bodies
) -> None:
    endpoint = Endpoint(dialect, operation, services=services, bodies=bodies)
    name = f"{dialect.name}:{operation.name}"
    app.add_api_route(
        operation.path,
        endpoint.answer,
        methods=[operation.method],
        name=name,
        operation_id=f"{dialect.name}_{operation.name}",
        tags=[dialect.title],
        summary=operation.summary,
        description=operation.description,
        dependencies=[Depends(dialect.security)] if operation.authority == "key" else [],
        response_class=Response,
        status_code=_status(operation),
        responses=responses(dialect, operation),
        openapi_extra=_described(operation),
        include_in_schema=not operation.alias,
    )
    if operation.method == "GET":
        app.add_api_route(
            operation.path,
            endpoint.answer,
            methods=["HEAD"],
            name=name,
            response_class=Response,
            include_in_schema=False,
        )


def _status(operation: Operation) -> int:
    if operation.success or not (operation.created or operation.accepted):
        return 200
    return 201 if operation.created else 202


def faults(dialect: Dialect, operation: Operation) -> dict[int, dict[str, str]]:
    """Return every error of *operation*: by its status, and then by its code what it means."""
    kinds = [*operation.faults]
    if operation.authority == "key":
        kinds += [errors.BadKey, errors.PlanWithoutApi, errors.RateLimited]
    if operation.spends:
        kinds += [errors.QuotaExceeded, errors.Busy]
    if operation.form:
        kinds += [
            errors.WrongContentType,
            errors.FileTooLarge,
            errors.UploadIncomplete,
            errors.BadInput,
        ]
    codes: dict[int, dict[str, str]] = defaultdict(dict)
    for fault in (*kinds, errors.Internal):
        wording = next(dialect.errors[each] for each in fault.__mro__ if each in dialect.errors)
        said = wording.message or (fault.__doc__ or "").strip().split("\n", 1)[0]
        codes[wording.status].setdefault(wording.code, said)
    return dict(sorted(codes.items()))


def responses(dialect: Dialect, operation: Operation) -> dict[int | str, dict[str, Any]]:
    """Return OpenAPI's Responses object: the success, and every error by its status."""
    successes = {200: operation.success, 201: operation.created, 202: operation.accepted}
    described: dict[int | str, dict[str, Any]] = {
        status: dict(success) for status, success in successes.items() if success
    }
    for status, meanings in faults(dialect, operation).items():
        described[status] = {
            "description": "\n\n".join(f"`{code}`: {said}" for code, said in meanings.items()),
            "content": {"application/json": {"schema": dict(dialect.error_schema)}},
        }
    return described


def _described(operation: Operation) -> dict[str, Any]:
    """Return what OpenAPI says of parameters and body."""
    described: dict[str, Any] = {}
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.form:
        described["requestBody"] = {"required": True, "content": _content(operation)}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    places = {
        "path": operation.path_parameters,
        "query": operation.query_parameters,
        "header": operation.header_parameters,
    }
    return [
        {
            "name": name,
            "in": place,
            "required": place == "path" or name in operation.required,
            "schema": dict(schema),
        }
        for place, schemas in places.items()
        for name, schema in schemas.items()
    ]


def _content(operation: Operation) -> dict[str, Any]:
    optional = set(operation.form) - set(operation.required)
    properties = {
        name: {**field, **(_EMPTY if name in optional and "default" not in field else {})}
        for name, field in operation.form.items()
    }
    described: dict[str, Any] = {}
    for kind in operation.kinds:
        told = {
            name: field
            for name, field in properties.items()
            if kind == "multipart" or field.get("format") != "binary"
        }
        schema = {
            "type": "object",
            "properties": told,
            "required": [name for name in operation.required if name in told],
        }
        described[MEDIA_TYPES[kind]] = {"schema": schema}
    return described
