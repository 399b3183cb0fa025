"""The one way to the network: it asks for a host's addresses, checks them all, and dials one."""

from collections.abc import Iterable
from contextlib import suppress
from ipaddress import ip_address
from types import TracebackType
from typing import Self

import httpcore

from pixmill import errors
from pixmill.services.fetching.addresses import is_public, unwrapped
from pixmill.services.fetching.names import Resolve
from pixmill.services.fetching.types import Address, FetchConfig

#: Seconds until the next address of a host is tried, and how many are.
DIAL_TIMEOUT = 4.0
DIALED = 4


def permits(config: FetchConfig, address: Address, port: int) -> bool:
    """Say whether *address*, unwrapped, may be reached at *port*."""
    if any(address in network for network in config.allow):
        return True
    return is_public(address) and port in config.ports


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """
    Connects to public addresses, and to networks that the operator has opened.

    For one connection, which is closed in the end: httpcore leaves one open that is canceled
    during its TLS handshake. *network* is what dials.
    """

    def __init__(
        self, config: FetchConfig, *, resolve: Resolve, network: httpcore.AsyncNetworkBackend
    ) -> None:
        self._config = config
        self._resolve = resolve
        self._network = network
        self._stream: httpcore.AsyncNetworkStream | None = None
        #: Whether an address was found that may not be reached.
        self.refused = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """
        Return a connection to *host*.

        Raises FetchFailed when a single one of its addresses may not be reached: a name that has
        one foot inside is not to be trusted with the other.
        """
        addresses = await self._addresses(host)
        for address in addresses:
            if not permits(self._config, address, port):
                self.refused = True
                raise errors.FetchFailed(detail=f"may not reach {address} port {port}")
        for address in addresses[:DIALED]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                self._stream = await self._network.connect_tcp(
                    str(address),
                    port,
                    timeout=DIAL_TIMEOUT if timeout is None else timeout,
                    local_address=local_address,
                    socket_options=socket_options,
                )
                return self._stream
        raise errors.FetchFailed(detail=f"cannot connect to {host} port {port}")

    async def _addresses(self, host: str) -> list[Address]:
        try:
            return [unwrapped(ip_address(host))]
        except ValueError:  # a name
            pass
        answers = await self._resolve(host)
        try:
            return [unwrapped(ip_address(answer)) for answer in dict.fromkeys(answers)]
        except ValueError as error:
            raise errors.FetchFailed(detail=str(error)) from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stream:
            await self._stream.aclose()
