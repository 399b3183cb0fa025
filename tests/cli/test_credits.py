"""``pixmill credits``: what accounts have, and what an operator gives them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from pixmill import clock
from pixmill.cli import app
from pixmill.services.credits import Charge, Credits
from pixmill.stores.db import Database

ADA = "ada@x.org"

Shell = Callable[..., Result]


@pytest.fixture
def pixmill(database_url: str, tmp_path: Path) -> Shell:
    """Give a shell, and an account with 25 credits."""
    env = {"PIXMILL_DATABASE_URL": database_url, "PIXMILL_DATA_DIR": str(tmp_path / "data")}

    def run(*arguments: str, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(app, arguments, env=env, prog_name="pixmill")
        assert done.exit_code == exit_code, done.output
        return done

    run("accounts", "create", "--email", ADA, "--plan", "picture-optimizer-free")
    return run


def read(done: Result) -> Any:
    return json.loads(done.stdout)


def deduct(database_url: str, count: int) -> Charge:
    async def work() -> Charge:
        database = Database(database_url)
        charge = await Credits(database=database).deduct(
            account=ADA, action="analyze", image_count=count
        )
        await database.close()
        return charge

    return asyncio.run(work())


def test_what_an_account_has_is_shown(pixmill: Shell) -> None:
    account = read(pixmill("accounts", "show", ADA, "--json"))

    shown = read(pixmill("credits", "show", ADA, "--json"))

    end = clock.next_period(clock.now()).isoformat().replace("+00:00", "Z")
    assert shown == {
        "account_id": account["id"],
        "email": ADA,
        "plan": "picture-optimizer-free",
        "balance": 25,
        "monthly": 0,
        "ends_at": end,
    }
    head, row = pixmill("credits", "show", account["id"]).stdout.splitlines()
    assert head.split() == ["id", "email", "plan", "credits", "of", "this", "month", "until"]
    assert row.split()[:5] == [account["id"], ADA, "picture-optimizer-free", "25", "0"]


def test_a_plan_that_does_not_count_is_shown_as_such(pixmill: Shell) -> None:
    pixmill("accounts", "set-plan", ADA, "self-hosted")

    assert read(pixmill("credits", "show", ADA, "--json"))["balance"] is None
    assert "without limit" in pixmill("credits", "show", ADA).stdout


def test_a_plan_that_is_edited_gives_what_it_says(pixmill: Shell) -> None:
    done = pixmill("plans", "set", "picture-optimizer-free", "monthly_credits=40")

    assert done.stderr == ""
    shown = read(pixmill("credits", "show", ADA, "--json"))
    assert (shown["balance"], shown["monthly"]) == (65, 40)


def test_credits_are_granted_and_the_reason_is_kept(pixmill: Shell) -> None:
    granted = read(pixmill("credits", "grant", ADA, "100", "--note", "A present", "--json"))

    assert granted["balance"] == 125
    assert pixmill("credits", "grant", ADA, "5").stdout.splitlines()[1].split()[3] == "130"
    newest, present, signup = read(pixmill("credits", "history", ADA, "--json"))
    assert (newest["kind"], newest["amount"], newest["balance"]) == ("grant", 5, 130)
    assert (present["note"], present["actor"], present["number"]) == ("A present", "operator", 2)
    assert (signup["kind"], signup["actor"]) == ("signup", None)


def test_a_deduction_is_refunded_once(pixmill: Shell, database_url: str) -> None:
    charge = deduct(database_url, 5)
    assert charge.id

    refunded = read(pixmill("credits", "refund", ADA, "5", "--deduction", charge.id, "--json"))

    assert refunded["balance"] == 25
    again = pixmill("credits", "refund", ADA, "5", "--deduction", charge.id, exit_code=1)
    assert again.stdout == ""
    assert "At most 0 credits of this deduction" in again.stderr


def test_a_refund_needs_no_deduction(pixmill: Shell) -> None:
    assert read(pixmill("credits", "refund", ADA, "3", "--json"))["balance"] == 28


def test_the_history_is_listed_for_people_in_pages(pixmill: Shell, database_url: str) -> None:
    charge = deduct(database_url, 5)
    pixmill("credits", "grant", ADA, "1000", "--note", "why")

    head, first, second = pixmill("credits", "history", ADA, "--limit", "2").stdout.splitlines()
    _, third = pixmill("credits", "history", ADA, "--before", "2").stdout.splitlines()

    assert head.split()[:5] == ["number", "at", "what", "credits", "balance"]
    assert first.split()[3:] == ["grant", "1,000", "1,020", "-", "-", "-", "why"]
    assert second.split()[3:] == ["deduct", "-5", "20", "analyze", "-", charge.id]
    assert third.split()[3:6] == ["signup", "25", "25"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("grant", ADA, "0"),
        ("grant", ADA, "many"),
        ("refund", ADA, "-5"),
        ("history", ADA, "--limit", "0"),
    ],
)
def test_a_number_that_cannot_be_is_a_wrong_call(
    pixmill: Shell, arguments: tuple[str, ...]
) -> None:
    pixmill("credits", *arguments, exit_code=2)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("show", "bob"), "no account bob"),
        (("history", "bob"), "no account bob"),
        (("grant", "bob", "1"), "no account bob"),
        (("grant", ADA, "1000000001"), "from 1 to 1,000,000,000"),
        (("refund", ADA, "1", "--deduction", "ded_1"), "no deduction with this id"),
    ],
)
def test_what_cannot_be_done_is_said(
    pixmill: Shell, arguments: tuple[str, ...], reason: str
) -> None:
    done = pixmill("credits", *arguments, exit_code=1)

    assert done.stdout == ""
    assert reason in done.stderr
