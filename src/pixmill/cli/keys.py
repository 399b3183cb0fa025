"""``pixmill keys``: who may call."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any

import typer

from pixmill import clock
from pixmill.cli.console import AsJson, print_json, print_table
from pixmill.cli.environment import DataDir, run
from pixmill.stores.keys import Key

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Make, list and revoke API keys.",
)

Owner = Annotated[str | None, typer.Option(metavar="EMAIL_OR_ID", help="Whose key.")]


@app.command()
def create(
    account: Owner = None,
    plan: Annotated[
        str | None,
        typer.Option(
            help="What the key may be used for; default: as its account. Without --account, the "
            "plan of the account that is made (default: self-hosted)."
        ),
    ] = None,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    expires: Annotated[
        int | None, typer.Option(metavar="DAYS", min=1, max=36500, help="How long it works.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key, and print it alone: this is the only time that it is shown."""
    lifetime = timedelta(days=expires) if expires is not None else None
    new = run(
        data_dir,
        lambda books: books.keys.create(account=account, plan=plan, name=name, lifetime=lifetime),
    )
    typer.echo(
        f"Made {new.key.id} of account {new.key.account_id}. Keep the key: it is not shown again.",
        err=True,
    )
    typer.echo(new.secret)


@app.command("list")
def list_(account: Owner = None, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """List the keys of an account, or all; the revoked ones too."""
    keys = run(data_dir, lambda books: books.keys.all(account=account))
    if as_json:
        print_json([_public(key) for key in keys])
        return
    print_table(
        ["id", "key", "name", "account", "plan", "last used", "state"],
        [
            (
                key.id,
                f"{key.display_prefix}...",
                key.name,
                key.account_id,
                key.plan,
                key.last_used_at,
                _state(key),
            )
            for key in keys
        ],
    )


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `pixmill keys list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Make a key stop working, at once and for good; print it as JSON."""
    print_json(_public(run(data_dir, lambda books: books.keys.revoke(id_=key_id))))


@app.command()
def disable(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `pixmill keys list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Switch a key off, at once and until it is switched on again; print it as JSON."""
    print_json(_public(run(data_dir, lambda books: books.keys.switch(id_=key_id, on=False))))


@app.command()
def enable(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `pixmill keys list` shows it.")],
    data_dir: DataDir = None,
) -> None:
    """Switch a key on again; print it as JSON."""
    print_json(_public(run(data_dir, lambda books: books.keys.switch(id_=key_id, on=True))))


def _public(key: Key) -> dict[str, Any]:
    hidden = {"digest", "kind", "deleted_at"}
    return {name: value for name, value in asdict(key).items() if name not in hidden}


def _state(key: Key) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.disabled_at is not None:
        return "switched off"
    if key.expires_at is None:
        return "works"
    if key.expires_at <= clock.now():
        return "expired"
    return f"works until {key.expires_at:%Y-%m-%d}"
