"""``pixmill accounts``: who is served."""

from dataclasses import asdict
from enum import StrEnum
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


class Switch(StrEnum):
    """What can be said of something that is or is not."""

    ON = "on"
    OFF = "off"


Name = Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="Whose account.")]


@app.command()
def create(
    email: Annotated[str, typer.Option(help="The address it is known by.")],
    plan: Annotated[str, typer.Option(help="What it may use.")] = "self-hosted",
    operator: Annotated[bool, typer.Option("--operator", help="It runs this server.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Make an account, and print it as JSON. It has no password: see `reset-password`."""
    account = run(
        data_dir,
        lambda books: books.accounts.create(email=email, plan=plan, operator=operator),
    )
    print_json(asdict(account))


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
    """Make all keys of an account stop working, at once, and sign it out."""
    print_json(asdict(run(data_dir, lambda books: books.accounts.disable(name=name))))


@app.command()
def enable(name: Name, data_dir: DataDir = None) -> None:
    """Make the keys of a disabled account work again."""
    print_json(asdict(run(data_dir, lambda books: books.accounts.enable(name=name))))


@app.command("operator")
def operator_(
    name: Name,
    switch: Annotated[Switch, typer.Argument(help="Whether it runs this server.")],
    data_dir: DataDir = None,
) -> None:
    """Make an account an operator, or one of the others, and print it as JSON."""
    on = switch is Switch.ON
    print_json(asdict(run(data_dir, lambda books: books.accounts.set_operator(name=name, on=on))))


@app.command()
def reset_password(name: Name, data_dir: DataDir = None) -> None:
    """Print a link that sets a password. It works once, for 24 hours."""
    typer.echo(run(data_dir, lambda books: books.sign_ins.reset_link(name=name)))


@app.command()
def invite(
    email: Annotated[str, typer.Argument(metavar="EMAIL", help="Who may make an account.")],
    plan: Annotated[
        str | None, typer.Option(help="What it may use; the default is PIXMILL_SIGN_UP_PLAN.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print a link that makes an account, and mail it. It works once, for seven days."""
    typer.echo(run(data_dir, lambda books: books.sign_ins.invite(email=email, plan=plan)))


def _show(accounts: list[Account], *, as_json: bool) -> None:
    if as_json:
        print_json([asdict(account) for account in accounts])
        return
    print_table(
        ["id", "email", "plan", "created", "disabled", "operator"],
        [
            (
                account.id,
                account.email,
                account.plan,
                account.created_at,
                account.disabled_at,
                "yes" if account.operator else None,
            )
            for account in accounts
        ],
    )
