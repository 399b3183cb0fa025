"""The engine of a library that has threads of its own, and transactions whose process is frozen."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.stores.db import IDLE_TRANSACTION_SECONDS, Database, thread_engine

from fixtures.databases import PostgreSQL

TIMEOUT = "idle_in_transaction_session_timeout"


def test_sqlite_is_set_up_as_for_ourselves(sqlite_path: Path) -> None:
    engine = thread_engine(f"sqlite:///{sqlite_path}", connections=1)
    expected = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 15_000}

    with engine.begin() as connection:
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}

    assert found == expected
    engine.dispose()


def test_sqlite_is_locked_from_the_first_write_on(sqlite_path: Path) -> None:
    engine = thread_engine(f"sqlite:///{sqlite_path}", connections=2)
    begun: list[str] = []

    with engine.begin() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.set_trace_callback(begun.append)
        connection.exec_driver_sql("SELECT 1")
        connection.exec_driver_sql("DELETE FROM leases")

    assert begun == ["SELECT 1", "BEGIN IMMEDIATE", "DELETE FROM leases", "COMMIT"]
    engine.dispose()


@pytest.mark.anyio
async def test_postgresql_ends_transactions_that_do_nothing(postgresql: PostgreSQL) -> None:
    url = postgresql.url("postgres")
    engine = thread_engine(url, connections=1)
    database = Database(url)

    with engine.begin() as sync_connection:
        found = [sync_connection.exec_driver_sql(f"SHOW {TIMEOUT}").scalar()]
    async with database.reading() as connection:
        found.append((await connection.exec_driver_sql(f"SHOW {TIMEOUT}")).scalar())

    assert found == [f"{IDLE_TRANSACTION_SECONDS}s"] * 2
    engine.dispose()
    await database.close()


@pytest.mark.anyio
async def test_whoever_was_frozen_in_a_transaction_can_try_again(postgresql: PostgreSQL) -> None:
    database = Database(postgresql.url("postgres"))

    async def freeze() -> None:
        async with database.transaction() as connection:
            await connection.exec_driver_sql(f"SET LOCAL {TIMEOUT} = '20ms'")
            await asyncio.sleep(0.2)
            await connection.execute(sa.select(1))

    with pytest.raises(errors.Unavailable):
        await freeze()

    async with database.transaction() as connection:
        assert (await connection.execute(sa.select(1))).scalar_one() == 1
    await database.close()
