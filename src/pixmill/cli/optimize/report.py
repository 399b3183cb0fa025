"""What `pixmill optimize` tells: a table or JSON on stdout, remarks and progress on stderr."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer

import pixmill
from pixmill.cli.optimize.types import Output, Row

#: Version of what `--json` prints; it changes when a field changes its meaning or goes.
SCHEMA_VERSION = 2

#: Rows of a build summary, as those who read them in pull requests are used to.
MOST_ROWS = 25

#: Seconds between two lines of progress.
PACE = 0.1

_DONE = ("written", "pending")


def summary(rows: Sequence[Row]) -> dict[str, int]:
    """Return how many results there are of each kind, and the bytes of those that are new."""
    found = Counter(output.status for row in rows for output in row.outputs)
    found["failed"] += sum(row.error is not None for row in rows)
    done = [output for _, output in _done(rows)]
    return {
        "files": len(rows),
        **{name: found[name] for name in ("written", "pending", "skipped", "cached", "failed")},
        "before": sum(output.before for output in done),
        "after": sum(output.after or 0 for output in done),
    }


def print_json(rows: Sequence[Row]) -> None:
    """Print all that is known, in one document."""
    document: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "pixmill": pixmill.__version__,
        "summary": summary(rows),
        "files": [row.plain() for row in rows],
    }
    typer.echo(json.dumps(document, indent=2))


def print_table(rows: Sequence[Row]) -> None:
    """Print what is new, in columns, and what the rest is in one line."""
    table = [("file", "format", "before", "after", "saved", "score", "how")]
    for _, output in _done(rows):
        after = output.after or 0
        score = "" if output.score is None else f"{output.score:.1f}"
        table.append(
            (
                printable(output.file or ""),
                output.format,
                f"{output.before:,}",
                f"{after:,}",
                saved(output.before, after),
                score,
                output.how or "",
            )
        )
    if len(table) > 1:
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        for line in table:
            cells = [
                cell.ljust(width) if index in {0, 1, 6} else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            typer.echo("  ".join(cells).rstrip())
    typer.echo(sentence(rows))


def sentence(rows: Sequence[Row]) -> str:
    """Return what came of all, in one line."""
    found = summary(rows)
    words = {
        "written": "optimized",
        "pending": "to be optimized",
        "skipped": "better as they are",
        "cached": "unchanged",
        "failed": "failed",
    }
    parts = [f"{found[name]:,} {word}" for name, word in words.items() if found[name]]
    files = "1 file" if len(rows) == 1 else f"{len(rows):,} files"
    text = f"{files}: {', '.join(parts) or 'nothing to do'}"
    if found["before"]:
        before, after = found["before"], found["after"]
        text += f"; {before:,} → {after:,} bytes, {saved(before, after)} saved"
    return text


def print_errors(rows: Sequence[Row]) -> None:
    """Print on stderr what failed and why."""
    for row in rows:
        for error in dict.fromkeys(_errors(row)):  # of several formats, most fail alike
            print_remark(row.file, error)


def print_remark(file: Path | str, text: str) -> None:
    """Print *text* about *file* on stderr."""
    typer.echo(f"{printable(str(file))}: {text}", err=True)


def append_markdown(path: Path, rows: Sequence[Row]) -> None:
    """Append to *path* what came of all, with a table of the largest savings. Raises OSError."""
    lines = ["### Pixmill", "", f"{sentence(rows)}.", ""]
    done = sorted(_done(rows), key=lambda pair: (pair[1].after or 0) - pair[1].before)
    if done:
        lines += ["| File | Before | After | Saved |", "|---|--:|--:|--:|"]
        for _, output in done[:MOST_ROWS]:
            after = output.after or 0
            name = _in_table(output.file or "")
            share = saved(output.before, after)
            lines.append(f"| {name} | {output.before:,} | {after:,} | {share} |")
        if len(done) > MOST_ROWS:
            lines += ["", f"And {len(done) - MOST_ROWS:,} more."]
        lines.append("")
    failures = [(row.file, error) for row in rows for error in _errors(row)]
    lines += [f"- {_in_table(file)}: {_in_table(error)}" for file, error in failures[:MOST_ROWS]]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def saved(before: int, after: int) -> str:
    """Return what is saved, in percent."""
    return f"{1 - after / before:.0%}" if before else ""


def printable(text: str) -> str:
    """Return *text* without what a terminal would obey, or would not show as it is."""
    return "".join(each if each.isprintable() else "�" for each in text)


@dataclass(slots=True)
class Progress:
    """One line on stderr that says how far it is, if a person can see it."""

    total: int
    done: int = 0
    shown: bool = field(init=False)
    _next: float = 0.0

    def __post_init__(self) -> None:
        self.shown = sys.stderr.isatty()

    def advance(self, row: Row) -> None:
        """Say that *row* is done."""
        self.done += 1
        now = time.monotonic()
        if self.shown and now >= self._next:
            self._next = now + PACE
            name = printable(row.file)[-50:]
            sys.stderr.write(f"\r\x1b[K{self.done:,} of {self.total:,}  {name}")
            sys.stderr.flush()

    def clear(self) -> None:
        """Leave nothing behind."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _done(rows: Sequence[Row]) -> Iterator[tuple[Row, Output]]:
    for row in rows:
        for output in row.outputs:
            if output.status in _DONE:
                yield row, output


def _errors(row: Row) -> Iterator[str]:
    if row.error:
        yield row.error
    yield from (output.error for output in row.outputs if output.error)


def _in_table(text: str) -> str:
    """Return *text* so that Markdown takes none of it for its own."""
    return "".join(f"\\{each}" if each in "\\|`*_<>[]&~" else each for each in printable(text))
