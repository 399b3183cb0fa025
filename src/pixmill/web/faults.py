"""What a visitor sees when something does not work."""

import logging
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pixmill import errors
from pixmill.web.page import Visit

log = logging.getLogger(__name__)

#: The status of each error, or of its nearest ancestor here.
STATUSES: Mapping[type[errors.Error], int] = {
    errors.Error: 400,
    errors.BadKey: 401,
    errors.BadCredentials: 401,
    errors.Refused: 403,
    errors.QuotaExceeded: 429,
    errors.RateLimited: 429,
    errors.TooManySignIns: 429,
    errors.GuestLimitReached: 429,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.ResultGone: 410,
    errors.TicketGone: 410,
    errors.Conflict: 409,
    errors.FileTooLarge: 413,
    errors.UnsupportedFormat: 415,
    errors.UnreadableImage: 422,
    errors.Busy: 503,
    errors.Unavailable: 503,
    errors.Internal: 500,
}

#: What a page about an error is called, by its status.
_TITLES = {
    400: "That did not work",
    401: "Sign in first",
    403: "Not allowed",
    404: "There is no such page",
    405: "There is no such page",
    409: "That cannot be done now",
    410: "It is gone",
    429: "Too many at once",
    500: "Something broke on our side",
    503: "Busy right now",
}


def status_of(error: errors.Error) -> int:
    """Return the HTTP status of *error* on the website."""
    return error.look_up(STATUSES)


def answer(visit: Visit, error: errors.Error) -> Response:
    """Say what went wrong: as a page, as a part of one for htmx, or as JSON for a script."""
    write_down(visit, error)
    status = status_of(error)
    if wants_json(visit.request):
        response: Response = JSONResponse({"error": error.code, "message": str(error)}, status)
    elif visit.partial:
        response = visit.render("parts/fault.html", status=status, error=error)
        if visit.request.method == "POST":
            # Beside what somebody has typed, not in its place.
            response.headers["HX-Reswap"] = "afterbegin"
    else:
        title = _TITLES.get(status, _TITLES[400])
        response = visit.render("fault.html", status=status, error=error, title=title)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response


def write_down(visit: Visit, error: errors.Error) -> None:
    """Note the error for the log."""
    visit.record.error = error.code
    visit.record.detail = error.detail
    if isinstance(error, errors.Internal):
        log.error("%s", error, exc_info=error, extra={"detail": error.detail})


def wants_json(request: Request) -> bool:
    """Say whether a script of ours asks."""
    return request.headers.get("accept", "").startswith("application/json")
