"""What happens to every request, whatever it is for."""

import asyncio
import logging

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from pixmill.http.access import PATH_LENGTH, SAFE_HEADERS, Access
from pixmill.http.metrics import Metrics
from pixmill.http.record import record_of
from pixmill.services.limits import Counters as LimitsCounters
from pixmill.services.limits import LimitsStatus
from pixmill.services.pool.types import Counters, PoolStatus

from fixtures.servers import Client


def limits() -> LimitsStatus:
    return LimitsStatus(shared=False, available=True, counters=LimitsCounters())


def status() -> PoolStatus:
    return PoolStatus(
        workers=0,
        alive=0,
        busy=0,
        waiting=0,
        memory_in_use=0,
        memory_size=0,
        layers=(),
        missing={},
        counters=Counters(),
    )


async def crash() -> None:
    raise RuntimeError("secret of the machine")


async def refused_form(request: Request) -> Response:
    record_of(request).refused_status = 409
    return Response("cannot be done")


async def own_policy() -> Response:
    return Response("page", headers={"Content-Security-Policy": "default-src 'self'"})


def ask(path: str) -> tuple[httpx.Response, str]:
    """Return what a small application answers, and its metrics afterwards."""
    metrics = Metrics(pool=status, limits=limits)
    app = FastAPI()
    app.add_api_route("/crash", crash)
    app.add_api_route("/page", own_policy)
    app.add_api_route("/form", refused_form)
    app.add_middleware(Access, metrics=metrics)

    async def get() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
            return await client.get(path)

    return asyncio.run(get()), metrics.text().decode()


def test_a_crash_outside_of_every_dialect_is_answered_and_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.ERROR):
        answer, metrics = ask("/crash")

    assert answer.status_code == 500
    assert answer.json() == {"error": "internal", "message": "Something went wrong on this side."}
    assert answer.headers["X-Request-Id"]
    assert "secret of the machine" in caplog.text
    assert 'status="500"} 1.0' in metrics


def test_a_refusal_that_browsers_are_not_to_complain_of_is_counted_as_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        answer, metrics = ask("/form")

    assert answer.status_code == 200
    assert 'status="409"} 1.0' in metrics
    assert "GET /form 409" in caplog.text


def test_a_page_may_bring_its_own_policy() -> None:
    answer, _ = ask("/page")

    assert answer.headers["Content-Security-Policy"] == "default-src 'self'"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/usage"),
        ("POST", "/v1/compress"),
        ("GET", "/elsewhere"),
        ("PUT", "/v1/usage"),
        ("OPTIONS", "/v1/usage"),
        ("GET", "/healthz"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/static/docs.js"),
    ],
)
def test_every_answer_has_safe_headers(client: Client, method: str, path: str) -> None:
    headers = client.request(method, path).headers

    assert [name for name in SAFE_HEADERS if name not in headers] == []
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Server"] == "pixmill"
    assert "unsafe" not in headers["Content-Security-Policy"]


def test_a_long_path_is_cut_in_the_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        ask("/" + "x" * 5000)
    (record,) = [record for record in caplog.records if record.name == "pixmill.http.access"]

    assert len(record.getMessage()) < PATH_LENGTH + 20
    assert client.request("GET", "/" + "x" * 5000).status_code == 404
