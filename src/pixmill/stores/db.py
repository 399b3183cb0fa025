"""The database: which one a URL means, its connections, and what a transaction is."""

import asyncio
import sqlite3
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from pixmill import errors

#: Milliseconds that SQLite waits for another process's transaction to end.
BUSY_TIMEOUT = 15_000

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT}",
    # With WAL, NORMAL survives a crash of the process; FULL costs a hundred times the throughput
    # and only adds the last commits before a power cut.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
)

#: Seconds after which PostgreSQL ends a session that does nothing in the middle of a transaction,
#: and with it its locks. Only a process that is frozen, or a machine that is gone, looks like that,
#: and whoever takes over its work needs the rows that it had locked.
IDLE_TRANSACTION_SECONDS = 15

#: What SQLite says of a disk that is full or broken, of a file that cannot be had, of memory that
#: is short, and when others went before it for longer than it tries.
_UNAVAILABLE = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CANTOPEN,
    }
)


def parse(url: str) -> URL:
    """
    Return what *url* means: ``sqlite:///PATH`` or ``postgresql://…``.

    Raises Internal for anything else, because only the operator can have written it.
    """
    try:
        parsed = make_url(url)
    except exc.ArgumentError:
        parsed = URL.create("unreadable")
    name = parsed.get_backend_name()
    if name in {"postgresql", "postgres"}:
        # The only driver that comes with Pixmill; its name is the same for sync and async.
        return parsed.set(drivername="postgresql+psycopg")
    if name == "sqlite" and parsed.database and parsed.database != ":memory:":
        return parsed.set(drivername="sqlite")
    raise errors.Internal(
        "The database URL must be sqlite:///PATH or postgresql://USER@HOST/NAME; "
        "see PIXMILL_DATABASE_URL."
    )


def sqlite_path(url: str) -> Path | None:
    """Return the file that *url* names; None for PostgreSQL."""
    parsed = parse(url)
    return Path(parsed.database or "") if parsed.get_backend_name() == "sqlite" else None


@contextmanager
def worded() -> Iterator[None]:
    """Turn what a driver says about an unusable database into our own words."""
    try:
        yield
    except exc.TimeoutError as error:  # no connection of the pool became free
        raise errors.Busy(detail=str(error)) from error
    except (exc.IntegrityError, exc.DataError):  # a bug, which should look like one
        raise
    except exc.DBAPIError as error:
        if "database is locked" in str(error.orig):
            raise errors.Busy(detail=str(error.orig)) from error
        if _may_pass(error):
            raise errors.Unavailable(detail=str(error.orig)) from error
        raise errors.Internal("The database cannot be used.", detail=str(error.orig)) from error


@contextmanager
def _letting_go() -> Iterator[None]:
    """
    Give back the lock of a statement that was canceled.

    SQLite holds it for as long as anything refers to the cursor of an ``UPDATE … RETURNING``, even
    when the connection is closed. The frames through which the cancellation went do, and are a
    cycle that waits for the garbage collector, while every other writer waits for the lock.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        traceback.clear_frames(error.__traceback__)
        raise


def _may_pass(error: exc.DBAPIError) -> bool:
    """Say whether the machine or the connection is at fault, and not what was asked."""
    if isinstance(error.orig, sqlite3.Error):
        # The low byte is the kind of error; not every exception of the module has a code.
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _UNAVAILABLE
    return error.connection_invalidated or isinstance(error, exc.OperationalError)


def _prepare_sqlite(engine: Engine, *, pragmas: tuple[str, ...]) -> None:
    """Let a transaction of SQLite begin when we say so, with the write lock."""

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A transaction that reads first and asks for the write lock later can be refused it at
        # once, without any waiting, when somebody else wrote in between.
        if not connection.get_execution_options().get("only_reads"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _bound_transactions(engine: Engine) -> None:
    """Let no transaction of PostgreSQL outlive its process's attention."""

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own
        cursor = dbapi_connection.cursor()
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_SECONDS}s'")
        cursor.close()
        dbapi_connection.commit()


def thread_engine(url: str, *, connections: int) -> Engine:
    """
    Return an engine for a library that has threads and transactions of its own: DBOS.

    It begins transactions as the driver does, for it says itself when; *connections* of them can
    run at one time.
    """
    parsed = parse(url)
    engine = create_engine(parsed, pool_size=connections, max_overflow=0, pool_pre_ping=True)
    if parsed.get_backend_name() == "postgresql":
        _bound_transactions(engine)
        return engine

    @event.listens_for(engine, "connect")
    def connect(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's own
        # Before the first write, and with the write lock: see _prepare_sqlite.
        dbapi_connection.isolation_level = "IMMEDIATE"
        cursor = dbapi_connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    return engine


def sync_engine(url: str) -> Engine:
    """
    Return an engine for one migration: plain calls, and no foreign keys enforced on SQLite.

    SQLite's way to change a column is to make the table anew, which a foreign key forbids.
    """
    parsed = parse(url)
    engine = create_engine(parsed)
    if path := sqlite_path(url):
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                path.touch(mode=0o600)  # SQLite gives its journals the same mode
        except OSError as error:
            raise errors.Internal(
                "The data directory cannot be made.", detail=str(error)
            ) from error
        _prepare_sqlite(engine, pragmas=(*_PRAGMAS[:1], "PRAGMA journal_mode = WAL"))
    return engine


class Database:
    """
    The connections to one migrated database.

    Belongs to the event loop that first uses it. Stores get a connection and never commit.
    """

    def __init__(self, url: str) -> None:
        parsed = parse(url)
        self.dialect = parsed.get_backend_name()
        if self.dialect == "sqlite":
            # Each connection is a thread; more of them would only wait for each other.
            self._engine = create_async_engine(
                parsed.set(drivername="sqlite+aiosqlite"), pool_size=8, max_overflow=0
            )
            _prepare_sqlite(self._engine.sync_engine, pragmas=_PRAGMAS)
            # Not AUTOCOMMIT: coming back from it, SQLAlchemy gives the driver its own BEGINs again.
            self._reader = self._engine.execution_options(only_reads=True)
        else:
            self._engine = create_async_engine(
                parsed, pool_size=10, max_overflow=10, pool_pre_ping=True
            )
            _bound_transactions(self._engine.sync_engine)
            self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite lets writers in by chance, not in order, and one can starve (measured: seconds).
        # Inside this process they queue here; only other processes are left to chance.
        self._turn: AbstractAsyncContextManager[Any] = (
            asyncio.Lock() if self.dialect == "sqlite" else nullcontext()
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection on which everything happens or nothing does."""
        with worded(), _letting_go():
            async with self._turn, self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for SELECTs, each of which sees what is committed at that moment."""
        with worded(), _letting_go():
            async with self._reader.connect() as connection:
                yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self._engine.dispose()
