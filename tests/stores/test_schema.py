"""Migrations."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.stores import plans, schema
from pixmill.stores.db import sync_engine
from pixmill.stores.tables import metadata

from fixtures.warm import forks

LATEST = schema.history()[0].id


def execute(url: str, statement: str) -> None:
    engine = sync_engine(url)
    with engine.begin() as connection:
        connection.execute(sa.text(statement))
    engine.dispose()


def names(url: str) -> list[str]:
    engine = sync_engine(url)
    with engine.begin() as connection:
        found = list(connection.scalars(sa.select(plans.plans.c.name)))
    engine.dispose()
    return found


def test_a_new_database_is_made_with_every_table(blank_database_url: str) -> None:
    assert schema.current(blank_database_url) is None

    schema.migrate(blank_database_url)

    assert schema.current(blank_database_url) == LATEST
    assert schema.differences(blank_database_url) == []


def test_a_difference_from_the_tables_in_the_code_is_found(blank_database_url: str) -> None:
    schema.migrate(blank_database_url)

    execute(blank_database_url, "DROP INDEX ix_keys_account_id")

    assert len(schema.differences(blank_database_url)) == 1


def test_every_table_of_the_code_is_compared() -> None:
    assert set(schema.TABLES) == set(metadata.tables.values())


def test_migrating_again_changes_nothing(database_url: str) -> None:
    schema.migrate(database_url)

    assert schema.current(database_url) == LATEST
    assert sorted(names(database_url)) == sorted(plans.shipped())


@pytest.mark.parametrize("revision", [revision.id for revision in schema.history()])
def test_each_migration_can_be_undone_and_done_again(
    blank_database_url: str, revision: str
) -> None:
    schema.migrate(blank_database_url)
    schema.downgrade(blank_database_url, revision)
    assert schema.current(blank_database_url) == revision

    schema.downgrade(blank_database_url, "base")
    assert schema.current(blank_database_url) is None

    schema.migrate(blank_database_url)
    assert schema.differences(blank_database_url) == []


def test_a_deleted_plan_comes_back_and_an_edited_one_stays(database_url: str) -> None:
    execute(database_url, "DELETE FROM plans WHERE name = 'smolpix-pro'")
    execute(database_url, "UPDATE plans SET title = 'Mine' WHERE name = 'optipic-free'")

    schema.migrate(database_url)

    assert sorted(names(database_url)) == sorted(plans.shipped())
    engine = sync_engine(database_url)
    with engine.begin() as connection:
        title = connection.scalar(
            sa.select(plans.plans.c.title).where(plans.plans.c.name == "optipic-free")
        )
    engine.dispose()
    assert title == "Mine"


def test_many_processes_migrate_one_new_database_at_once(blank_database_url: str) -> None:
    server = forks()
    processes = [server.Process(target=schema.migrate, args=[blank_database_url]) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * len(processes)
    assert schema.differences(blank_database_url) == []
    assert sorted(names(blank_database_url)) == sorted(plans.shipped())


def test_a_failed_migration_leaves_no_half_a_schema(blank_database_url: str) -> None:
    execute(blank_database_url, "CREATE TABLE reservations (id TEXT)")

    with pytest.raises(errors.Internal):
        schema.migrate(blank_database_url)

    assert schema.current(blank_database_url) is None
    execute(blank_database_url, "DROP TABLE reservations")
    schema.migrate(blank_database_url)
    assert schema.differences(blank_database_url) == []


def test_a_database_of_a_newer_version_is_refused(blank_database_url: str) -> None:
    schema.migrate(blank_database_url)
    execute(blank_database_url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(errors.Internal, match="newer version"):
        schema.migrate(blank_database_url)


def test_a_folder_with_odd_characters_is_no_obstacle(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a 100% öäü' / 'x.db'}"

    schema.migrate(url)

    assert schema.current(url) == LATEST
