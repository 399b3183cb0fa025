"""What happens to every request, whatever it is for: an id, safe headers, one log line, metrics."""

import logging
from dataclasses import asdict

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pixmill import errors
from pixmill.http import request_ids
from pixmill.http.metrics import Metrics
from pixmill.http.record import Record

log = logging.getLogger(__name__)

#: Headers that an answer has unless it brings its own. Nothing that this server sends may run,
#: frame or be framed; pages that need more say so themselves.
SAFE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Server": "pixmill",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

#: Characters of a path that are logged.
PATH_LENGTH = 200

# Somebody asks for these every few seconds; a line for each would bury the others.
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})

# The log has them in another way, or does not need them.
_UNLOGGED = {
    "request_id",
    "started",
    "allowance",
    "account_id",
    "images",
    "cached",
    "used",
    "refused_status",
}


class Access:
    """The outermost room: nothing enters or leaves without being counted."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = Record(
            request_id=request_ids.new(),
            method=scope["method"],
            path=scope["path"][:PATH_LENGTH],
        )
        scope.setdefault("state", {})["record"] = record
        token = request_ids.current.set(record.request_id)

        async def counted_receive() -> Message:
            message = await receive()
            record.received_size += len(message.get("body", b""))
            return message

        async def counted_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = record.refused_status or message["status"]
                _finish(MutableHeaders(scope=message), record)
            else:
                record.sent_size += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, counted_receive, counted_send)
        except Exception:
            log.exception("a request crashed outside of every dialect")
            if not record.status:
                await _crash()(scope, counted_receive, counted_send)
        finally:
            self._metrics.observe(record)
            _write(record)
            request_ids.current.reset(token)


def _finish(headers: MutableHeaders, record: Record) -> None:
    headers["X-Request-Id"] = record.request_id
    for name, value in SAFE_HEADERS.items():
        headers.setdefault(name, value)


def _crash() -> JSONResponse:
    error = errors.Internal()
    return JSONResponse({"error": error.code, "message": str(error)}, 500)


def _write(record: Record) -> None:
    quiet = record.path in _QUIET and record.status < 400
    facts = {
        name: value
        for name, value in asdict(record).items()
        if name not in _UNLOGGED and value not in {"", 0, "none"}
    }
    log.log(
        logging.DEBUG if quiet else logging.INFO,
        "%s %s %s",
        record.method,
        record.path,
        record.status,
        extra={**facts, "seconds": round(record.seconds, 4)},
    )
