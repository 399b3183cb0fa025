"""``pixmill accounts``, ``keys``, ``plans`` and ``usage``: the commands over the database."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pixmill.cli import app
from pixmill.services.keys import Keys
from pixmill.services.quotas import Quotas
from pixmill.stores import plans
from pixmill.stores.db import Database


class Shell:
    """Runs commands on one database, inside this process."""

    def __init__(self, database_url: str, data_dir: Path) -> None:
        self.url = database_url
        self._env = {"PIXMILL_DATABASE_URL": database_url, "PIXMILL_DATA_DIR": str(data_dir)}

    def __call__(self, *arguments: str, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(app, arguments, env=self._env, prog_name="pixmill")
        assert done.exit_code == exit_code, done.output
        return done

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments).stdout)

    def use(self, secret: str, requests: int) -> None:
        """Settle some requests of 1,000 bytes in and 600 out."""
        asyncio.run(self._use(secret, requests))

    async def _use(self, secret: str, requests: int) -> None:
        database = Database(self.url)
        caller = await Keys(database=database).authenticate(presented=secret)
        for _ in range(requests):
            async with Quotas(database=database).reserve(caller=caller) as reservation:
                await reservation.settle(bytes_in=1_000, bytes_out=600)
        await database.close()


@pytest.fixture
def pixmill(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path / "data")


def test_a_new_account_is_printed_as_json(pixmill: Shell) -> None:
    made = pixmill.json("accounts", "create", "--email", "Ada@x.org", "--plan", "optipic-free")

    assert list(made) == ["id", "email", "plan", "created_at", "disabled_at", "operator"]
    assert re.fullmatch(r"acc_[0-9a-f]{20}", made["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", made["created_at"])
    assert (made["email"], made["plan"], made["disabled_at"]) == ("ada@x.org", "optipic-free", None)
    assert pixmill.json("accounts", "show", "ada@x.org", "--json") == made
    assert pixmill.json("accounts", "list", "--json") == [made]


def test_accounts_are_listed_for_people(pixmill: Shell) -> None:
    made = pixmill.json("accounts", "create", "--email", "ada@x.org")

    for arguments in (["list"], ["show", made["id"]]):
        head, row = pixmill("accounts", *arguments).stdout.splitlines()
        assert head.split() == ["id", "email", "plan", "created", "disabled", "operator"]
        assert row.split()[:3] == [made["id"], "ada@x.org", "self-hosted"]


def test_an_address_is_taken_once(pixmill: Shell) -> None:
    pixmill("accounts", "create", "--email", "ada@x.org", "--plan", "self-hosted")

    again = pixmill("accounts", "create", "--email", "ada@x.org", exit_code=1)

    assert again.stdout == ""
    assert "already" in again.stderr


def test_an_account_changes_plans(pixmill: Shell) -> None:
    made = pixmill.json("accounts", "create", "--email", "ada@x.org")

    changed = pixmill.json("accounts", "set-plan", "ada@x.org", "smolpix-pro")

    assert changed == {**made, "plan": "smolpix-pro"}
    assert "no plan gold" in pixmill("accounts", "set-plan", made["id"], "gold", exit_code=1).stderr


def test_an_account_is_disabled_and_enabled(pixmill: Shell) -> None:
    made = pixmill.json("accounts", "create", "--email", "ada@x.org")

    assert pixmill.json("accounts", "disable", made["id"])["disabled_at"] is not None
    assert pixmill.json("accounts", "enable", made["id"])["disabled_at"] is None


def test_a_key_is_printed_alone(pixmill: Shell) -> None:
    done = pixmill("keys", "create")

    assert re.fullmatch(r"pxm_[A-Za-z0-9]{43}\n", done.stdout)
    assert "not shown again" in done.stderr


def test_a_key_is_made_for_an_account(pixmill: Shell) -> None:
    account = pixmill.json("accounts", "create", "--email", "ada@x.org", "--plan", "optipic-free")

    first = pixmill("keys", "create", "--account", "ada@x.org", "--name", "shop").stdout
    second = pixmill(
        "keys", "create", "--account", account["id"], "--plan", "smolpix-pro", "--expires", "30"
    ).stdout

    shop, blog = pixmill.json("keys", "list", "--account", "ada@x.org", "--json")
    assert first.startswith(shop["display_prefix"])
    assert (shop["name"], shop["plan"], shop["expires_at"]) == ("shop", None, None)
    assert second.startswith(blog["display_prefix"])
    assert (blog["account_id"], blog["plan"]) == (account["id"], "smolpix-pro")
    assert blog["expires_at"] is not None
    assert "digest" not in shop


def test_keys_are_listed_with_their_state(pixmill: Shell) -> None:
    pixmill("keys", "create", "--name", "one")
    pixmill("keys", "create", "--name", "two", "--expires", "1")
    pixmill("keys", "create", "--name", "three")
    listed = pixmill.json("keys", "list", "--json")
    revoked = pixmill.json("keys", "revoke", listed[2]["id"])

    lines = pixmill("keys", "list").stdout.splitlines()

    assert revoked["revoked_at"] is not None
    assert [line.split()[0] for line in lines[1:]] == [key["id"] for key in listed]
    assert lines[1].rstrip().endswith("works")
    assert f"works until {listed[1]['expires_at'][:10]}" in lines[2]
    assert lines[3].rstrip().endswith("revoked")


def test_a_key_is_disabled_and_enabled(pixmill: Shell) -> None:
    pixmill("keys", "create")
    [key] = pixmill.json("keys", "list", "--json")
    disabled = pixmill.json("keys", "disable", key["id"])
    lines = pixmill("keys", "list").stdout.splitlines()

    assert disabled["disabled_at"] is not None
    assert lines[1].rstrip().endswith("switched off")
    assert pixmill.json("keys", "enable", key["id"])["disabled_at"] is None


def test_one_key_too_many_is_refused_with_what_to_do(pixmill: Shell) -> None:
    pixmill("accounts", "create", "--email", "ada@x.org", "--plan", "optimagio-free")
    pixmill("keys", "create", "--account", "ada@x.org")

    refused = pixmill("keys", "create", "--account", "ada@x.org", exit_code=1)

    assert refused.stdout == ""
    assert "`pixmill keys revoke`" in refused.stderr


@pytest.mark.parametrize("days", ["0", "-1", "x", "999999"])
def test_a_key_lives_for_some_days(pixmill: Shell, days: str) -> None:
    pixmill("keys", "create", "--expires", days, exit_code=2)


def test_plans_are_listed(pixmill: Shell) -> None:
    lines = pixmill("plans", "list").stdout.splitlines()
    listed = pixmill.json("plans", "list", "--json")

    assert {line.split()[0] for line in lines[1:]} == set(plans.shipped())
    assert {plan["name"] for plan in listed} == set(plans.shipped())
    free = next(line for line in lines if line.startswith("optipic-free"))
    assert free.split() == ["optipic-free", "500", "-", "-", "20", "MiB", "-", "refused"]


def test_a_plan_is_changed_shown_and_reset(pixmill: Shell) -> None:
    shipped = pixmill.json("plans", "show", "optimagio-free")
    tiers = [{"up_to": 900, "price_microusd": 5}, {"up_to": None, "price_microusd": 1}]

    changed = pixmill.json(
        "plans",
        "set",
        "optimagio-free",
        "monthly_requests=750",
        "minute_requests=none",
        "max_file_size=30MiB",
        f"overage={json.dumps(tiers)}",
    )

    assert changed == {
        **shipped,
        "monthly_requests": 750,
        "minute_requests": None,
        "max_file_size": 30 * 1024 * 1024,
        "overage": tiers,
    }
    assert pixmill.json("plans", "show", "optimagio-free") == changed
    lines = pixmill("plans", "list").stdout.splitlines()
    assert [line.split()[0] for line in lines if "edited" in line][1:] == ["optimagio-free"]
    assert pixmill.json("plans", "reset", "optimagio-free") == shipped


@pytest.mark.parametrize(
    ("change", "exit_code"),
    [("monthly_requests", 2), ("=5", 2), ("overage=[", 2), ("color=red", 1), ("max_keys=x", 1)],
)
def test_a_change_of_a_plan_that_cannot_be_read_is_refused(
    pixmill: Shell, change: str, exit_code: int
) -> None:
    refused = pixmill("plans", "set", "optimagio-free", change, exit_code=exit_code)

    assert refused.stdout == ""
    assert not pixmill.json("plans", "show", "optimagio-free")["overage"]


def test_usage_is_shown_per_key(pixmill: Shell) -> None:
    account = pixmill.json("accounts", "create", "--email", "ada@x.org")
    secret = pixmill("keys", "create", "--account", "ada@x.org").stdout.strip()
    pixmill("keys", "create", "--account", "ada@x.org")
    pixmill.use(secret, 3)

    (line,) = pixmill.json("usage", "--json")

    assert line["account"] == "ada@x.org"
    assert line["account_id"] == account["id"]
    assert secret.startswith(line["key"])
    assert (line["requests"], line["bytes_in"], line["bytes_out"]) == (3, 3_000, 1_800)
    assert line["bytes_saved"] == 1_200
    head, row = pixmill("usage", "--account", "ada@x.org").stdout.splitlines()
    assert head.split() == ["month", "account", "key", "requests", "in", "out", "saved"]
    assert row.split()[3:] == ["3", "2.93", "KiB", "1.758", "KiB", "1.172", "KiB"]
    assert pixmill.json("usage", "--period", "2020-01", "--json") == []
    assert "such as 2026-06" in pixmill("usage", "--period", "June", exit_code=1).stderr
    assert "no account bob" in pixmill("usage", "--account", "bob", exit_code=1).stderr
