"""The file of a stored result, as an answer: whole, in part, or only what is said about it."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from pixmill import clock
from pixmill.http import disposition, ranges
from pixmill.http.conditions import Validators
from pixmill.services.results import Results, Stored

#: Seconds for which a browser may show a file that has no end without asking again.
MAX_AGE = 86_400

#: A stored file may be shown or saved, and do nothing at all.
_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


async def download(
    request: Request,
    stored: Stored,
    results: Results,
    *,
    show: Literal["attachment", "inline"] = "attachment",
) -> Response:
    """
    Return the answer to a GET or HEAD for *stored*, whose bytes come as they are read.

    Raises ResultGone before anything is sent, also for HEAD and when only the bytes are missing.
    """
    validators = Validators(etag=f'"{stored.digest}"', modified_at=stored.created_at)
    headers = _headers(stored, validators, show)
    status = validators.status(request.headers)
    if status != 200:
        await results.check(stored)
        return Response(status_code=status, headers=headers)
    if request.method == "HEAD":
        await results.check(stored)
        return _head(stored, headers)
    part = None
    if validators.allow_range(request.headers):
        try:
            part = ranges.parse(request.headers.get("range"), size=stored.size)
        except ranges.NotSatisfiable:
            headers["Content-Range"] = f"bytes */{stored.size}"
            return Response(status_code=416, headers=headers)
    if part:
        status = 206
        headers["Content-Range"] = f"bytes {part[0]}-{part[1] - 1}/{stored.size}"
    start, end = part or (0, stored.size)
    headers["Content-Length"] = str(end - start)
    pieces = await results.open(stored, part=part)
    return StreamingResponse(pieces, status, headers, media_type=stored.mime)


def confined(response: Response, *, ask_again: bool = False) -> Response:
    """
    Return *response*, which is a file, so that pages of no other site may show it.

    *ask_again*: a cookie says who may have it, so a browser asks each time whether that still is.
    """
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if ask_again:
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def _head(stored: Stored, headers: dict[str, str]) -> Response:
    length = {"Content-Length": str(stored.size)}
    return Response(headers=headers | length, media_type=stored.mime)


def _headers(stored: Stored, validators: Validators, show: str) -> dict[str, str]:
    name = disposition.attachment if show == "attachment" else disposition.inline
    return {
        "Accept-Ranges": "bytes",
        "Cache-Control": f"private, max-age={_max_age(stored)}",
        "Content-Disposition": name(stored.filename, stored.extension),
        # The link says who may have it, so a page of any origin that has one may show it.
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": validators.etag,
        "Last-Modified": validators.last_modified,
        "X-Content-Type-Options": "nosniff",
    }


def _max_age(stored: Stored) -> int:
    if stored.expires_at is None:
        return MAX_AGE
    return max(0, int((stored.expires_at - clock.now()).total_seconds()))
