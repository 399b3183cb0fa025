"""Visitors to the website, as fixtures."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from pixmill.services.accounts import Accounts
from web.visitors import OPERATOR, NewVisitor, Visitor, signed_in, watched

from fixtures.browsers import chromium
from fixtures.servers import OwnServer, RunningServer, opened, run

# Milliseconds that a page has to become what it should: other tests run beside this one.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="module")  # while it is there, no test can run an event loop of its own
def browser() -> Iterator[Browser]:
    with chromium() as launched:
        yield launched


@pytest.fixture
def visitor(browser: Browser, server: RunningServer) -> Iterator[Visitor]:
    """Give somebody who is not signed in, at the server that all tests share."""
    watching = watched(browser, server)
    yield watching
    watching.page.context.close()
    assert watching.complaints == []


@pytest.fixture(scope="session")
def founded(server: RunningServer) -> str:
    """Have somebody run the shared server: who comes from now on is a member like any other."""

    async def found() -> None:
        await signed_in(server.database_url, OPERATOR)
        async with opened(server.database_url) as database:
            # Tests of other parts may have made accounts there before.
            await Accounts(database=database).set_operator(name=OPERATOR, on=True)

    run(found())
    return OPERATOR


@pytest.fixture
def member(visitor: Visitor, founded: str) -> Visitor:
    """Give somebody with a new account, who does not run the server."""
    visitor.become()
    assert visitor.email != founded
    return visitor


@pytest.fixture
def operator(visitor: Visitor, founded: str) -> Visitor:
    """Give whoever runs the shared server."""
    visitor.become(founded)
    return visitor


@pytest.fixture
def new_visitor(browser: Browser, own_server: OwnServer) -> Iterator[NewVisitor]:
    """Give a function that makes a visitor to a server of their own, or to the one given."""
    visitors: list[Visitor] = []

    def new(server: RunningServer | None = None, **settings: Any) -> Visitor:
        visitors.append(watched(browser, server or own_server(**settings)))
        return visitors[-1]

    yield new
    for each in visitors:
        each.page.context.close()
    for each in visitors:
        assert each.complaints == []
