"""``pixmill db``."""

import sqlite3
from pathlib import Path

from typer.testing import CliRunner, Result

from pixmill.cli import app
from pixmill.stores import schema

LATEST = schema.history()[0].id


def db(command: str, data_dir: Path) -> Result:
    return CliRunner().invoke(app, ["db", command, "--data-dir", str(data_dir)])


def test_looking_at_a_database_does_not_make_it(tmp_path: Path) -> None:
    assert db("current", tmp_path / "data").stdout == "none\n"

    checked = db("check", tmp_path / "data")
    assert checked.exit_code == 1
    assert "`pixmill db upgrade`" in checked.stderr
    assert not (tmp_path / "data").exists()


def test_a_database_is_made_and_found_well(tmp_path: Path) -> None:
    assert db("upgrade", tmp_path).stdout == f"{LATEST}\n"
    assert db("current", tmp_path).stdout == f"{LATEST}\n"
    assert db("check", tmp_path).stdout == "up to date\n"
    assert db("upgrade", tmp_path).exit_code == 0


def test_a_missing_index_is_found(tmp_path: Path) -> None:
    db("upgrade", tmp_path)
    with sqlite3.connect(tmp_path / "pixmill.db") as connection:
        connection.execute("DROP INDEX ix_keys_account_id")
    connection.close()

    checked = db("check", tmp_path)

    assert checked.exit_code == 1
    assert "ix_keys_account_id" in checked.stderr


def test_the_history_is_printed() -> None:
    done = CliRunner().invoke(app, ["db", "history"])

    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        revision.id for revision in schema.history()
    ]
