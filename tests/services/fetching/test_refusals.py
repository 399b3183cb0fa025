"""Nothing that is not public is reached, however it is called; and whoever may be reached, is."""

import re
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from anyio import run_process

from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher
from services.fetching.cases import MALFORMED, MISLEADING, PRIVATE, SPELLINGS
from services.fetching.conftest import NAME, PUBLIC, config, content, failure
from services.fetching.origin import PICTURE, Origin, redirect, running

from fixtures.servers import environment

pytestmark = pytest.mark.anyio

EVERYTHING = ("0.0.0.0/0", "::/0")


def literal(address: str) -> str:
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_special_address_is_never_dialed(address, fetcher, names, origin, internet):
    origin.answers["/away"] = redirect(literal(address))
    names.add("inside.example", [address])
    names.add("mixed.example", [PUBLIC, "2606:4700:4700::1111", address])

    for url in (literal(address), "http://inside.example/", "http://mixed.example/"):
        assert type(await failure(fetcher, url)) is errors.FetchFailed
    assert internet.dialed == []

    assert type(await failure(fetcher, f"http://{NAME}/away")) is errors.FetchFailed
    assert internet.dialed == [PUBLIC]
    assert origin.paths == ["/away"]


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_special_address_is_dialed_when_it_is_allowed(
    address, fetchers, origin, internet, names
):
    # The control: without the rule, each of the cases above would have reached somebody.
    fetcher = fetchers(allow=EVERYTHING)
    origin.answers["/away"] = redirect(literal(address))
    names.add("inside.example", [address])
    names.add("mixed.example", [PUBLIC, "2606:4700:4700::1111", address])
    urls = [
        literal(address),
        "http://inside.example/",
        "http://mixed.example/",
        f"http://{NAME}/away",
    ]

    assert [await content(fetcher, url) for url in urls] == [PICTURE] * 4
    assert len(internet.dialed) == 5


@pytest.mark.parametrize("url", SPELLINGS, ids=ascii)
async def test_loopback_in_other_words_is_not_dialed(url, fetcher, names, origin, internet):
    for name in ("localhost", "localhost.localdomain", "x.localhost", "ip6-localhost"):
        names.add(name, ["127.0.0.1", "::1"])

    assert type(await failure(fetcher, url)) in {errors.BadUrl, errors.FetchFailed}
    assert internet.dialed == []
    assert origin.contacts == 0


async def test_no_malformed_url_asks_anybody_anything(fetchers, names, internet):
    fetcher = fetchers(allow=EVERYTHING)

    kinds = {url: type(await failure(fetcher, url)) for url in MALFORMED}

    assert kinds == dict.fromkeys(MALFORMED, errors.BadUrl)
    assert names.asked == []
    assert internet.dialed == []


@pytest.mark.parametrize(("url", "host"), MISLEADING.items())
async def test_the_host_that_is_checked_is_the_host_that_is_dialed(
    url, host, fetcher, internet, names
):
    names.add(host, [PUBLIC])
    if host == "127.0.0.1":
        await failure(fetcher, url)

        assert internet.dialed == []
    else:
        await content(fetcher, url)

        assert names.asked == [host]
        assert internet.dialed == [PUBLIC]


@pytest.mark.parametrize("port", [1, 22, 25, 81, 442, 444, 3306, 5432, 6379, 8080, 9200, 65535])
async def test_a_public_host_is_dialed_at_the_ports_of_the_web_only(port, fetcher, internet):
    assert type(await failure(fetcher, f"http://{NAME}:{port}/")) is errors.FetchFailed
    assert internet.dialed == []


@pytest.mark.parametrize("port", [80, 443])
async def test_the_ports_of_the_web_are_dialed(port, fetcher):
    assert await content(fetcher, f"http://{NAME}:{port}/") == PICTURE


async def test_an_allowed_network_is_dialed_at_any_port_and_no_other(fetchers, internet):
    fetcher = fetchers(allow=("10.1.0.0/16", "fd00:1::/32"))

    await content(fetcher, "http://10.1.2.3:6379/")
    await content(fetcher, "http://[::ffff:10.1.2.3]:6379/")
    await content(fetcher, "http://[fd00:1::2]:6379/")
    for url in ("http://10.2.0.1/", "http://[fd00:2::1]/", "http://[64:ff9b::10.1.2.3]/"):
        await failure(fetcher, url)

    assert internet.dialed == ["10.1.2.3", "10.1.2.3", "fd00:1::2"]


# A name that leads to a public address when it is asked for the first time, and inside afterwards.


async def test_the_address_that_was_checked_is_the_one_that_is_dialed(fetcher, names, internet):
    name = names.add("rebinding.example", [PUBLIC], ["127.0.0.1"])

    await content(fetcher, f"http://{name}/")

    assert names.asked == [name]
    assert internet.dialed == [PUBLIC]


