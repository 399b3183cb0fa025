"""`pixmill mcp`: the command itself, and what it says where the protocol's package is missing."""

from pathlib import Path
from typing import Annotated

import typer

from pixmill.cli.importing import load

#: Top-level packages of the extra ``mcp``.
_EXTRA = {"mcp", "mcp_types"}


def mcp(
    root: Annotated[
        list[Path] | None,
        typer.Option(
            exists=True,
            file_okay=False,
            help="Folder that may be read and written, with all below; the current by default.",
        ),
    ] = None,
    server: Annotated[
        str | None, typer.Option(help="Server at this URL whose usage can be asked for.")
    ] = None,
    api_key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the server's key.")
    ] = "PIXMILL_API_KEY",
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", min=1, max=256, help="Codec processes.")
    ] = None,
) -> None:
    """Let an assistant optimize pictures below some folders, over stdin and stdout."""
    try:
        serve = load("pixmill.cli.mcp.server:serve")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        typer.echo("pixmill: This needs the extra mcp: pip install 'pixmill[mcp]'.", err=True)
        raise typer.Exit(2) from error
    variable = load("pixmill.settings:client_variable")
    url = variable("PIXMILL_SERVER") if server is None else server
    here = Path.cwd()
    if not root and here == here.parent:  # where programs with windows start others
        raise typer.BadParameter("Name the folders that may be used.", param_hint="--root")
    serve(root or [here], url=url, api_key=variable(api_key_env) or None, jobs=jobs)
