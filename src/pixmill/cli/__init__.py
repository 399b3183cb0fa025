"""
The command line: which commands there are, and what a failed one prints.

A command's module is only imported when the command is run (`LazyGroup`), so that
``pixmill --help`` does not wait for the database and image libraries.
"""

from dataclasses import dataclass
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

import pixmill
from pixmill import errors
from pixmill.cli.importing import load


@dataclass(frozen=True, slots=True, kw_only=True)
class Lazy:
    """A command that is not imported yet."""

    target: str  #: ``module:name`` of a function, or of a Typer app with commands of its own
    help: str


#: Every command, in the order of ``pixmill --help``.
COMMANDS = {
    "serve": Lazy(target="pixmill.cli.serve:serve", help="Run the server until it is stopped."),
    "worker": Lazy(
        target="pixmill.cli.worker:worker", help="Work on jobs, beside servers on PostgreSQL."
    ),
    "optimize": Lazy(
        target="pixmill.cli.optimize.command:optimize", help="Optimize pictures in files."
    ),
    "analyze": Lazy(
        target="pixmill.cli.analyze.command:analyze",
        help="Tell what pictures show, and write it into them.",
    ),
    "mcp": Lazy(
        target="pixmill.cli.mcp.command:mcp", help="Let an assistant optimize pictures here."
    ),
    "keys": Lazy(target="pixmill.cli.keys:app", help="Make, list and revoke API keys."),
    "accounts": Lazy(target="pixmill.cli.accounts:app", help="Make, list and change accounts."),
    "plans": Lazy(target="pixmill.cli.plans:app", help="Show and change what accounts may use."),
    "usage": Lazy(target="pixmill.cli.usage:usage", help="Show what was used in a month."),
    "credits": Lazy(
        target="pixmill.cli.credits:app", help="Show, give and give back credits of accounts."
    ),
    "webhooks": Lazy(
        target="pixmill.cli.webhooks:app", help="Show and repeat what is sent to people's servers."
    ),
    "db": Lazy(target="pixmill.cli.db:app", help="Bring the database up to date, and check it."),
    "doctor": Lazy(target="pixmill.cli.doctor:doctor", help="Check this installation."),
    "bench": Lazy(target="pixmill.cli.bench:app", help="Measure codecs and the service."),
}

#: What to do about an error, in one sentence. The operator may read details that callers may not.
HINTS: dict[type[errors.Error], str] = {
    errors.NotFound: "`pixmill accounts list`, `keys list`, `plans list` and `webhooks list` "
    "show what there is.",
    errors.Conflict: "`pixmill accounts list` shows which there are.",
    errors.KeyLimitReached: "Revoke one with `pixmill keys revoke`, or give the account another "
    "plan with `pixmill accounts set-plan`.",
    errors.Busy: "Another process keeps it; try again.",
    errors.Unavailable: "`pixmill doctor` checks what is needed.",
    errors.Internal: "`pixmill doctor` checks what is needed.",
    errors.Error: "",
}


class LazyGroup(TyperGroup):
    """`COMMANDS`, each imported when it is run."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]  # Typer's own base class is private
        """Return the names of all commands."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: typer.Context, cmd_name: str) -> TyperCommand | None:  # type: ignore[override]  # as above
        """Return what ``--help`` shows of the command."""
        del ctx
        lazy = COMMANDS.get(cmd_name)
        return TyperCommand(cmd_name, help=lazy.help) if lazy else None

    def resolve_command(self, ctx: typer.Context, args: list[str]) -> Any:  # type: ignore[override]  # noqa: ANN401 - as above
        """Return the command that *args* begin with, imported."""
        name, _, rest = super().resolve_command(ctx, args)
        assert name is not None
        return name, _load(name, COMMANDS[name]), rest

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # noqa: ANN401 - as above
        """Run the command; an expected failure is one line on stderr and exit code 1."""
        try:
            return super().invoke(ctx)
        except errors.Error as error:
            detail = f" ({' '.join(error.detail.split())})" if error.detail else ""
            hint = error.look_up(HINTS)
            typer.echo(f"pixmill: {error}{detail} {hint}".rstrip(), err=True)
            raise typer.Exit(1) from error


def _load(name: str, lazy: Lazy) -> Any:  # noqa: ANN401 - Typer's own base class is private
    loaded = load(lazy.target)
    if not isinstance(loaded, typer.Typer):
        function, loaded = loaded, typer.Typer(add_completion=False)
        loaded.command(name)(function)
    return get_command(loaded)


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,  # to draw boxes would take longer than all the rest
    pretty_exceptions_enable=False,  # it prints local variables, among them keys
)


def _print_version(value: bool) -> None:
    if value:
        typer.echo(f"pixmill {pixmill.__version__}")
        raise typer.Exit


@app.callback()
def options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Pixmill, a self-hosted image optimizer."""
    del version