async def test_a_name_is_checked_anew_for_each_fetch(fetcher, names, internet):
    name = names.add("rebinding.example", [PUBLIC], ["127.0.0.1"])

    await content(fetcher, f"http://{name}/")
    await failure(fetcher, f"http://{name}/")

    assert internet.dialed == [PUBLIC]


@pytest.mark.parametrize("hops", [1, 2, 3])
async def test_a_name_is_checked_anew_at_each_redirect(hops, fetcher, names, origin, internet):
    name = names.add("rebinding.example", *[[PUBLIC]] * hops, ["127.0.0.1"])
    for hop in range(hops):
        origin.answers[f"/{hop}"] = redirect(f"/{hop + 1}")

    assert type(await failure(fetcher, f"http://{name}/0")) is errors.FetchFailed
    assert internet.dialed == [PUBLIC] * hops
    assert origin.paths == [f"/{hop}" for hop in range(hops)]


@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1/",
        "//127.0.0.1/",
        "http://[::1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://pictures.example:6379/",
        "http://2130706433/",
        "http://pictures.example@127.0.0.1/",
        "http://127.0.0.1\\@pictures.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:6379/_FLUSHALL",
        "ftp://127.0.0.1/",
        "data:image/png;base64,iVBORw0KGgo=",
        "javascript:alert(1)",
        "http://",
        "http://[",
        f"http://pictures.example/{'a' * 2048}",
    ],
)
async def test_no_redirect_leads_inside(target, hops, fetcher, origin, internet):
    for hop in range(1, hops):
        origin.answers[f"/{hop}"] = redirect(f"/{hop + 1}")
    origin.answers[f"/{hops}"] = redirect(target)

    assert type(await failure(fetcher, f"http://{NAME}/1")) is errors.FetchFailed
    assert internet.dialed == [PUBLIC] * hops
    assert origin.contacts == hops


# The same without doubles: real names, real sockets, a canary on this machine.


@pytest.fixture
async def canary() -> AsyncIterator[Origin]:
    """Give a server that listens on loopback, in both protocols."""
    canary = Origin()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(running(canary))
        await stack.enter_async_context(running(canary, host="::1"))
        yield canary


def with_port(url: str, port: int) -> str:
    return re.sub(r"^(\w+://(?:\[[^]]*\]|[^/?#:]+)\.?)(?::\d+)?", rf"\1:{port}", url)


LOCAL = [url for url in SPELLINGS if not re.search("localdomain|x.local|ip6", url)]
LOCAL += ["http://0.0.0.0/", "http://127.1.2.3/", "http://[::]/", "http://[::ffff:0.0.0.0]/"]


async def test_a_canary_on_this_machine_hears_nothing(canary):
    fetcher = Fetcher(config(ports=frozenset({canary.port})))

    kinds = [type(await failure(fetcher, with_port(url, canary.port))) for url in LOCAL]
    await fetcher.stop()

    assert len(kinds) > 60
    assert set(kinds) == {errors.BadUrl, errors.FetchFailed}
    assert canary.contacts == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1./",
        "http://127。0。0。1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::1]/",
        "http://localhost/",
        "http://localhost./",
        "http://LOCALHOST/",
    ],
)
async def test_a_canary_in_an_allowed_network_is_heard(url, canary):
    fetcher = Fetcher(config(allow=("127.0.0.0/8", "::1/128")))

    got = await content(fetcher, with_port(url, canary.port))
    await fetcher.stop()

    assert got == PICTURE
    assert canary.contacts == 1


BEHIND_A_PROXY = """
import asyncio, sys
from ipaddress import ip_network
from pixmill import errors
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig

async def main(allowed, *refused):
    fetcher = Fetcher(FetchConfig(allow=(ip_network("127.0.0.1/32"),)))
    fetched = await fetcher.fetch(allowed, max_size=1000)
    print(fetched.blob.read().decode())
    for url in refused:
        try:
            await fetcher.fetch(url, max_size=1000)
        except errors.FetchFailed as error:
            print(type(error).__name__)
    await fetcher.stop()

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_proxy_in_the_environment_is_not_asked(canary):
    proxy = Origin()
    async with running(proxy):
        address = f"http://127.0.0.1:{proxy.port}"
        variables = ("http_proxy", "https_proxy", "all_proxy")
        urls = [
            f"http://127.0.0.1:{canary.port}/",
            "http://169.254.169.254/latest/meta-data/",
            "https://169.254.169.254/latest/meta-data/",
            "http://10.0.0.1/",
        ]
        process = await run_process(
            [sys.executable, "-c", BEHIND_A_PROXY, *urls],
            env=environment(dict.fromkeys((*variables, *map(str.upper, variables)), address)),
        )

    assert process.stdout.decode().split("\n")[:-1] == [PICTURE.decode(), *["FetchFailed"] * 3]
    assert canary.contacts == 1
    assert proxy.contacts == 0
