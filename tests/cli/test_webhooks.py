"""``pixmill webhooks``."""

import asyncio
import base64
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from typer.testing import CliRunner, Result

from pixmill import clock
from pixmill.cli import app
from pixmill.stores import deliveries, endpoints
from pixmill.stores.db import Database
from pixmill.stores.deliveries import Attempt, Delivery

URL = "https://hooks.example.com/pixmill"
NOW = clock.now().replace(microsecond=0)
SECRET = "a secret of more than 32 characters"


class Shell:
    """Runs commands on one database, inside this process; and an account, and what was sent."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self._url = database_url
        self.data_dir = data_dir
        self.env = {"PIXMILL_DATABASE_URL": database_url, "PIXMILL_DATA_DIR": str(data_dir)}
        self.account_id = self.json("accounts", "create", "--email", "ada@x.org")["id"]

    def __call__(self, *arguments: str, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(app, arguments, env=self.env, prog_name="pixmill")
        assert done.exit_code == exit_code, done.output
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments).stdout)

    def write(self, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        asyncio.run(self._write(work))

    async def _write(self, work: Callable[[AsyncConnection], Awaitable[None]]) -> None:
        database = Database(self._url)
        async with database.transaction() as connection:
            await work(connection)
        await database.close()

    def add(self, number: int, **details: Any) -> Delivery:
        """Add a delivery that failed, or what *details* say; the higher its number the newer."""
        delivery = Delivery(
            **{
                "id": f"msg_{number}",
                "account_id": self.account_id,
                "url": URL,
                "dialect": "optimagio",
                "event": "job.completed",
                "subject": "job_1",
                "base_url": "https://images.example.com",
                "state": "failed",
                "attempts": 1,
                "body": b"links-in-here",
                "content_type": "application/json",
                "headers": {},
                "created_at": NOW + timedelta(seconds=number),
                "next_attempt_at": None,
                "finished_at": NOW,
                **details,
            }
        )

        async def work(connection: AsyncConnection) -> None:
            await deliveries.add(connection, delivery)

        self.write(work)
        return delivery

    def disable(self) -> None:
        async def work(connection: AsyncConnection) -> None:
            await endpoints.disable(connection, account_id=self.account_id, url=URL, now=NOW)

        self.write(work)


@pytest.fixture
def pixmill(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path / "data")


def test_deliveries_are_listed(pixmill: Shell) -> None:
    pixmill.add(1)
    pixmill.add(
        2, state="pending", finished_at=None, next_attempt_at=NOW + timedelta(hours=1), body=None
    )
    other = pixmill.json("accounts", "create", "--email", "bob@x.org")["id"]
    pixmill.add(3, state="pending", queued=True, account_id=other, finished_at=None)

    third, second, first = pixmill.json("webhooks", "list", "--json")
    head, *rows = pixmill("webhooks", "list").stdout.splitlines()

    assert [row["id"] for row in (first, second, third)] == ["msg_1", "msg_2", "msg_3"]
    assert first == {
        "id": "msg_1",
        "account_id": pixmill.account_id,
        "url": URL,
        "dialect": "optimagio",
        "event": "job.completed",
        "subject": "job_1",
        "state": "failed",
        "attempts": 1,
        "failures": 0,
        "queued": False,
        "content_type": "application/json",
        "size": 13,
        "created_at": f"{NOW + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        "next_attempt_at": None,
        "finished_at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
    }
    assert second["next_attempt_at"] == f"{NOW + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    assert (second["size"], third["next_attempt_at"]) == (None, None)
    assert head.split()[0] == "id"
    assert [row.split()[0] for row in rows] == ["msg_3", "msg_2", "msg_1"]
    assert rows[0].rstrip().endswith("now")
    assert rows[1].rstrip().endswith(f"{NOW + timedelta(hours=1):%Y-%m-%d %H:%M}")


def test_a_list_can_be_narrowed(pixmill: Shell) -> None:
    pixmill.add(1)
    pixmill.add(2, state="delivered")
    pixmill.json("accounts", "create", "--email", "bob@x.org")

    def listed(*options: str) -> list[str]:
        return [row["id"] for row in pixmill.json("webhooks", "list", "--json", *options)]

    assert listed("--state", "failed") == ["msg_1"]
    assert listed("--account", "ada@x.org") == ["msg_2", "msg_1"]
    assert listed("--account", "bob@x.org") == []
    assert listed("--limit", "1") == ["msg_2"]
    pixmill("webhooks", "list", "--state", "odd", exit_code=2)
    refused = pixmill("webhooks", "list", "--account", "eve@x.org", exit_code=1)
    assert "no account eve@x.org" in refused.stderr


def test_a_delivery_is_shown_with_its_log(pixmill: Shell) -> None:
    pixmill.add(1, attempts=2)

    async def work(connection: AsyncConnection) -> None:
        for number, status, error in ((1, None, "timeout"), (2, 500, "status 500")):
            await deliveries.note(
                connection,
                Attempt(
                    delivery_id="msg_1",
                    number=number,
                    at=NOW,
                    status=status,
                    error=error,
                    milliseconds=1500,
                ),
            )

    pixmill.write(work)

    shown = pixmill.json("webhooks", "show", "msg_1", "--json")
    for_people = pixmill("webhooks", "show", "msg_1").stdout

    at = f"{NOW:%Y-%m-%dT%H:%M:%SZ}"
    assert shown["log"] == [
        {"number": 1, "at": at, "status": None, "error": "timeout", "milliseconds": 1500},
        {"number": 2, "at": at, "status": 500, "error": "status 500", "milliseconds": 1500},
    ]
    assert [line.split()[0] for line in for_people.splitlines() if line] == [
        "id", "msg_1", "attempt", "1", "2",
    ]  # fmt: skip
    assert f"{NOW:%H:%M:%S}" in for_people
    # Links in a message carry their own authority.
    assert "links-in-here" not in for_people + json.dumps(shown)


def test_a_replay_is_due_at_once(pixmill: Shell) -> None:
    pixmill.add(1)

    replayed = pixmill("webhooks", "replay", "msg_1")

    assert "keeps its webhook-id" in replayed.stderr
    delivery = json.loads(replayed.stdout)
    assert (delivery["id"], delivery["state"], delivery["queued"]) == ("msg_1", "pending", False)
    assert delivery["next_attempt_at"] <= f"{clock.now():%Y-%m-%dT%H:%M:%S.%fZ}"
    assert pixmill.json("webhooks", "show", "msg_1", "--json")["size"] == 13


def test_what_there_is_not_cannot_be_shown_or_replayed(pixmill: Shell) -> None:
    for command in ("show", "replay"):
        refused = pixmill("webhooks", command, "msg_x", exit_code=1)
        assert refused.stdout == ""
        assert "no delivery msg_x" in refused.stderr
        assert "`pixmill" in refused.stderr
        assert "webhooks list`" in refused.stderr


def test_a_disabled_url_is_shown_and_enabled(pixmill: Shell) -> None:
    pixmill.add(1, state="disabled")
    pixmill.disable()
    for_people = pixmill("webhooks", "disabled", "--account", "ada@x.org").stdout
    refused = pixmill("webhooks", "replay", "msg_1", exit_code=1)

    assert pixmill.json("webhooks", "disabled", "--json") == [
        {
            "url": URL,
            "account_id": pixmill.account_id,
            "disabled_at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
        }
    ]
    assert URL in for_people
    assert f"`pixmill webhooks enable URL --account {pixmill.account_id}`" in refused.stderr

    enabled = pixmill("webhooks", "enable", URL, "--account", "ada@x.org")

    assert "`pixmill webhooks replay ID`" in enabled.stderr
    assert pixmill.json("webhooks", "disabled", "--json") == []
    assert pixmill.json("webhooks", "replay", "msg_1")["state"] == "pending"
    again = pixmill("webhooks", "enable", URL, "--account", "ada@x.org", exit_code=1)
    assert "is not disabled" in again.stderr


def test_a_secret_is_printed_alone(pixmill: Shell) -> None:
    pixmill.env["PIXMILL_SECRET_KEY"] = SECRET
    for account in ("ada@x.org", pixmill.account_id):
        printed = pixmill("webhooks", "secret", account)

        key = hmac.digest(
            SECRET.encode(), f"pixmill webhook 1: {pixmill.account_id}".encode(), "sha256"
        )
        assert printed.stdout == f"whsec_{base64.b64encode(key).decode()}\n"
        assert "PIXMILL_SECRET_KEY" in printed.stderr
    assert not pixmill.data_dir.joinpath("secret.key").exists()


def test_a_secret_is_made_of_what_the_server_keeps(pixmill: Shell) -> None:
    printed = pixmill("webhooks", "secret", "ada@x.org")
    again = pixmill("webhooks", "secret", "ada@x.org")

    server = pixmill.data_dir.joinpath("secret.key").read_bytes()
    key = hmac.digest(server, f"pixmill webhook 1: {pixmill.account_id}".encode(), "sha256")
    assert printed.stdout == again.stdout == f"whsec_{base64.b64encode(key).decode()}\n"
    assert "no account eve" in pixmill("webhooks", "secret", "eve", exit_code=1).stderr
