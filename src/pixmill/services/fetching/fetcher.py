"""Fetches what is at a URL, and posts to it: within one deadline, and believing nobody."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import ip_address

import anyio
import httpcore
import httpx

import pixmill
from pixmill import errors
from pixmill.services.fetching import responses, urls
from pixmill.services.fetching.addresses import unwrapped
from pixmill.services.fetching.backend import GuardedBackend, permits
from pixmill.services.fetching.filenames import filename
from pixmill.services.fetching.names import Resolve, SystemResolver
from pixmill.services.fetching.types import FetchConfig, Fetched, Posted, Spend, Trouble
from pixmill.services.fetching.urls import Url
from pixmill.services.pool.blob import Blob

# No cookies, no credentials, no referrer; and nothing from the environment, for httpcore reads none
# of it: a proxy there would do the connecting, behind the back of the check.
_HEADERS = {
    "User-Agent": f"Pixmill/{pixmill.__version__}",
    "Accept": "image/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}

# What the network can do to us.
_FAILURES = (
    OSError,
    anyio.BrokenResourceError,
    anyio.ClosedResourceError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
)


def tls_context() -> ssl.SSLContext:
    """Return whom to trust: the web's authorities, and those that this machine trusts."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def _trouble(error: Exception, *, refused: bool) -> Trouble:
    """Return the word for what ended an exchange before there was a status."""
    if isinstance(error, TimeoutError):
        return "timeout"
    if refused:
        return "refused_address"
    # What dials answers for its own failures; this one is of the handshake that comes after.
    if isinstance(error, httpcore.ConnectError):
        return "tls"
    return "bad_answer" if isinstance(error, httpcore.ProtocolError) else "connection_failed"


class Fetcher:
    """
    The guarded way to other people's servers.

    *resolve* asks for addresses, *network* dials them, and *tls* says which certificates are good;
    tests put their own in place of the internet's. None of them can lead around the check.
    """

    def __init__(
        self,
        config: FetchConfig,
        *,
        resolve: Resolve | None = None,
        network: httpcore.AsyncNetworkBackend | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._config = config
        self._system = SystemResolver(threads=config.concurrency)
        self._resolve = resolve or self._system
        self._network = network or httpcore.AnyIOBackend()
        self._tls = tls or tls_context()
        self._places = asyncio.Semaphore(config.concurrency)
        self._waiting = 0

    async def stop(self) -> None:
        """Let the threads go that ask for addresses."""
        self._system.close()

    async def fetch(self, url: str, *, max_size: int, spend: Spend = lambda _size: None) -> Fetched:
        """
        Return what is at *url*, if it has at most *max_size* bytes.

        Raises BadUrl for what is no URL of a public file, whatever the network; FileTooLarge; Busy
        when its turn does not come or *spend* says so; and FetchFailed for everything else. That
        one never tells what went wrong: the difference between an address that is refused, a port
        that is closed and a page that is missing would make a scanner of the server.
        """
        parsed = urls.parse(url)
        async with self._turn():
            blob = Blob()
            try:
                async with self._bounded():
                    name = await self._follow(parsed, blob, max_size=max_size, spend=spend)
                blob.seal()
            except BaseException:
                blob.close()
                raise
        return Fetched(blob=blob, filename=name)

    def check(self, url: str) -> None:
        """
        Raise BadUrl for what is no URL, or one with an address in it that may not be reached.

        Asks nobody: what a name leads to is seen when a connection is made.
        """
        parsed = urls.parse(url)
        try:
            address = unwrapped(ip_address(parsed.host))
        except ValueError:  # a name
            return
        if not permits(self._config, address, parsed.port):
            raise errors.BadUrl(detail=f"may not reach {address} port {parsed.port}")

    async def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], within: float
    ) -> Posted:
        """
        Send *body* to *url*, and return what came of it *within* so many seconds. Raises BadUrl.

        The answer is its status: redirects are not followed, and what else it says is thrown away.
        Waits for no turn, for whoever posts has a queue of his own.
        """
        parsed = urls.parse(url)
        backend = self._backend()
        sent = {**_HEADERS, "Accept": "*/*", **headers}
        status: int | None = None
        try:
            async with (
                asyncio.timeout(within),
                backend,
                self._exchange(backend, "POST", parsed, headers=sent, body=body) as response,
            ):
                status = response.status
                await responses.ignore(response)
        except (TimeoutError, errors.FetchFailed, *_FAILURES) as error:
            if status is None:
                return Posted(trouble=_trouble(error, refused=backend.refused))
        return Posted(status=status)

    async def _follow(self, url: Url, blob: Blob, *, max_size: int, spend: Spend) -> str | None:
        """Fetch *url*, or where it redirects to, into *blob*, and return the name of the file."""
        for _ in range(self._config.redirects + 1):
            async with self._backend() as backend, self._exchange(backend, "GET", url) as response:
                location = responses.location(response)
                if location is None:
                    responses.check(response, max_size=max_size)
                    await responses.receive(response, blob, max_size=max_size, spend=spend)
                    disposition = responses.header(response, b"content-disposition")
                    return filename(target=url.target, disposition=disposition)
            url = url.join(location)
        raise errors.FetchFailed(detail=f"more than {self._config.redirects} redirects")

    def _backend(self) -> GuardedBackend:
        return GuardedBackend(self._config, resolve=self._resolve, network=self._network)

    @asynccontextmanager
    async def _exchange(
        self,
        backend: GuardedBackend,
        method: str,
        url: Url,
        *,
        headers: Mapping[str, str] = _HEADERS,
        body: bytes | None = None,
    ) -> AsyncIterator[httpcore.Response]:
        """Send one request on a connection of its own, which *backend* makes; give the response."""
        place = httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target)
        connection = httpcore.AsyncHTTPConnection(
            place.origin, ssl_context=self._tls, network_backend=backend
        )
        sent = [("Host", url.authority), *headers.items()]
        async with connection.stream(method, place, headers=sent, content=body) as response:
            yield response

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one of the places, not too long and not behind too many."""
        if self._places.locked() and self._waiting >= self._config.queue_size:
            raise errors.Busy(detail="too many fetches wait")
        self._waiting += 1
        try:
            async with asyncio.timeout(self._config.timeout):
                await self._places.acquire()
        except TimeoutError as error:
            raise errors.Busy(detail="the turn of a fetch did not come") from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    @asynccontextmanager
    async def _bounded(self) -> AsyncIterator[None]:
        """Put a deadline on all that follows, and one error in place of all that can happen."""
        try:
            async with asyncio.timeout(self._config.timeout):
                yield
        except TimeoutError as error:
            raise errors.FetchFailed(detail="deadline") from error
        except errors.BadUrl as error:
            raise errors.FetchFailed(detail=f"redirect to a bad URL: {error.detail}") from error
        except _FAILURES as error:
            raise errors.FetchFailed(detail=f"{type(error).__name__}: {error}") from error
