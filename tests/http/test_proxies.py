"""Who a request is from, behind proxies."""

import asyncio
from ipaddress import ip_network
from typing import Any

import pytest

from pixmill.http.proxies import Proxies

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


def sender(client: str, *forwarded: str, trusted: Any = TRUSTED) -> str:
    seen: list[str] = []

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        seen.append(scope["client"][0])

    scope = {
        "type": "http",
        "client": (client, 4711),
        "headers": [(b"x-forwarded-for", value.encode()) for value in forwarded],
    }
    asyncio.run(Proxies(app, trusted=trusted)(scope, None, None))  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.7, 10.0.0.9"], "203.0.113.7"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        ("::1", ["2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", ["203.0.113.7"], "203.0.113.7"),
        ("10.0.0.1", ["203.0.113.7, unknown"], "10.0.0.1"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("198.51.100.1", ["203.0.113.7"], "198.51.100.1"),
    ],
)
def test_the_last_address_that_no_proxy_of_ours_has_is_the_senders(client, forwarded, expected):
    assert sender(client, *forwarded) == expected


def test_nobody_is_believed_unless_named():
    assert sender("127.0.0.1", "203.0.113.7", trusted=[]) == "127.0.0.1"
