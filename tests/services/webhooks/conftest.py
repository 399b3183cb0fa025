"""A receiver, and a post office that delivers to it."""

import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from pixmill.services.fetching.fetcher import Fetcher, tls_context
from pixmill.stores.db import Database
from services.desk import Clock
from services.webhooks.office import Office, fetch_config
from services.webhooks.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture
async def sqlite_database(sqlite_path: Path) -> AsyncIterator[Database]:
    """Give a database to tests that are not about databases."""
    database = Database(f"sqlite:///{sqlite_path}")
    yield database
    await database.close()


@pytest.fixture(scope="session")
def web_tls() -> ssl.SSLContext:
    return tls_context()


@pytest.fixture
async def fetcher(web_tls: ssl.SSLContext) -> AsyncIterator[Fetcher]:
    """Give a fetcher that may reach receivers on this machine."""
    fetcher = Fetcher(fetch_config(), tls=web_tls)
    yield fetcher
    await fetcher.stop()


@pytest.fixture
async def office(database: Database, fetcher: Fetcher, receiver: Receiver, clock: Clock) -> Office:
    office = Office(database=database, fetcher=fetcher, receiver=receiver, clock=clock)
    office.account_id = await office.new_account()
    return office
