"""Tables as Markdown, so that what is printed can be put into docs/benchmarks.md as it is."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

import typer
from rich.box import MARKDOWN
from rich.console import Console
from rich.table import Table

#: Wide enough for every row; Markdown does not know of broken ones.
_WIDTH = 400


def show(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> None:
    """Print *rows*, if there are any, as a Markdown table; numbers are set to the right."""
    cells = [[_worded(value) for value in row] for row in rows]
    if not cells:
        return
    table = Table(box=MARKDOWN, header_style="")
    for index, name in enumerate(columns):
        numbers = all(_number(row[index]) for row in cells)
        table.add_column(name, justify="right" if numbers else "left", no_wrap=True)
    for row in cells:
        table.add_row(*row)
    Console(width=_WIDTH, highlight=False, markup=False).print(table)


def dump(rows: Iterable[Any]) -> None:
    """Print dataclass *rows* as JSON."""
    typer.echo(json.dumps([asdict(row) for row in rows], indent=2))


def _worded(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.1f}" if value >= 10 else f"{value:.3f}"


def _number(text: str) -> bool:
    try:
        float(text or "0")
    except ValueError:
        return False
    return True
