"""``pixmill plans``: what accounts may use."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from pixmill.cli.console import AsJson, print_json, print_table, size
from pixmill.cli.environment import DataDir, run

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Show and change what accounts may use.",
)

Name = Annotated[str, typer.Argument(metavar="PLAN", help="The plan's name.")]


@app.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List all plans."""
    plans = run(data_dir, lambda books: books.plans.all())
    if as_json:
        print_json([asdict(plan) for plan in plans])
        return
    print_table(
        ["plan", "#a month", "#a day", "#a minute", "#file", "#keys", "beyond", "edited"],
        [
            (
                plan.name,
                plan.monthly_requests,
                plan.daily_requests,
                plan.minute_requests,
                size(plan.max_file_size),
                plan.max_keys,
                "paid" if plan.overage else "refused" if plan.hard_limit is not None else "",
                "edited" if plan.edited else "",
            )
            for plan in plans
        ],
    )


@app.command()
def show(name: Name, data_dir: DataDir = None) -> None:
    """Print everything about a plan as JSON."""
    print_json(asdict(run(data_dir, lambda books: books.plans.find(name=name))))


@app.command("set")
def set_(
    name: Name,
    changes: Annotated[
        list[str],
        typer.Argument(
            metavar="FIELD=VALUE...",
            help="Such as monthly_requests=1000, max_file_size=25MiB.",
        ),
    ],
    data_dir: DataDir = None,
) -> None:
    """Change fields of a plan, from the next request on; print it as JSON."""
    values = dict(_parse(change) for change in changes)
    plan = run(data_dir, lambda books: books.plans.change(name=name, changes=values))
    print_json(asdict(plan))


@app.command()
def reset(name: Name, data_dir: DataDir = None) -> None:
    """Give a plan the numbers that it was shipped with; print it as JSON."""
    print_json(asdict(run(data_dir, lambda books: books.plans.reset(name=name))))


def _parse(change: str) -> tuple[str, object]:
    field, equals, text = change.partition("=")
    if not equals or not field:
        raise typer.BadParameter(f"{change!r} is not of the form FIELD=VALUE")
    if text.lower() in {"none", "unlimited"}:
        return field, None
    if text.startswith("["):  # overage tiers
        try:
            return field, json.loads(text)
        except json.JSONDecodeError as error:
            raise typer.BadParameter(f"{field} is not JSON: {error}") from error
    return field, text
