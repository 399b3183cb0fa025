"""URLs, transactions and the types of columns."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.stores import accounts, db, schema
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.tables import UtcDateTime

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 6, 30, 12, 0, 0, 123456, tzinfo=UTC)


def account(name: str = "a", *, created_at: datetime = NOON) -> Account:
    return Account(id=name, email=f"{name}@x", plan="self-hosted", created_at=created_at)


@pytest.mark.parametrize(
    ("url", "driver"),
    [
        ("sqlite:////var/lib/x.db", "sqlite"),
        ("postgresql://u:p@host/name", "postgresql+psycopg"),
        ("postgres://u:p@host/name", "postgresql+psycopg"),
        ("postgresql+asyncpg://u:p@host/name", "postgresql+psycopg"),
    ],
)
def test_a_url_names_the_database_and_we_choose_the_driver(url: str, driver: str) -> None:
    assert db.parse(url).drivername == driver


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://u@host/name", "/var/x.db"]
)
def test_other_urls_are_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(errors.Internal, match="sqlite:///PATH or postgresql://"):
        db.parse(url)


async def test_a_password_is_in_no_message() -> None:
    database = Database("postgresql://u:hunter2@127.0.0.1:1/name")

    with pytest.raises(errors.Unavailable) as caught:
        async with database.reading() as connection:
            await connection.execute(sa.text("SELECT 1"))

    assert str(caught.value) == str(errors.Unavailable())
    assert "hunter2" not in caught.value.detail
    await database.close()


async def test_a_transaction_happens_or_does_not(database: Database) -> None:
    async with database.transaction() as connection:
        await accounts.add(connection, account("kept"))

    async def fail() -> None:
        async with database.transaction() as connection:
            await accounts.add(connection, account("lost"))
            raise errors.BadKey

    with pytest.raises(errors.BadKey):
        await fail()

    async with database.reading() as connection:
        assert [row.id for row in await accounts.listed(connection)] == ["kept"]


async def test_a_canceled_transaction_does_not_happen(database: Database) -> None:
    begun = asyncio.Event()

    async def write() -> None:
        async with database.transaction() as connection:
            await accounts.add(connection, account("lost"))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with database.transaction() as connection:
        await accounts.add(connection, account("kept"))
    async with database.reading() as connection:
        assert [row.id for row in await accounts.listed(connection)] == ["kept"]


async def test_reading_sees_what_was_committed_meanwhile(database: Database) -> None:
    async with database.reading() as reader:
        assert await accounts.listed(reader) == []
        async with database.transaction() as writer:
            await accounts.add(writer, account())
        assert len(await accounts.listed(reader)) == 1


@pytest.mark.parametrize(
    "moment",
    [NOON, NOON.astimezone(timezone(timedelta(hours=-7))), NOON.replace(microsecond=0)],
    ids=["utc", "zone", "whole seconds"],
)
async def test_moments_come_back_in_utc(database: Database, moment: datetime) -> None:
    async with database.transaction() as connection:
        await accounts.add(connection, account(created_at=moment))

    async with database.reading() as connection:
        (row,) = await accounts.listed(connection)
    assert row.created_at == moment
    assert row.created_at.tzinfo is UTC


async def test_a_moment_without_a_zone_is_refused(database: Database) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a time zone"):
        async with database.transaction() as connection:
            await accounts.add(connection, account(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001


async def test_an_account_needs_a_plan_that_exists(database: Database) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        async with database.transaction() as connection:
            await connection.execute(
                accounts.accounts.insert().values(
                    id="a", email="a@x", plan="nothing", created_at=NOON
                )
            )


async def test_sqlite_is_set_up_to_lose_nothing_in_a_crash(sqlite_path: Path) -> None:
    database = Database(f"sqlite:///{sqlite_path}")
    expected = {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 15_000}

    async with database.reading() as connection:
        found = {
            name: (await connection.execute(sa.text(f"PRAGMA {name}"))).scalar_one()
            for name in expected
        }

    assert found == expected
    await database.close()


async def test_a_locked_sqlite_file_is_busy_and_not_broken(sqlite_path: Path) -> None:
    database = Database(f"sqlite:///{sqlite_path}")
    async with database.reading() as connection:
        await connection.execute(sa.text("PRAGMA busy_timeout = 1"))
    other = sqlite3.connect(sqlite_path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(errors.Busy):
        async with database.transaction():
            pass

    other.close()
    await database.close()


async def test_a_full_sqlite_file_or_none_is_unavailable_and_not_broken(
    sqlite_path: Path,
) -> None:
    database = Database(f"sqlite:///{sqlite_path}")

    async def fill() -> None:
        async with database.transaction() as connection:
            await connection.execute(sa.text("PRAGMA max_page_count = 1"))
            await connection.execute(sa.text("CREATE TABLE more AS SELECT randomblob(100000)"))

    with pytest.raises(errors.Unavailable) as caught:
        await fill()
    assert "full" in caught.value.detail
    await database.close()
    with pytest.raises(errors.Unavailable) as caught:
        schema.migrate(f"sqlite:///{sqlite_path.parent}")
    assert "open" in caught.value.detail


@pytest.mark.parametrize(
    "code",
    [
        sqlite3.SQLITE_BUSY_SNAPSHOT,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
    ],
)
def test_a_file_that_others_are_busy_with_is_unavailable_and_not_broken(code: int) -> None:
    said = sqlite3.OperationalError("no luck")
    said.sqlite_errorcode = code

    with pytest.raises(errors.Unavailable), db.worded():
        raise sa.exc.OperationalError("SELECT 1", {}, said)


async def test_what_is_wrong_with_the_tables_does_not_pass_by_itself(database: Database) -> None:
    with pytest.raises(errors.Internal):
        async with database.transaction() as connection:
            await connection.execute(sa.text("SELECT * FROM nothing"))


def test_nobody_else_may_read_a_new_database(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    schema.migrate(f"sqlite:///{tmp_path / 'pixmill.db'}")

    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_the_time_type_passes_nothing_through_as_nothing() -> None:
    dialect = sa.create_engine("sqlite://").dialect

    assert UtcDateTime().process_bind_param(None, dialect) is None
    assert UtcDateTime().process_result_value(None, dialect) is None
