"""A model behind any server that speaks OpenAI's protocol, asked with care and not believed."""

import asyncio
import base64
import logging
import math
import ssl
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import httpx

import pixmill
from pixmill import errors
from pixmill.services.fetching.fetcher import tls_context
from pixmill.services.vision import answers, prompts, replies
from pixmill.services.vision.retries import Again, pause
from pixmill.services.vision.types import Described, Partial, Style

#: Seconds in which a connection must be made.
CONNECT_TIMEOUT = 10.0

#: What a server says to a key that it does not know.
_REFUSED = frozenset({401, 403})

#: Characters of a bad answer that its model gets to see again.
REPEATED = 4_000


class Level(IntEnum):
    """How strictly a server can hold its model to the form of an answer."""

    JSON_SCHEMA = 0
    JSON_OBJECT = 1
    PROMPT = 2


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class OpenAIConfig:
    """Which model, where, and what asking it may cost. Mirrors `pixmill.settings`."""

    base_url: str  #: such as ``http://127.0.0.1:8081/v1``, without a slash at its end
    model: str
    api_key: str = ""
    timeout: float = 120.0  #: seconds for one picture, with all tries; waiting for a turn is extra
    concurrency: int = 4  #: pictures at one time
    tries: int = 4  #: of one request that fails for a reason that may pass
    pause: float = 1.0  #: seconds before the second try, twice as long before the next, and so on


class OpenAIVision:
    """
    Asks a server for descriptions.

    Its address is the operator's own, so it may be a private one. Nothing but what is written here
    goes there and nowhere else: no redirect is followed, no proxy or password of the environment is
    used.
    """

    name = "openai"

    def __init__(self, config: OpenAIConfig, *, tls: ssl.SSLContext | None = None) -> None:
        self._config = config
        self._url = f"{config.base_url}/chat/completions"
        self._turns = asyncio.Semaphore(config.concurrency)
        #: What has worked here; servers do not say what they can.
        self._level = Level.JSON_SCHEMA
        headers = {
            "User-Agent": f"Pixmill/{pixmill.__version__}",
            "Accept": "text/event-stream, application/json",
            "Accept-Encoding": "identity",
        }
        if config.api_key:
            headers["Authorization"] = f"Bearer {config.api_key}"
        self._client = httpx.AsyncClient(
            headers=headers,
            verify=tls or tls_context(),
            trust_env=False,
            follow_redirects=False,
            # Beside this there is the deadline of each picture.
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT),
        )
        # It writes a line with the address for each request.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    @property
    def model(self) -> str:
        """Return the model's name, as the server knows it."""
        return self._config.model

    async def describe(
        self, picture: bytes, *, style: Style, hints: Sequence[str] = ()
    ) -> AsyncGenerator[Partial | Described, None]:
        """Describe *picture*: see `pixmill.services.vision.types.Vision`."""
        messages = _messages(picture, style, hints)
        async with self._turns:
            # No asyncio.timeout around it all: it would also cancel whoever reads this generator.
            deadline = asyncio.get_running_loop().time() + self._config.timeout
            for _ in range(2):  # the second is the repair
                said = ""
                partials = answers.Partials(style)
                async with aclosing(self._asked(messages, deadline)) as texts:
                    async for said in texts:
                        for partial in partials.of(said):
                            yield partial
                try:
                    described = answers.described(said, style)
                except answers.Unusable as unusable:
                    reason = str(unusable)
                    messages = [*messages, *_repair(said)]
                    continue
                yield described
                return
        raise errors.VisionFailed(detail=reason)

    async def check(self) -> str | None:
        """See whether the server answers: see `pixmill.services.vision.types.Vision`."""
        try:
            response = await self._client.get(f"{self._config.base_url}/models", timeout=10.0)
        except httpx.HTTPError as error:
            raise errors.VisionUnavailable(detail=type(error).__name__) from None
        if response.status_code in _REFUSED or response.is_server_error:
            raise errors.VisionUnavailable(detail=f"status {response.status_code}")
        return None

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    async def _asked(
        self, messages: list[dict[str, Any]], deadline: float
    ) -> AsyncGenerator[str, None]:
        """Yield the growing answer, at the strictest level that the server knows."""
        level = self._level
        tries = 0
        while True:
            try:
                async with aclosing(self._try(messages, level, deadline)) as texts:
                    async for said in texts:
                        yield said
            except replies.Rejected as rejected:
                if level is Level.PROMPT:
                    raise errors.VisionFailed(detail=str(rejected)) from None
                level = Level(level + 1)
            except Again as again:
                tries += 1
                await self._wait(again, tries, deadline)
            except TimeoutError:
                raise errors.VisionUnavailable(detail="timeout") from None
            else:
                self._level = max(level, self._level)
                return

    async def _try(
        self, messages: list[dict[str, Any]], level: Level, deadline: float
    ) -> AsyncGenerator[str, None]:
        body = {
            "model": self._config.model,
            "messages": messages,
            "stream": True,
            **_response_format(level),
        }
        request = self._client.build_request("POST", self._url, json=body)
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise Again(type(error).__name__) from None
        try:
            await replies.check(response, deadline=deadline)
            async with aclosing(replies.texts(response, deadline=deadline)) as texts:
                async for said in texts:
                    yield said
        finally:
            await response.aclose()

    async def _wait(self, again: Again, tries: int, deadline: float) -> None:
        """Wait before the next try, unless it comes too late."""
        seconds = pause(tries, first=self._config.pause, after=again.after)
        left = deadline - asyncio.get_running_loop().time()
        if tries >= self._config.tries or seconds >= left:
            raise errors.VisionUnavailable(
                retry_after=max(1, math.ceil(seconds)), detail=str(again)
            ) from None
        await asyncio.sleep(seconds)


def _messages(picture: bytes, style: Style, hints: Sequence[str]) -> list[dict[str, Any]]:
    assert picture.startswith(b"\xff\xd8"), "a JPEG"
    url = f"data:image/jpeg;base64,{base64.b64encode(picture).decode()}"
    return [
        {"role": "system", "content": prompts.system(style)},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": url}},
                {"type": "text", "text": prompts.task(hints)},
            ],
        },
    ]


def _repair(said: str) -> list[dict[str, Any]]:
    return [
        {"role": "assistant", "content": said[:REPEATED] or "{}"},
        {"role": "user", "content": prompts.REPAIR},
    ]


def _response_format(level: Level) -> dict[str, Any]:
    match level:
        case Level.JSON_SCHEMA:
            form = {"name": "description", "strict": True, "schema": prompts.schema()}
            return {"response_format": {"type": "json_schema", "json_schema": form}}
        case Level.JSON_OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Level.PROMPT:
            return {}
