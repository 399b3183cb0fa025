"""``pixmill webhooks``: what was sent to people's servers, and what to do when it was not."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from pixmill.cli.console import AsJson, print_json, print_table
from pixmill.cli.environment import Books, DataDir, run
from pixmill.cli.loading import load
from pixmill.services.secret import Secret
from pixmill.services.webhooks import signing
from pixmill.services.webhooks.types import Attempt, Delivery, State

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Show, repeat and stop what is sent to people's servers.",
)

Owner = Annotated[str | None, typer.Option(metavar="EMAIL_OR_ID", help="Of one account only.")]
DeliveryId = Annotated[
    str, typer.Argument(metavar="ID", help="The delivery's id, as `pixmill webhooks list` shows.")
]

#: What is not shown: the body may hold links that carry their own authority.
_KEPT_BACK = frozenset({"body", "headers", "base_url", "next_attempt_at"})


@app.command("list")
def list_(
    account: Owner = None,
    state: Annotated[State | None, typer.Option(help="Only those in that state.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = 100,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """List deliveries, the newest first."""
    found = run(
        data_dir, lambda books: books.deliveries.listed(account=account, state=state, limit=limit)
    )
    if as_json:
        print_json([_public(delivery) for delivery in found])
    else:
        _show(found)


@app.command()
def show(id_: DeliveryId, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Show one delivery, and what came of each attempt."""
    delivery, attempts = run(data_dir, lambda books: books.deliveries.find(id_=id_))
    if as_json:
        print_json(_public(delivery) | {"log": [_logged(attempt) for attempt in attempts]})
        return
    _show([delivery])
    typer.echo()
    print_table(
        ["attempt", "at", "what came of it", "#ms"],
        [
            (
                attempt.number,
                f"{attempt.at:%Y-%m-%d %H:%M:%S}",
                attempt.error or f"status {attempt.status}",
                attempt.milliseconds,
            )
            for attempt in attempts
        ],
    )


@app.command()
def replay(id_: DeliveryId, data_dir: DataDir = None) -> None:
    """Send a message once more: the same bytes under the same id; print the delivery as JSON."""
    delivery = run(data_dir, lambda books: books.deliveries.replay(id_=id_))
    typer.echo(
        "A running server sends it within seconds. It keeps its webhook-id: a receiver that has "
        "had it can tell.",
        err=True,
    )
    print_json(_public(delivery))


@app.command()
def disabled(account: Owner = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the URLs that answered 410, to which nothing is sent any more."""
    found = run(data_dir, lambda books: books.deliveries.disabled(account=account))
    if as_json:
        print_json(
            [
                {
                    "url": endpoint.url,
                    "account_id": endpoint.account_id,
                    "disabled_at": endpoint.disabled_at,
                }
                for endpoint in found
            ]
        )
        return
    print_table(
        ["url", "account", "disabled"],
        [(endpoint.url, endpoint.account_id, endpoint.disabled_at) for endpoint in found],
    )


@app.command()
def enable(
    url: Annotated[str, typer.Argument(help="As `pixmill webhooks disabled` shows it.")],
    account: Annotated[str, typer.Option(metavar="EMAIL_OR_ID", help="Whose messages.")],
    data_dir: DataDir = None,
) -> None:
    """Send messages to a disabled URL again, from the next one on."""
    run(data_dir, lambda books: books.deliveries.enable(url=url, account=account))
    typer.echo(
        "What was not sent meanwhile: `pixmill webhooks list --state disabled`, then "
        "`pixmill webhooks replay ID`.",
        err=True,
    )


@app.command()
def secret(
    account: Annotated[str, typer.Argument(metavar="EMAIL_OR_ID", help="Whose secret.")],
    data_dir: DataDir = None,
) -> None:
    """Print what an account's messages are signed with, alone."""
    settings = load(data_dir)
    given = settings.secret_key.get_secret_value().encode()

    async def secret_of(books: Books) -> tuple[str, str]:
        owner = await books.accounts.find(name=account)
        own = Secret(given)
        await own.load(database=books.database, data_dir=settings.data_dir)
        return owner.id, signing.secret_of(owner.id, secret=own)

    id_, found = run(data_dir, secret_of)
    origin = "PIXMILL_SECRET_KEY" if given else "the secret that the server keeps"
    typer.echo(f"For {id_}, made of {origin}. It has to be the one that the server has.", err=True)
    typer.echo(found)


def _show(found: list[Delivery]) -> None:
    print_table(
        ["id", "account", "event", "about", "url", "state", "#attempts", "next"],
        [
            (
                delivery.id,
                delivery.account_id,
                delivery.event,
                delivery.subject,
                delivery.url,
                delivery.state,
                delivery.attempts,
                "now" if delivery.queued else delivery.due_at,
            )
            for delivery in found
        ],
    )


def _public(delivery: Delivery) -> dict[str, Any]:
    shown = {name: value for name, value in asdict(delivery).items() if name not in _KEPT_BACK}
    return shown | {
        "size": None if delivery.body is None else len(delivery.body),
        "next_attempt_at": delivery.due_at,
    }


def _logged(attempt: Attempt) -> dict[str, Any]:
    return {name: value for name, value in asdict(attempt).items() if name != "delivery_id"}
