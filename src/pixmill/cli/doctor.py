"""`pixmill doctor`: whether all is here that the server needs, and what is on."""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pixmill import errors
from pixmill.cli.environment import DataDir
from pixmill.cli.loading import load
from pixmill.services.health import installation
from pixmill.services.health.types import Finding, State
from pixmill.services.pool.configuration import pool_config
from pixmill.services.pool.pool import Pool
from pixmill.settings import Settings, settings_table
from pixmill.stores.schema import current, history

_MARKS: dict[State, str] = {
    "ok": "[green]ok[/]",
    "off": "[yellow]off[/]",
    "away": "[red]away[/]",
    "missing": "[red]missing[/]",
}


def doctor(
    data_dir: DataDir = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
    table: Annotated[
        bool, typer.Option("--settings-table", help="Print docs/configuration.md's table.")
    ] = False,
) -> None:
    """Check this installation; exit with 1 when something needed is missing."""
    if table:
        typer.echo(settings_table())
        return
    settings = load(data_dir)
    findings = list(_examine(settings))
    well = all(finding.state != "missing" for finding in findings)
    if as_json:
        report = {"ok": well, "findings": [asdict(finding) for finding in findings]}
        typer.echo(json.dumps(report, indent=2))
    else:
        _print(findings)
    raise typer.Exit(not well)


def _examine(settings: Settings) -> Iterator[Finding]:
    yield Finding(name="Python", state="ok", detail=sys.version.split()[0])
    yield from installation.libraries()
    yield from installation.formats()
    yield from _sandbox(settings)
    yield _data_dir(settings.data_dir)
    yield _database(settings.resolved_database_url)


def _sandbox(settings: Settings) -> Iterator[Finding]:
    """Start a codec process as the server would, and ask it what it is locked with."""
    config = pool_config(settings)

    async def look() -> tuple[frozenset[str], dict[str, str]]:
        pool = Pool(config)
        await pool.start()
        try:
            status = pool.status()
        finally:
            await pool.stop()
        return frozenset(status.layers), dict(status.missing)

    try:
        layers, missing = asyncio.run(look())
    except errors.Error as error:
        yield Finding(name="codec processes", state="missing", detail=str(error))
        return
    yield Finding(name="codec processes", state="ok", detail=f"{config.workers} of them")
    for finding in installation.layers(layers, missing):
        yield replace(finding, name=f"lock: {finding.name}")


def _data_dir(folder: Path) -> Finding:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            name="data folder",
            state="missing",
            detail=f"{folder} cannot be written: {error.strerror}. Choose another with --data-dir.",
        )
    return Finding(name="data folder", state="ok", detail=str(folder.absolute()))


def _database(url: str) -> Finding:
    try:
        have, want = current(url), history()[0].id
    except errors.Error as error:
        return Finding(name="database", state="missing", detail=f"{error} Check the address.")
    if have == want:
        return Finding(name="database", state="ok", detail=f"at revision {have}")
    detail = f"at revision {have or 'none'}; the server brings it to {want} when it starts"
    return Finding(name="database", state="ok", detail=detail)


def _print(findings: list[Finding]) -> None:
    table = Table(show_header=False)
    for finding in findings:
        table.add_row(finding.name, _MARKS[finding.state], finding.detail)
    Console().print(table)
