"""Sweeps take so many rows at a time, and no more."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from pixmill.stores import leases
from pixmill.stores.db import Database

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

#: What PostgreSQL compares two sets of rows with, except each of the one with all of the other.
CLEVER = ("hashagg", "hashjoin", "material", "memoize", "mergejoin", "sort")


async def test_no_more_rows_are_taken_than_asked_for_however_they_are_found(
    database: Database,
) -> None:
    """PostgreSQL looks a subquery up again for each row, if it thinks that there are few."""
    async with database.transaction() as connection:
        for number in range(6):
            end = NOW + timedelta(seconds=number)
            await leases.hold(connection, digest=f"{number:064}", until=end)
        if database.dialect == "postgresql":
            for name in CLEVER:
                await connection.execute(text(f"SET LOCAL enable_{name} = off"))

        taken = await leases.lapse(connection, now=NOW + timedelta(minutes=1), limit=2)

        assert sorted(map(leases.digest_of, taken)) == [f"{number:064}" for number in range(2)]
