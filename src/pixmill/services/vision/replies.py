"""What a server like OpenAI's sends: read piece by piece, counted, and not believed."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import httpx
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from pixmill import errors
from pixmill.services.vision import answers
from pixmill.services.vision.retries import Again, retry_after

#: Bytes of the longest reply: each word of a stream comes in a quarter of a kilobyte, and what a
#: model thinks before it answers comes too.
SIZE = 8 * 1024 * 1024
#: Bytes of the longest line of a stream, and of an error.
LINE_SIZE = 128 * 1024
ERROR_SIZE = 8 * 1024

#: The server, or this request at this time, is at fault; 5xx, but for 501, mean the same.
_PASSING = frozenset({408, 425, 429})
#: The request has something that the server does not know, or the picture something bad.
_REJECTED = frozenset({400, 415, 422, 501})

#: Seconds after which it makes sense to look whether an operator has set something right.
_OPERATOR = 60

_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)


class Rejected(Exception):
    """The server does not take this request as it is. Its text is for the log."""


class _Part(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    delta: _Part | None = None  #: in a stream
    message: _Part | None = None  #: in one piece
    finish_reason: str | None = None


class _Reply(BaseModel):
    choices: list[_Choice] = []
    error: object = None


async def check(response: httpx.Response, *, deadline: float) -> None:
    """Raise Again, Rejected or VisionUnavailable unless *response* is a good one."""
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        # It was not asked for, and a few bytes of it may be gigabytes.
        raise errors.VisionFailed(detail="a compressed reply")
    status = response.status_code
    if status == 200:
        return
    reason = f"status {status}{await _code(response, deadline=deadline)}"
    if status in _PASSING or (status >= 500 and status not in _REJECTED):
        raise Again(reason, after=retry_after(response.headers.get("Retry-After")))
    if status in _REJECTED:
        raise Rejected(reason)
    # A redirect is not followed: picture and key are for the address that was configured.
    raise errors.VisionUnavailable(retry_after=_OPERATOR, detail=reason)


async def texts(response: httpx.Response, *, deadline: float) -> AsyncGenerator[str, None]:
    """
    Yield the answer as far as it is known, again and again while it grows.

    Raises Again when it breaks off, VisionFailed for a refusal or an answer without end, and
    TimeoutError when *deadline* is over, a time of the running loop.
    """
    said = ""
    kind = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    replies = _plain if kind == "application/json" else _stream
    async with aclosing(replies(response, deadline=deadline)) as found:
        async for reply in found:
            part, finished = _first(reply)
            said += part
            if len(said) > answers.LENGTH:
                raise errors.VisionFailed(detail="too long an answer")
            if part:
                yield said
            if finished:
                return
    raise Again("the reply broke off")


def _first(reply: _Reply) -> tuple[str, bool]:
    """Return what *reply* adds to the answer, and whether that is its end."""
    if reply.error is not None:
        raise Again("an error in the reply")
    if not reply.choices:
        return "", False
    choice = reply.choices[0]
    part = choice.delta or choice.message or _Part()
    if part.refusal or choice.finish_reason == "content_filter":
        raise errors.VisionFailed(detail="refused")
    return part.content or "", bool(choice.finish_reason)


async def _plain(response: httpx.Response, *, deadline: float) -> AsyncGenerator[_Reply, None]:
    """Yield what a server has sent that does not stream, if it is complete."""
    body = bytearray()
    async with aclosing(_pieces(response, deadline=deadline)) as pieces:
        async for piece in pieces:
            body += piece
    reply = _parsed(bytes(body))
    for choice in reply.choices:
        choice.finish_reason = choice.finish_reason or "stop"
    yield reply


async def _stream(response: httpx.Response, *, deadline: float) -> AsyncGenerator[_Reply, None]:
    """Yield what the server-sent events have."""
    rest = b""
    async with aclosing(_pieces(response, deadline=deadline)) as pieces:
        async for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                name, _, value = line.strip().partition(b":")
                if name != b"data":
                    continue
                if (data := value.strip()) == b"[DONE]":
                    yield _Reply(choices=[_Choice(finish_reason="stop")])
                    return
                yield _parsed(data)
            if len(rest) > LINE_SIZE:
                raise errors.VisionFailed(detail="too long a line")


def _parsed(data: bytes) -> _Reply:
    try:
        return _Reply.model_validate(from_json(data))
    except (ValidationError, ValueError):
        raise Again("not a reply of this protocol") from None


async def _pieces(response: httpx.Response, *, deadline: float) -> AsyncGenerator[bytes, None]:
    """Yield the body as it comes."""
    size = 0
    # It is one; httpx does not say so.
    raw = cast("AsyncGenerator[bytes, None]", response.aiter_raw())
    async with aclosing(raw) as pieces:
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    piece = await anext(pieces, None)
            except httpx.HTTPError as error:
                raise Again(type(error).__name__) from None
            if piece is None:
                return
            size += len(piece)
            if size > SIZE:
                raise errors.VisionFailed(detail="too long a reply")
            yield piece


async def _code(response: httpx.Response, *, deadline: float) -> str:
    """
    Return the server's word for an error, if it has one that is a word.

    Not its message: that may have the key in it, or the address.
    """
    body = b""
    try:
        async with aclosing(_pieces(response, deadline=deadline)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > ERROR_SIZE:
                    return ""
        found = from_json(body)
    except (Again, ValueError):
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    words = [error.get(name) for name in ("code", "type")] if isinstance(error, dict) else []
    return next(
        (f" {word}" for word in words if isinstance(word, str) and _WORD.fullmatch(word)), ""
    )
