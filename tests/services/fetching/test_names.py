"""The operating system is asked for addresses, in threads of its own."""

import asyncio
import socket
from ipaddress import ip_address

import pytest

from pixmill.services.fetching.names import SystemResolver

pytestmark = pytest.mark.anyio


async def test_every_address_of_a_name_is_returned():
    resolver = SystemResolver(threads=1)

    addresses = set(await resolver("localhost"))
    resolver.close()

    expected = {str(row[4][0]) for row in socket.getaddrinfo("localhost", None)}
    assert addresses == expected
    assert all(ip_address(address).is_loopback for address in addresses)


async def test_a_name_without_addresses_is_an_error():
    resolver = SystemResolver(threads=1)

    with pytest.raises(OSError, match=r".+"):
        await resolver("no-such-name.invalid")
    resolver.close()


async def test_names_are_not_resolved_in_the_threads_of_the_event_loop():
    resolver = SystemResolver(threads=1)
    loop = asyncio.get_running_loop()
    before = loop._default_executor

    await resolver("localhost")
    resolver.close()

    assert loop._default_executor is before
