"""Where a request came from, when a proxy of the operator's own has passed it on."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

Network = IPv4Network | IPv6Network


class Proxies:
    """
    Believes `X-Forwarded-For`, but only of proxies that the operator has named.

    Each proxy appends whom it heard from, so the last address that is not a proxy's is the
    caller's; what stands before it anybody can have written.
    """

    def __init__(self, app: ASGIApp, *, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as its sender's."""
        if scope["type"] == "http" and self._trusted and scope.get("client"):
            scope["client"] = (self._sender(scope), 0)
        await self._app(scope, receive, send)

    def _sender(self, scope: Scope) -> str:
        told = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
        sender = str(scope["client"][0])
        while self._is_proxy(sender) and told:
            address = _address(told.pop())
            if address is None:
                break
            sender = str(address)
        return sender

    def _is_proxy(self, sender: str) -> bool:
        address = _address(sender)
        return address is not None and any(address in network for network in self._trusted)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
