"""The services over a fresh database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pixmill.services.accounts import Accounts
from pixmill.services.keys import Caller, Keys
from pixmill.services.plans import Plans
from pixmill.services.quotas import Quotas
from pixmill.services.usage import Usage
from pixmill.stores.db import Database
from services.desk import Clock, Desk
from services.jobs.audit import Audit
from services.jobs.mill import Mill


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def accounts(database: Database, clock: Clock) -> Accounts:
    return Accounts(database=database, now=clock)


@pytest.fixture
def keys(database: Database, clock: Clock) -> Keys:
    return Keys(database=database, now=clock)


@pytest.fixture
def plans(database: Database) -> Plans:
    return Plans(database=database)


@pytest.fixture
def quotas(database: Database, clock: Clock) -> Quotas:
    return Quotas(database=database, now=clock)


@pytest.fixture
def usage(database: Database, clock: Clock) -> Usage:
    return Usage(database=database, now=clock)


@pytest.fixture
def desk(keys: Keys, quotas: Quotas) -> Desk:
    return Desk(keys=keys, quotas=quotas)


@pytest.fixture
async def mill(
    database: Database, database_url: str, tmp_path: Path, clock: Clock
) -> AsyncIterator[Mill]:
    mill = Mill(database=database, url=database_url, folder=tmp_path / "objects", clock=clock)
    await mill.start()
    yield mill
    await mill.close()


@pytest.fixture
def audit(mill: Mill) -> Audit:
    return Audit(mill)


@pytest.fixture
async def five(plans: Plans, desk: Desk) -> Caller:
    """Give a caller whose account has five requests a month."""
    await plans.change(name="octosqueeze-free", changes={"monthly_requests": 5})
    return await desk.caller("octosqueeze-free")
