"""``pixmill credits``: what accounts have, and what an operator gives them."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from pixmill.cli.console import AsJson, print_json, print_table
from pixmill.cli.environment import DataDir, run
from pixmill.services.credits import Standing

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Show, give and give back credits of accounts.",
)

Name = Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="Whose credits.")]
Count = Annotated[int, typer.Argument(metavar="CREDITS", min=1, help="How many.")]
Note = Annotated[str, typer.Option(help="Why: it is kept in the history.")]


@app.command()
def show(name: Name, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show what an account has."""
    _show(run(data_dir, lambda books: books.credits.balance(account=name)), as_json=as_json)


@app.command()
def grant(
    name: Name, count: Count, note: Note = "", as_json: AsJson = False, data_dir: DataDir = None
) -> None:
    """Give an account credits that do not end with the month."""
    standing = run(
        data_dir, lambda books: books.credits.grant(account=name, count=count, note=note)
    )
    _show(standing, as_json=as_json)


@app.command()
def refund(
    name: Name,
    count: Count,
    deduction: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Which deduction they are of, as `pixmill credits history` shows it."
        ),
    ] = None,
    note: Note = "",
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Give an account back what it has used: no more of a deduction than that has cost."""
    standing = run(
        data_dir,
        lambda books: books.credits.refund(
            account=name, count=count, deduction_id=deduction, note=note
        ),
    )
    _show(standing, as_json=as_json)


@app.command()
def history(
    name: Name,
    before: Annotated[
        int | None, typer.Option(metavar="NUMBER", help="Only what came before this entry.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many entries.")] = 50,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what changed the credits of an account, newest first."""
    entries = run(
        data_dir,
        lambda books: books.credits.history(account=name, before=before, limit=limit),
    )
    if as_json:
        print_json([asdict(entry) for entry in entries])
        return
    print_table(
        ["#number", "at", "what", "#credits", "#balance", "action", "subject", "deduction", "note"],
        [
            (
                entry.number,
                entry.created_at,
                entry.kind,
                entry.amount,
                entry.balance,
                entry.action,
                entry.subject,
                entry.deduction_id,
                entry.note,
            )
            for entry in entries
        ],
    )


def _show(standing: Standing, *, as_json: bool) -> None:
    if as_json:
        print_json(_public(standing))
        return
    unlimited = standing.balance is None
    print_table(
        ["id", "email", "plan", "#credits", "#of this month", "until"],
        [
            (
                standing.account.id,
                standing.account.email,
                standing.plan.name,
                "without limit" if unlimited else standing.balance,
                None if unlimited else standing.monthly,
                None if unlimited else standing.ends_at,
            )
        ],
    )


def _public(standing: Standing) -> dict[str, Any]:
    return {
        "account_id": standing.account.id,
        "email": standing.account.email,
        "plan": standing.plan.name,
        "balance": standing.balance,
        "monthly": standing.monthly,
        "ends_at": standing.ends_at,
    }
