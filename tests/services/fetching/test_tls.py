"""Certificates are checked against the host of the URL, whatever address is dialed."""

import asyncio
import ssl
from datetime import UTC, datetime

import pytest
import trustme

from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher
from services.fetching.conftest import HANGS, NAME, PUBLIC, config, content, failure
from services.fetching.origin import PICTURE, Internet, Names, Origin, running

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def trusting(authority) -> ssl.SSLContext:
    """Give what a machine trusts that knows the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def serving(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


async def test_the_certificate_is_checked_against_the_name_and_not_the_address(
    authority, trusting, names
):
    named: list[str | None] = []
    context = serving(authority.issue_cert(NAME))
    context.sni_callback = lambda _socket, name, _context: named.append(name)
    async with running(Origin(), tls=context) as origin:
        internet = Internet(origin)
        fetcher = Fetcher(config(), resolve=names, network=internet, tls=trusting)

        assert await content(fetcher, f"https://{NAME}/") == PICTURE
        assert await content(fetcher, f"https://{NAME.upper()}./") == PICTURE
    assert internet.dialed == [PUBLIC, PUBLIC]
    assert named == [NAME, NAME]


async def test_a_certificate_may_be_an_address_s(authority, trusting):
    async with running(Origin(), tls=serving(authority.issue_cert(PUBLIC))) as origin:
        fetcher = Fetcher(config(), resolve=Names(), network=Internet(origin), tls=trusting)

        assert await content(fetcher, f"https://{PUBLIC}/") == PICTURE


@pytest.mark.parametrize("wrong", ["name", "address", "authority", "expired"])
async def test_a_wrong_certificate_is_refused(wrong, authority, trusting, names):
    issuer = trustme.CA() if wrong == "authority" else authority
    identity = {"name": "other.example", "address": PUBLIC}.get(wrong, NAME)
    until = datetime(2020, 1, 1, tzinfo=UTC) if wrong == "expired" else None
    certificate = issuer.issue_cert(identity, not_before=until, not_after=until)
    async with running(Origin(), tls=serving(certificate)) as origin:
        fetcher = Fetcher(config(), resolve=names, network=Internet(origin), tls=trusting)

        assert type(await failure(fetcher, f"https://{NAME}/")) is errors.FetchFailed
    assert origin.requests == []


async def test_a_certificate_of_nobody_the_web_knows_is_refused(authority, names, web_tls):
    async with running(Origin(), tls=serving(authority.issue_cert(NAME))) as origin:
        fetcher = Fetcher(config(), resolve=names, network=Internet(origin), tls=web_tls)

        assert type(await failure(fetcher, f"https://{NAME}/")) is errors.FetchFailed
    assert origin.requests == []


async def test_a_handshake_that_stalls_leaves_nothing_open(names, trusting):
    async def swallow(reader, writer):
        try:
            await reader.read()
        finally:
            writer.close()
            left.set()

    left = asyncio.Event()
    async with await asyncio.start_server(swallow, "127.0.0.1", 0) as server:
        origin = Origin(port=server.sockets[0].getsockname()[1])
        fetcher = Fetcher(
            config(timeout=0.3), resolve=names, network=Internet(origin), tls=trusting
        )

        async with asyncio.timeout(HANGS):
            assert type(await failure(fetcher, f"https://{NAME}/")) is errors.FetchFailed
            await left.wait()
