"""Answers to work that is done later, each given once for one ``Idempotency-Key``."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.responses import JSONResponse, Response

from pixmill.http.dialect import Call
from pixmill.services.idempotency import Claim, Remembered

#: The header that says that an answer was given before (OG-58).
REPLAYED = {"Idempotent-Replayed": "true"}


def key(call: Call) -> str | None:
    """Return the request's ``Idempotency-Key``."""
    return call.request.headers.get("idempotency-key")


@asynccontextmanager
async def claimed(call: Call) -> AsyncIterator[Claim | Remembered]:
    """
    Give the right to answer the request, or what was answered to it before.

    What is not answered for good inside the block may be tried again with the same key. Raises
    MissingIdempotencyKey, BadIdempotencyKey or IdempotencyInProgress.
    """
    idempotency = call.services.idempotency
    begun = await idempotency.begin(account_id=call.caller.account.id, key=key(call))
    try:
        yield begun
    finally:
        if isinstance(begun, Claim):
            await idempotency.release(begun)


def write(answer: Mapping[str, Any]) -> str:
    """Return *answer* as it is sent, and remembered."""
    return bytes(JSONResponse(answer).body).decode()


def send(body: str, *, status: int = 202, headers: Mapping[str, str] | None = None) -> Response:
    """Return the answer that has *body*."""
    return Response(body, status, headers, media_type="application/json")
