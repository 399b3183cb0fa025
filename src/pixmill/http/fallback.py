"""The answer to a request that is for no operation, in the words of whomever it was meant for."""

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from pixmill import errors
from pixmill.http.allowance import count_anonymous
from pixmill.http.dialect import Dialect
from pixmill.http.record import record_of
from pixmill.services.limits import RateLimits

#: What answers somebody who reads HTML; None: whoever asks does not.
Page = Callable[[Request, errors.Error], Coroutine[Any, Any, Response | None]]

#: The methods of a file below /docs/static.
FILE_METHODS = ("GET", "HEAD", "OPTIONS")


class Fallback:
    """Answers 404 for an unknown path, 405 for a known one, and OPTIONS."""

    def __init__(
        self,
        routes: Sequence[object],
        dialects: Sequence[Dialect],
        limits: RateLimits,
        *,
        page: Page | None = None,
    ) -> None:
        self._routes = [route for route in routes if isinstance(route, Route)]
        self._dialects = dialects
        self._limits = limits
        self._page = page

    async def answer(self, request: Request, error: Exception) -> Response:
        """Answer what the router did not know how to; it has the shape of an exception handler."""
        allowed = self._allowed(request)
        if not allowed and getattr(error, "status_code", 0) == 405:
            allowed = FILE_METHODS  # not a route refused it, but the folder of files
        self._hide(request)
        dialect = self.dialect_of(request)
        if dialect and dialect.shows_allowance:
            await count_anonymous(request, self._limits)
        if allowed and request.method == "OPTIONS":
            # No cross-origin headers: no page of another origin has any business here.
            response = Response(status_code=204, headers={"Allow": ", ".join(allowed)})
            if dialect:
                dialect.decorate(response, record_of(request))
            return response
        fault = errors.MethodNotAllowed(allowed=allowed) if allowed else errors.NotFound()
        shown = await self._page(request, fault) if self._page and not dialect else None
        response = shown or (
            dialect.refuse(fault, record_of(request)) if dialect else _neutral(fault)
        )
        if allowed:
            response.headers["Allow"] = ", ".join(allowed)
        return response

    def dialect_of(self, request: Request) -> Dialect | None:
        """Return whose caller this is: by route, by host, by kind of key, or by path."""
        owners = {route.name.partition(":")[0] for route in self._matching(request)}
        for dialect in self._dialects:
            if dialect.name in owners:
                return dialect
        # Not request.url, which raises for a Host that is none.
        host = request.headers.get("host", "").partition(":")[0].lower()
        path = request.scope["path"]
        for dialect in self._dialects:
            if host in dialect.hosts:
                return dialect
        for dialect in self._dialects:
            if (dialect.credentials(request) or "").startswith(dialect.key_prefixes):
                return dialect
        prefixes = [
            (len(prefix), dialect)
            for dialect in self._dialects
            for prefix in dialect.path_prefixes
            if path.startswith(prefix)
        ]
        return max(prefixes, key=lambda found: found[0])[1] if prefixes else None

    def _hide(self, request: Request) -> None:
        """Keep what opens something out of the log, also where it was asked for in a wrong way."""
        path = request.scope["path"]
        for dialect in self._dialects:
            for operation in dialect.operations:
                if operation.secret and path.startswith(operation.path.partition("{")[0]):
                    record_of(request).path = operation.path

    def _allowed(self, request: Request) -> tuple[str, ...]:
        methods = {method for route in self._matching(request) for method in route.methods or ()}
        return tuple(sorted({*methods, "OPTIONS"})) if methods else ()

    def _matching(self, request: Request) -> list[Route]:
        """Return the routes with this path, whatever their method."""
        return [
            route for route in self._routes if route.matches(request.scope)[0] is not Match.NONE
        ]


def _neutral(error: errors.Error) -> Response:
    status = 405 if isinstance(error, errors.MethodNotAllowed) else 404
    return JSONResponse({"error": error.code, "message": str(error)}, status)
