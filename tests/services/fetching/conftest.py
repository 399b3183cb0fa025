"""A small internet: one origin behind all addresses, a name service, and fetchers."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest

from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher, tls_context
from pixmill.services.fetching.types import FetchConfig
from services.fetching.origin import Internet, Names, Origin, running

#: Where the origin is, as far as fetchers know: a public address, and a name that leads there.
PUBLIC = "93.184.215.14"
NAME = "pictures.example"
#: A test that still runs after so many seconds has met something that the deadline did not end.
HANGS = 30.0


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with running(Origin()) as origin:
        yield origin


@pytest.fixture
def names() -> Names:
    names = Names()
    names.add(NAME, [PUBLIC])
    return names


@pytest.fixture
def internet(origin: Origin) -> Internet:
    return Internet(origin)


@pytest.fixture(scope="session")
def web_tls() -> ssl.SSLContext:
    """Give what fetchers make for themselves: it takes longer to make than most tests."""
    return tls_context()


def config(*, allow: tuple[str, ...] = (), **options: Any) -> FetchConfig:
    return FetchConfig(**{"timeout": 20.0, "allow": tuple(map(ip_network, allow))} | options)


MakeFetcher = Callable[..., Fetcher]


@pytest.fixture
async def fetchers(
    internet: Internet, names: Names, web_tls: ssl.SSLContext
) -> AsyncIterator[MakeFetcher]:
    """Give a function that makes fetchers."""
    made: list[Fetcher] = []

    def make(*, tls: ssl.SSLContext = web_tls, **options: Any) -> Fetcher:
        made.append(Fetcher(config(**options), resolve=names, network=internet, tls=tls))
        return made[-1]

    yield make
    for fetcher in made:
        await fetcher.stop()


@pytest.fixture
def fetcher(fetchers: MakeFetcher) -> Fetcher:
    return fetchers()


async def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds."""
    async with asyncio.timeout(HANGS):
        while not condition():  # noqa: ASYNC110 - there is no event for what the kernel does
            await asyncio.sleep(0.001)


async def content(fetcher: Fetcher, url: str, *, max_size: int = 1_000_000) -> bytes:
    """Return what is at *url*."""
    fetched = await fetcher.fetch(url, max_size=max_size)
    with fetched.blob as blob:
        return blob.read()


async def failure(fetcher: Fetcher, url: str, *, max_size: int = 1_000_000) -> errors.Error:
    """Return the error that fetching *url* ends in."""
    with pytest.raises(errors.Error) as caught:
        await content(fetcher, url, max_size=max_size)
    return caught.value
