"""``pixmill usage``: what was used in a month."""

from typing import Annotated

import typer

from pixmill.cli.console import AsJson, print_json, print_table, size
from pixmill.cli.environment import DataDir, run
from pixmill.stores.keys import Key


def usage(
    account: Annotated[
        str | None, typer.Option(metavar="EMAIL_OR_ID", help="Of one account only.")
    ] = None,
    period: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="The month; the default is this one.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Show what each key was used for in a month (of UTC)."""
    lines = run(data_dir, lambda books: books.usage.report(account=account, period=period))
    if as_json:
        print_json(
            [
                {
                    "period": line.used.period,
                    "account": line.account.email,
                    "account_id": line.account.id,
                    "key_id": line.key.id,
                    "key": line.key.display_prefix or line.key.name,
                    "requests": line.used.requests,
                    "bytes_in": line.used.bytes_in,
                    "bytes_out": line.used.bytes_out,
                    "bytes_saved": line.used.bytes_saved,
                }
                for line in lines
            ]
        )
        return
    print_table(
        ["month", "account", "key", "#requests", "#in", "#out", "#saved"],
        [
            (
                line.used.period,
                line.account.email,
                _shown(line.key),
                line.used.requests,
                size(line.used.bytes_in),
                size(line.used.bytes_out),
                size(line.used.bytes_saved),
            )
            for line in lines
        ],
    )


def _shown(key: Key) -> str:
    """Return how people recognize *key*: that of an account itself has nothing but a name."""
    return f"{key.display_prefix}..." if key.display_prefix else key.name
