"""``pixmill accounts``: who is served."""

from dataclasses import asdict
from typing import Annotated

import typer

from pixmill.cli.console import AsJson, print_json, print_table
from pixmill.cli.environment import DataDir, run
from pixmill.stores.accounts import Account

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Make, list and change accounts.",
)

Name = Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="Whose account.")]


@app.command()
def create(
    email: Annotated[str, typer.Option(help="The address it is known by.")],
    plan: Annotated[str, typer.Option(help="What it may use.")] = "self-hosted",
    data_dir: DataDir = None,
) -> None:
    """Make an account, and print it as JSON."""
    print_json(asdict(run(data_dir, lambda books: books.accounts.create(email=email, plan=plan))))


@app.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List all accounts."""
    _show(run(data_dir, lambda books: books.accounts.all()), as_json=as_json)


@app.command()
def show(name: Name, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show one account."""
    account = run(data_dir, lambda books: books.accounts.find(name=name))
    if as_json:
        print_json(asdict(account))
    else:
        _show([account], as_json=False)


@app.command()
def set_plan(
    name: Name,
    plan: Annotated[str, typer.Argument(help="What it may use from now on.")],
    data_dir: DataDir = None,
) -> None:
    """Put an account on another plan, and print it as JSON."""
    print_json(asdict(run(data_dir, lambda books: books.accounts.set_plan(name=name, plan=plan))))


@app.command()
def disable(name: Name, data_dir: DataDir = None) -> None:
    """Make all keys of an account stop working, at once."""
    print_json(asdict(run(data_dir, lambda books: books.accounts.disable(name=name))))


@app.command()
def enable(name: Name, data_dir: DataDir = None) -> None:
    """Make the keys of a disabled account work again."""
    print_json(asdict(run(data_dir, lambda books: books.accounts.enable(name=name))))


def _show(accounts: list[Account], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(account) for account in accounts])
        return
    print_table(
        ["id", "email", "plan", "created", "disabled"],
        [
            (account.id, account.email, account.plan, account.created_at, account.disabled_at)
            for account in accounts
        ],
    )
