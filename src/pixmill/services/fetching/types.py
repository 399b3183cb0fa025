"""The words of fetching: what it is told, and what it gives back."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from pixmill.services.pool.blob import Blob

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Hears of bytes before they are kept; raises Busy when there is no memory for them.
Spend = Callable[[int], None]

#: Why a message was not answered: for the operator, for it tells what is behind an address.
Trouble = Literal["refused_address", "connection_failed", "tls", "timeout", "bad_answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchConfig:
    """How far fetching reaches, and what it may cost. Mirrors `pixmill.settings`."""

    timeout: float = 15.0  #: seconds that one fetch may take, from the first name to the last byte
    redirects: int = 3  #: redirects that are followed
    concurrency: int = 16  #: fetches that run at one time
    queue_size: int = 64  #: fetches that may wait for their turn
    allow: tuple[Network, ...] = ()  #: networks that may be reached, at any port, though not public
    ports: frozenset[int] = frozenset({80, 443})  #: ports of public servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was at a URL. Close the blob after use."""

    blob: Blob
    filename: str | None  #: as the server calls it: fit to be shown, nothing to open a file with


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What came of a message: one of the two."""

    status: int | None = None  #: that the server answered with
    trouble: Trouble | None = None
