"""What `pixmill analyze` prints: a table or JSON on stdout, remarks on stderr."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pixmill.cli.analyze.analysis import STALE
from pixmill.cli.analyze.keeping import NOT_EMBEDDED
from pixmill.cli.analyze.types import FIELDS, Image, Order
from pixmill.cli.console import size
from pixmill.engine.words.types import C2PA_INVALIDATED, XMP_REPLACED

#: Version of what `--json` prints; it changes when a field changes its meaning or goes.
SCHEMA_VERSION = 1

#: Variance of the Laplacian under which a picture is soft.
SOFT = 100

#: What is said once when nobody can describe pictures.
NO_MODEL = (
    "No model is configured, so nothing was described: these are the words in the files and in "
    "sidecars. PIXMILL_VISION_URL and PIXMILL_VISION_MODEL name one."
)

#: What the notes mean.
NOTES = {
    C2PA_INVALIDATED: "Its C2PA manifest is void, because the file was changed.",
    XMP_REPLACED: "Its XMP, which no program could read, was replaced.",
    NOT_EMBEDDED: "Words cannot be written into this file.",
    STALE: "The sidecar beside it is of another picture, and was not used.",
}
_INSTEAD = " --sidecar keeps them beside it."

#: Invisible characters that scripts and emoji need.
_JOINERS = "\u200c\u200d"


def print_json(images: Sequence[Image], *, model: str | None, language: str | None) -> None:
    """Print all that is known."""
    content = {
        "version": SCHEMA_VERSION,
        "model": model,
        "language": language,
        "images": [image.plain() for image in images],
    }
    typer.echo(json.dumps(content, indent=2))


def print_table(images: Sequence[Image]) -> None:
    """Print what pictures are and what is said of them; in a file, each in one line."""
    people = sys.stdout.isatty()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("file", "picture", "words"):
        table.add_column(name, overflow="fold", ratio={"words": 2}.get(name, 1) if people else None)
    shown = [image for image in images if image.facts]
    for image in shown:
        lines = facts_of(image), words_of(image)
        joined = [("\n" if people else "; ").join(each) for each in lines]
        table.add_row(*(Text(cell) for cell in (printable(image.file), *joined)))
        if people and image is not shown[-1]:
            table.add_row()
    if shown:
        console = Console(width=None if people else 10_000, highlight=False)
        console.print(table)


def print_remarks(
    images: Sequence[Image], *, model: str | None, order: Order, missing: bool
) -> None:
    """Print what went wrong and what to know; with *missing*, which pictures have no alt text."""
    if model is None and any(image.facts for image in images):
        typer.echo(NO_MODEL, err=True)
    for image in images:
        for note in image.notes:
            instead = _INSTEAD if note == NOT_EMBEDDED and not order.sidecar else ""
            print_remark(image.file, f"{NOTES[note]}{instead}")
        if image.error:
            print_remark(image.file, image.error)
        if missing and image.missing_alt:
            suggested = image.words.alt and " One was suggested; --embed or --sidecar keeps it."
            print_remark(image.file, f"No alt text.{suggested or ''}")


def print_remark(file: Path | str, text: str) -> None:
    """Print *text* about *file* on stderr."""
    typer.echo(f"{printable(str(file))}: {text}", err=True)


def facts_of(image: Image) -> list[str]:
    """Return what was measured, in lines."""
    if image.facts is None:
        return []
    facts, shot = image.facts, image.facts["shot"]
    frames = f", {facts['frames']} frames" if facts["frames"] > 1 else ""
    pixels = f"{facts['width']}×{facts['height']}{frames}"
    dull = " (soft)" if facts["sharpness"] < SOFT else ""
    camera = " ".join(part for part in (shot["make"], shot["model"]) if part)
    lines = [
        f"{facts['format'].upper()} {pixels}, {size(facts['file_size'])}",
        f"sharpness {facts['sharpness']:,.0f}{dull}",
        " ".join(color["hex"] for color in facts["colors"]),
        f"taken {shot['taken'].replace('T', ' ')}" if shot["taken"] else "",
        printable(camera),
        "tells where it was taken (GPS)" if facts["gps"] else "",
        "signed (C2PA)" if facts["c2pa"] else "",
    ]
    return [line for line in lines if line]


def words_of(image: Image) -> list[str]:
    """Return what is said, in lines, and by whom."""
    lines = [] if image.words.alt else ["no alt text"]
    for name in FIELDS:
        value = getattr(image.words, name)
        if value:
            text = ", ".join(value) if isinstance(value, tuple) else value
            lines.append(f"{name}: {printable(' '.join(text.split()))} [{image.sources[name]}]")
    return lines


def printable(text: str) -> str:
    """Return *text* without what a terminal would obey, or would not show as it is."""
    return "".join(each if each.isprintable() or each in _JOINERS else "�" for each in text)
