"""URLs, taken apart strictly: what two readers may read in two ways is refused."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urljoin

import httpx

from pixmill import errors

#: Characters of the longest URL that is taken.
LENGTH = 2048
PORTS = {"http": 80, "https": 443}

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.ASCII | re.IGNORECASE)
# Only these two schemes, a host, digits for a port, and nobody's name or password.
_SHAPE = re.compile(
    r"https?://(?:\[[^\]@/?#]+\]|[^@/?#:\[\]]+)(?::(?P<port>[0-9]{0,5}))?(?:[/?#].*)?",
    re.ASCII | re.IGNORECASE,
)
# Underscores are in no host name of RFC 1123, and in many on the web.
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
# The URL Standard takes a host that ends like this for an IPv4 address, in one of the notations of
# inet_aton: 2130706433, 0x7f.1, 017700000001.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_NAME_LENGTH = 253


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """Where something is: everything in ASCII, the host in its one canonical form."""

    scheme: str
    host: str  #: a name without a dot at its end, or an address without brackets
    port: int
    target: str  #: path and query

    @property
    def authority(self) -> str:
        """Return host and port as the Host header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def join(self, location: str) -> "Url":
        """Return where *location*, a reference in an answer from here, leads. Raises BadUrl."""
        # Before they are joined: urljoin drops tabs and line ends without a word, and takes
        # "http:path" for a relative reference.
        _check_characters(location)
        if _SCHEME.match(location):
            return parse(location)
        try:
            return parse(urljoin(str(self), location))
        except ValueError as error:
            raise errors.BadUrl(detail=str(error)) from error


def parse(text: str) -> Url:
    """Return the URL that *text* is. Raises BadUrl; says nothing about the network."""
    _check_characters(text)
    shape = _SHAPE.fullmatch(text)
    if not shape or int(shape["port"] or 1) not in range(1, 65536):
        raise errors.BadUrl(detail="shape")
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise errors.BadUrl(detail=str(error)) from error
    return Url(
        scheme=url.scheme,
        host=_host(url.raw_host.decode("ascii")),
        port=url.port or PORTS[url.scheme],
        target=url.raw_path.decode("ascii"),
    )


def _check_characters(text: str) -> None:
    """Refuse what is read in several ways: backslashes, spaces, controls, invisible characters."""
    if len(text) > LENGTH:
        raise errors.BadUrl(detail="length")
    if not text.isprintable() or " " in text or "\\" in text:
        raise errors.BadUrl(detail="characters")


def _host(host: str) -> str:
    """Return the canonical form of *host*, which may be a name or an address."""
    try:
        if ":" in host:
            return _ipv6(host)
        host = host.removesuffix(".")
        labels = host.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            return str(IPv4Address(host))
    except AddressValueError as error:
        raise errors.BadUrl(detail=str(error)) from error
    if len(host) > _NAME_LENGTH or not all(map(_LABEL.fullmatch, labels)):
        raise errors.BadUrl(detail="host")
    return host


def _ipv6(host: str) -> str:
    # A zone names a network interface of this machine (RFC 6874).
    if "%" in host:
        raise errors.BadUrl(detail="zone")
    return str(IPv6Address(host))
