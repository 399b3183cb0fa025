"""What machines ask a server about itself: is it alive, can it serve, how is it doing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.http.metrics import Metrics

log = logging.getLogger(__name__)

#: Says whether something that serving needs is there; may also raise one of our errors.
Check = Callable[[], Awaitable[bool]]

#: Seconds that a check may take.
PATIENCE = 5.0


def add(
    app: FastAPI,
    *,
    metrics: Metrics,
    facts: Callable[[], Mapping[str, object]],
    checks: Mapping[str, Check],
) -> None:
    """
    Serve /healthz, /readyz and /metrics.

    *facts* are told with /healthz: versions, and which layers lock the codec processes. Every one
    of *checks* must be passed for /readyz.
    """

    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "ok", **facts()}, headers=_FRESH)

    async def readyz() -> JSONResponse:
        names = list(checks)
        passed = await asyncio.gather(*(_passes(name, checks[name]) for name in names))
        state = {name: "ok" if ok else "failing" for name, ok in zip(names, passed, strict=True)}
        if all(passed):
            return JSONResponse({"status": "ready", "checks": state}, headers=_FRESH)
        return JSONResponse({"status": "not ready", "checks": state}, 503, headers=_FRESH)

    async def exposition() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST, headers=_FRESH)

    for path, endpoint in (("/healthz", healthz), ("/readyz", readyz), ("/metrics", exposition)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


_FRESH = {"Cache-Control": "no-store"}


async def _passes(name: str, check: Check) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except (errors.Error, TimeoutError) as error:
        log.warning(
            "not ready: %s: %s", name, error, extra={"detail": getattr(error, "detail", "")}
        )
        return False
