"""The tables of a database: made, brought up to date and compared, by Alembic run from here."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.stores import (
    accounts,
    batches,
    chunks,
    credits,  # noqa: A004 - the name that only a console has
    deductions,
    deliveries,
    endpoints,
    idempotency,
    jobs,
    keys,
    leases,
    nodes,
    plans,
    quotas,
    results,
    runs,
    secret,
    sessions,
    sign_ins,
    tickets,
    traffic,
    usage,
)
from pixmill.stores.db import sqlite_path, sync_engine, worded
from pixmill.stores.tables import metadata

#: Tables exist once their modules are imported; this names the ones there are.
TABLES = (
    plans.plans,
    accounts.accounts,
    keys.keys,
    usage.usage,
    quotas.reservations,
    leases.leases,
    results.results,
    batches.batches,
    chunks.chunks,
    jobs.jobs,
    secret.shared,
    deliveries.deliveries,
    deliveries.attempts,
    endpoints.endpoints,
    idempotency.idempotency_keys,
    nodes.nodes,
    sessions.sessions,
    sessions.pictures,
    runs.runs,
    runs.tasks,
    runs.events,
    runs.exports,
    sign_ins.sign_ins,
    tickets.tickets,
    traffic.traffic,
    credits.credit_balances,
    credits.credit_entries,
    deductions.credit_deductions,
)

#: What DBOS keeps beside them on SQLite; on PostgreSQL it has a schema of its own.
FOREIGN_TABLES = frozenset(
    {
        "application_versions",
        "dbos_migrations",
        "notifications",
        "operation_outputs",
        "queues",
        "streams",
        "workflow_events",
        "workflow_events_history",
        "workflow_input",
        "workflow_output",
        "workflow_schedules",
        "workflow_status",
    }
)

# Any number that nothing else in the same PostgreSQL database uses as an advisory lock.
_LOCK = 0x7069786D


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One step of the tables' history."""

    id: str
    title: str


@contextmanager
def _config(connection: Connection | None = None) -> Iterator[Config]:
    """Give Alembic's configuration; there is no alembic.ini, so that nothing else can be run."""
    with as_file(files("pixmill.stores") / "migrations") as folder:
        config = Config(attributes={"connection": connection})
        # A % would be read as an interpolation of the ini format.
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        yield config


@contextmanager
def _alone(url: str) -> Iterator[Connection]:
    """Give a connection in a transaction that no other migration of this database runs beside."""
    engine = sync_engine(url)
    try:
        with worded(), engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            yield connection
    finally:
        engine.dispose()


def migrate(url: str) -> None:
    """
    Bring the database at *url* up to date, making it when it is new, and add the missing plans.

    Any number of processes may do so at once. Raises Internal when the database was made by a newer
    version of Pixmill.
    """
    with _alone(url) as connection, _config(connection) as config:
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise errors.Internal(
                "The database was made by a newer version of Pixmill; use that version.",
                detail=str(error),
            ) from error
        plans.insert_missing(connection)


def downgrade(url: str, revision: str) -> None:
    """Undo the migrations after *revision*; ``base`` is before the first."""
    with _alone(url) as connection, _config(connection) as config:
        command.downgrade(config, revision)


def current(url: str) -> str | None:
    """Return the revision that the database is at; None is before the first, or no database."""
    path = sqlite_path(url)
    if path and not path.exists():  # looking at it should not make it
        return None
    with _alone(url) as connection:
        return MigrationContext.configure(connection).get_current_revision()


async def revision(connection: AsyncConnection) -> str | None:
    """Return the revision of a database that is in use."""

    def look(sync_connection: Connection) -> str | None:
        return MigrationContext.configure(sync_connection).get_current_revision()

    return await connection.run_sync(look)


@cache
def newest() -> str:
    """Return the revision that this version brings a database to."""
    return history()[0].id


def history() -> list[Revision]:
    """Return all revisions, newest first."""
    with _config() as config:
        return [
            Revision(id=script.revision, title=script.doc)
            for script in ScriptDirectory.from_config(config).walk_revisions()
        ]


def differences(url: str) -> list[str]:
    """Return what differs between the database and the tables that this version expects."""
    with _alone(url) as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": _ours}
        )
        return [str(difference) for difference in compare_metadata(context, metadata)]


def _ours(name: str | None, kind: str, _parents: object) -> bool:
    """Say whether something found in the database may be compared with our tables."""
    return kind != "table" or name not in FOREIGN_TABLES
