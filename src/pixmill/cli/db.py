"""``pixmill db``: the tables of the database."""

import typer

from pixmill.cli.environment import DataDir
from pixmill.cli.loading import load
from pixmill.stores import schema

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    help="Bring the database up to date, and check it.",
)


@app.command()
def upgrade(data_dir: DataDir = None) -> None:
    """Make the database, or bring it up to date. The server does so by itself when it starts."""
    url = load(data_dir).resolved_database_url
    schema.migrate(url)
    typer.echo(schema.current(url))


@app.command()
def current(data_dir: DataDir = None) -> None:
    """Print the revision that the database is at."""
    typer.echo(schema.current(load(data_dir).resolved_database_url) or "none")


@app.command()
def history() -> None:
    """Print all revisions, newest first."""
    for revision in schema.history():
        typer.echo(f"{revision.id}  {revision.title}")


@app.command()
def check(data_dir: DataDir = None) -> None:
    """Exit with 1 when the database is not as this version of Pixmill needs it."""
    url = load(data_dir).resolved_database_url
    found, newest = schema.current(url), schema.history()[0].id
    if found != newest:
        typer.echo(
            f"The database is at revision {found or 'none'} and not at {newest}: "
            "run `pixmill db upgrade`.",
            err=True,
        )
        raise typer.Exit(1)
    differences = schema.differences(url)
    for difference in differences:
        typer.echo(f"Not as expected: {difference}", err=True)
    if differences:
        raise typer.Exit(1)
    typer.echo("up to date")
