"""What holds for every dialect, those that are still to come included."""

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
import requests
from fastapi import FastAPI
from starlette.responses import Response

from pixmill import errors
from pixmill.app import create_services
from pixmill.dialects import all_dialects
from pixmill.http import routes
from pixmill.http.access import Access
from pixmill.http.bodies import MEDIA_TYPES, Bodies
from pixmill.http.dialect import Call, Dialect, Operation
from pixmill.http.metrics import Metrics
from pixmill.http.record import Record
from pixmill.services.registry import Services
from pixmill.settings import Settings
from pixmill.stores.db import Database

from fixtures.servers import RunningServer

DIALECTS = pytest.mark.parametrize("dialect", all_dialects(), ids=lambda dialect: dialect.name)


def every_error(kind: type[errors.Error] = errors.Error) -> Iterator[type[errors.Error]]:
    yield kind
    for child in kind.__subclasses__():
        yield from every_error(child)


#: Errors that say more than their name.
TELLING = (
    errors.FileTooLarge(limit=1000),
    errors.QuotaExceeded(limit=1, used=1, reset_at=datetime(2026, 7, 1, tzinfo=UTC)),
    errors.GuestLimitReached(limit=1, reset_at=datetime(2026, 7, 1, tzinfo=UTC)),
    errors.RateLimited(limit=1, used=1, retry_after=60, window="minute"),
    errors.InsufficientCredits(balance=0, needed=5),
    errors.MethodNotAllowed(allowed=("GET",)),
    errors.ResultsGone(missing=("an-id",)),
)


def instance(kind: type[errors.Error]) -> errors.Error:
    return next((error for error in TELLING if type(error) is kind), None) or kind()


@DIALECTS
@pytest.mark.parametrize("kind", list(every_error()), ids=lambda kind: kind.__name__)
def test_every_error_has_words(dialect: Dialect, kind: type[errors.Error]) -> None:
    record = Record(request_id="req_1", method="GET", path="/")
    response = dialect.refuse(instance(kind), record)

    assert 400 <= response.status_code <= 599
    assert len(bytes(response.body)) > 10
    assert (record.dialect, record.error) == (dialect.name, kind.code)


@DIALECTS
def test_what_is_only_for_the_log_is_not_said(dialect: Dialect) -> None:
    record = Record(request_id="req_1", method="GET", path="/")
    response = dialect.refuse(errors.UnreadableImage(detail="/etc/secret"), record)

    assert b"secret" not in bytes(response.body)
    assert record.detail == "/etc/secret"


def _that_ask_for_a_key(dialect: Dialect) -> list[Operation]:
    return [operation for operation in dialect.operations if operation.authority == "key"]


@DIALECTS
def test_nothing_is_done_without_a_key(server: RunningServer, dialect: Dialect) -> None:
    """Also OP-2 and OP-3."""
    for operation in _that_ask_for_a_key(dialect):
        answer = requests.request(
            operation.method, f"{server.base_url}{operation.path}", timeout=10
        )

        assert answer.status_code == dialect.errors[errors.BadKey].status, operation.path
        assert answer.headers["X-Request-Id"]


@DIALECTS
def test_a_revoked_key_is_no_key(server: RunningServer, dialect: Dialect) -> None:
    """Also OP-4."""
    key = server.key()
    server.revoke(key)
    for operation in _that_ask_for_a_key(dialect):
        answer = requests.request(
            operation.method,
            f"{server.base_url}{operation.path}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=10,
        )

        assert answer.status_code == dialect.errors[errors.BadKey].status, operation.path


@DIALECTS
def test_every_operation_is_documented(server: RunningServer, dialect: Dialect) -> None:
    document = requests.get(f"{server.base_url}/openapi.json", timeout=10).json()
    for operation in dialect.operations:
        if operation.alias:
            assert operation.path not in document["paths"]
            continue
        described = document["paths"][operation.path][operation.method.lower()]

        assert described["summary"] == operation.summary
        assert described["description"] == operation.description
        assert bool(described.get("security")) == (operation.authority == "key")
        content = described.get("requestBody", {}).get("content", {})
        assert set(content) == (
            {MEDIA_TYPES[kind] for kind in operation.kinds} if operation.form else set()
        )
        for body in content.values():
            files = {
                name for name, field in operation.form.items() if field.get("format") == "binary"
            }
            assert set(operation.form) - files <= set(body["schema"]["properties"])
        wordings = [dialect.errors[kind] for kind in operation.faults if kind in dialect.errors]
        if operation.authority == "key":
            wordings.append(dialect.errors[errors.BadKey])
        for wording in wordings:
            assert f"`{wording.code}`" in described["responses"][str(wording.status)]["description"]


def test_the_document_has_every_operation_once(server: RunningServer) -> None:
    document = requests.get(f"{server.base_url}/openapi.json", timeout=10).json()
    operations = [
        (method, path) for path, methods in document["paths"].items() for method in methods
    ]
    ids = [document["paths"][path][method]["operationId"] for method, path in operations]

    assert sorted(operations) == sorted(
        (operation.method.lower(), operation.path)
        for dialect in all_dialects()
        for operation in dialect.operations
        if not operation.alias
    )
    assert len(ids) == len(set(ids))


@pytest.fixture
def services(sqlite_path: Path) -> Iterator[Services]:
    """Give services on a database of their own; no codec process is started."""
    database = Database(f"sqlite:///{sqlite_path}")
    yield create_services(Settings(data_dir=sqlite_path.parent), database)
    asyncio.run(database.close())


def application(services: Services, *dialects: Dialect) -> FastAPI:
    app = FastAPI()
    bodies = Bodies(timeout=10, memory_size=1000)
    routes.add(app, dialects, services=services, bodies=bodies)
    app.add_middleware(
        Access, metrics=Metrics(pool=services.pool.status, limits=services.limits.status)
    )
    return app


@DIALECTS
def test_no_two_dialects_claim_the_same_path(services: Services, dialect: Dialect) -> None:
    twin = replace(dialect, name="twin")

    application(services, *all_dialects())
    with pytest.raises(errors.Conflict, match="twin"):
        application(services, dialect, twin)


async def crash(_call: Call) -> Response:
    raise RuntimeError("secret of the machine")


@DIALECTS
def test_a_crash_is_worded_and_logged(
    services: Services, dialect: Dialect, caplog: pytest.LogCaptureFixture
) -> None:
    operation = Operation(method="GET", path="/crash", handler=crash, summary="", description="")
    app = application(services, replace(dialect, operations=(operation,)))

    async def ask() -> httpx.Response:
        secret = (await services.keys.create()).secret
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get("/crash", headers={"Authorization": f"Bearer {secret}"})

    with caplog.at_level(logging.ERROR):
        answer = asyncio.run(ask())

    assert (
        answer.status_code
        == dialect.errors.get(errors.Internal, dialect.errors[errors.Error]).status
    )
    assert "secret of the machine" not in answer.text
    assert "secret of the machine" in caplog.text
