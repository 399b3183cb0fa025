"""A server with a model, somebody who asks it, and a picture."""

import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from io import BytesIO

import pytest
from PIL import Image, ImageDraw

from pixmill.services.fetching.fetcher import tls_context
from pixmill.services.vision.openai import OpenAIConfig, OpenAIVision
from services.vision.server import KEY, MODEL, Script, serving

#: Makes somebody who asks the server; takes fields of `OpenAIConfig`.
Asker = Callable[..., OpenAIVision]


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    picture = Image.new("RGB", (96, 64), "skyblue")
    ImageDraw.Draw(picture).polygon([(40, 8), (56, 24), (40, 48), (24, 24)], fill="crimson")
    file = BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def script() -> Iterator[Script]:
    with serving() as script:
        yield script


@pytest.fixture(scope="session")
def model_tls() -> ssl.SSLContext:
    return tls_context()


@pytest.fixture
async def asker(script: Script, model_tls: ssl.SSLContext) -> AsyncIterator[Asker]:
    made = []

    def make(**fields) -> OpenAIVision:
        usual = {"base_url": script.base_url, "model": MODEL, "api_key": KEY, "pause": 0.01}
        made.append(OpenAIVision(OpenAIConfig(**{**usual, **fields}), tls=model_tls))
        return made[-1]

    yield make
    for vision in made:
        await vision.close()


@pytest.fixture
def vision(asker: Asker) -> OpenAIVision:
    return asker()
