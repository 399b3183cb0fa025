"""What all tables share: one metadata, the column types, and how a row becomes a dataclass."""

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar

from sqlalchemy import DateTime, Dialect, MetaData, Select, Table, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeDecorator

T = TypeVar("T")

#: An INSERT that can say ``ON CONFLICT``.
Upsert = sqlite.Insert | postgresql.Insert

#: Every constraint has a name, so that a later migration can find it on both databases.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, in UTC. SQLite keeps it without a zone; PostgreSQL as ``timestamptz``."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any aware moment into what the database keeps."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC, whatever zone the database's session is in."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


def upserts(table: Table, build: Callable[[Upsert], Upsert]) -> dict[str, Upsert]:
    """
    Return what *build* makes of an INSERT into *table*, for each dialect's name.

    The databases share the words of ``ON CONFLICT``, but SQLAlchemy has a class for each. To be
    called once per statement: to build one takes longer than to run it. The result's ``rowcount``
    says whether the INSERT, or what it does instead, did anything.
    """
    inserts: dict[str, Upsert] = {
        "sqlite": sqlite.insert(table),
        "postgresql": postgresql.insert(table),
    }
    return {
        dialect: build(insert).execution_options(preserve_rowcount=True)
        for dialect, insert in inserts.items()
    }


def taken(chosen: Select[Any], *, limit: int) -> Select[Any]:
    """
    Return the first *limit* of *chosen*, locked, for the ``IN`` of a statement that changes them.

    Rows that somebody else has locked are passed over: to wait for them while holding others is
    how two would wait for each other. (SQLite has no row locks and ignores it.)

    PostgreSQL may look a subquery up again for each row that it compares with it. With the rows
    that it took before locked or changed, it finds others each time: more than the limit. A
    ``WITH … AS MATERIALIZED`` is looked up once (PostgreSQL manual, 7.8.3). Whoever needs to know
    how many there were has them returned: the module for SQLite counts none after a ``WITH``.
    """
    rows = chosen.limit(limit).with_for_update(skip_locked=True).cte("taken")
    return select(rows.prefix_with("MATERIALIZED", dialect="postgresql"))


def record(kind: type[T], values: Iterable[Any]) -> T:
    """Return the dataclass *kind* made of *values*, which come in the order of its fields."""
    names: Any = kind  # typeshed has no public name for "some dataclass"
    return kind(**dict(zip((field.name for field in fields(names)), values, strict=True)))
