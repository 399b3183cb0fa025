"""``pixmill accounts``: operators, invitations, and links to a password."""

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from typer.testing import CliRunner, Result

from pixmill.cli import app
from pixmill.services.sign_ins.sign_ins import SignIns
from pixmill.services.sign_ins.types import SignedIn
from pixmill.stores.db import Database

SECRET = "correct horse battery"


class Shell:
    """Runs commands on one database, inside this process."""

    def __init__(self, url: str, data_dir: Path) -> None:
        self.url = url
        self.env = {"PIXMILL_DATABASE_URL": url, "PIXMILL_DATA_DIR": str(data_dir)}

    def __call__(self, *arguments: str, exit_code: int = 0) -> Result:
        done = CliRunner().invoke(app, ("accounts", *arguments), env=self.env, prog_name="pixmill")
        assert done.exit_code == exit_code, done.output
        return done

    def open(self, link: str) -> SignedIn:
        """Do what the page behind *link* does with a password."""
        return asyncio.run(self._open(link))

    async def _open(self, link: str) -> SignedIn:
        database = Database(self.url)
        sign_ins = SignIns(database=database)
        parts = urlsplit(link)
        [(kind, [token])] = parse_qs(parts.query).items()
        try:
            if kind == "ticket":
                assert parts.path == "/reset-password"
                return await sign_ins.reset(ticket=token, password=SECRET)
            assert (parts.path, kind) == ("/sign-up", "invitation")
            return await sign_ins.sign_up(
                email="bob@x.org", password=SECRET, address="", invitation=token
            )
        finally:
            await sign_ins.close()
            await database.close()


@pytest.fixture
def pixmill(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path / "data")


def test_a_link_sets_the_first_password_of_an_operator(pixmill: Shell) -> None:
    made = json.loads(pixmill("create", "--email", "ada@x.org", "--operator").stdout)
    assert made["operator"] is True
    assert "password_hash" not in made

    done = pixmill("reset-password", "ada@x.org")

    [link] = done.stdout.splitlines()
    assert link.startswith("http://127.0.0.1:8080/reset-password?ticket=")
    assert pixmill.open(link).account.id == made["id"]


def test_links_begin_with_the_public_url_and_end_in_a_day(pixmill: Shell) -> None:
    pixmill("create", "--email", "ada@x.org")
    pixmill.env["PIXMILL_PUBLIC_URL"] = "https://mill.example.com/"

    link = pixmill("reset-password", "ada@x.org").stdout

    assert link.startswith("https://mill.example.com/reset-password?ticket=")


def test_an_invitation_makes_an_account_on_its_plan(pixmill: Shell) -> None:
    pixmill("create", "--email", "ada@x.org", "--operator")

    link = pixmill("invite", "bob@x.org", "--plan", "optipic-free").stdout.strip()

    made = pixmill.open(link).account
    assert (made.email, made.plan, made.operator) == ("bob@x.org", "optipic-free", False)
    assert "already" in pixmill("invite", "bob@x.org", exit_code=1).stderr
    assert "no plan gold" in pixmill("invite", "c@x.org", "--plan", "gold", exit_code=1).stderr


def test_an_account_becomes_an_operator_and_the_last_one_stays(pixmill: Shell) -> None:
    pixmill("create", "--email", "ada@x.org", "--operator")
    pixmill("create", "--email", "bob@x.org")

    for command in (["operator", "ada@x.org", "off"], ["disable", "ada@x.org"]):
        refusal = pixmill(*command, exit_code=1)
        assert "last operator" in refusal.stderr
        assert refusal.stdout == ""
    assert json.loads(pixmill("operator", "bob@x.org", "on").stdout)["operator"] is True
    assert json.loads(pixmill("operator", "ada@x.org", "off").stdout)["operator"] is False
    assert "last operator" in pixmill("operator", "bob@x.org", "off", exit_code=1).stderr
    pixmill("operator", "bob@x.org", "perhaps", exit_code=2)


def test_operators_are_told_from_others_in_the_list(pixmill: Shell) -> None:
    pixmill("create", "--email", "ada@x.org", "--operator")
    pixmill("create", "--email", "bob@x.org")

    rows = pixmill("list").stdout.splitlines()

    assert [row.split()[-1] for row in rows] == ["operator", "yes", "-"]


def test_nobody_gets_no_link(pixmill: Shell) -> None:
    refusal = pixmill("reset-password", "eve@x.org", exit_code=1)

    assert refusal.stdout == ""
    assert "no account eve@x.org" in refusal.stderr


def test_mail_settings_that_cannot_be_used_are_named(pixmill: Shell) -> None:
    pixmill.env["PIXMILL_MAIL_URL"] = "http://user:s3cret@x"

    refusal = pixmill("invite", "bob@x.org", exit_code=1)

    assert "PIXMILL_MAIL_URL" in refusal.stderr
    assert "s3cret" not in refusal.stderr
