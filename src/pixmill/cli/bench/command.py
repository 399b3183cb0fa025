"""The options of `pixmill bench` and the tables that it prints."""

import json
import tempfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from pixmill.cli.bench import codecs as codec_bench
from pixmill.cli.bench import service as service_bench

app = typer.Typer(
    name="bench",
    help="Measure codecs and service on this machine.",
    no_args_is_help=True,
    add_completion=False,
)

Files = Annotated[
    list[Path] | None,
    typer.Argument(
        exists=True,
        help="Pictures or folders; the default is the photographs of scikit-image, if installed.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]

_SAMPLES = ("astronaut.png", "coffee.png", "chelsea.png", "rocket.jpg", "motorcycle_left.png")
_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".avif"})


@app.command()
def codecs(
    files: Files = None,
    quality: Annotated[int, typer.Option(min=1, max=100, help="On the one scale.")] = 80,
    as_json: Json = False,
) -> None:
    """Measure bytes, CPU seconds a megapixel (decoding included) and score of every codec."""
    rows = list(codec_bench.measure(_pictures(files), quality))
    if as_json:
        typer.echo(json.dumps([row.as_json() for row in rows]))
        return
    table = _table(
        f"{rows[0].pictures} pictures at quality {quality}",
        ("format", "megapixels", "before", "after", "of the upload", "CPU s/MP", "score"),
    )
    for row in rows:
        table.add_row(
            row.format,
            f"{row.megapixels:.2f}",
            f"{row.bytes_before:,}",
            f"{row.bytes_after:,}",
            f"{row.bytes_after / row.bytes_before:.0%}",
            f"{row.cpu_seconds_per_mp:.3f}",
            "" if row.score is None else f"{row.score:.1f}",
        )
    Console().print(table)


@app.command()
def service(
    files: Files = None,
    format_: Annotated[str, typer.Option("--format", help="Output format.")] = "webp",
    rounds: Annotated[int, typer.Option(min=1, help="Measurements to take the median of.")] = 5,
    repeat: Annotated[int, typer.Option(min=1, help="Times each picture is sent a round.")] = 3,
    as_json: Json = False,
) -> None:
    """Compare a server's CPU an image with the bare engine's, and time 1 and 4 clients."""
    console = Console(stderr=True)
    with (
        tempfile.TemporaryDirectory(prefix="pixmill-bench-") as folder,
        console.status("starting") as status,
    ):
        found = service_bench.measure(
            _pictures(files),
            format_=format_,
            rounds=rounds,
            repeat=repeat,
            data_dir=Path(folder),
            say=status.update,
        )
    if as_json:
        typer.echo(json.dumps(found.as_json()))
        return
    table = _table(
        f"{found.pictures} pictures of {found.megapixels_mean:.2f} MP to {found.format}",
        ("figure", "value"),
    )
    for name, value in (
        ("engine CPU an image", f"{found.engine_cpu_ms:.1f} ms"),
        ("service CPU an image", f"{found.service_cpu_ms:.1f} ms"),
        ("service ÷ engine", f"{found.ratio:.3f}"),
        *((f"images a second, {n} clients", f"{v}") for n, v in found.images_per_second.items()),
        *((f"p50, {n} clients", f"{v} ms") for n, v in found.p50_ms.items()),
        *((f"p99, {n} clients", f"{v} ms") for n, v in found.p99_ms.items()),
        ("idle memory", f"{found.idle_memory_mb} MB"),
        ("peak memory", f"{found.peak_memory_mb} MB"),
        ("ready after", f"{found.ready_seconds} s"),
    ):
        table.add_row(name, value)
    Console().print(table)


def _pictures(files: list[Path] | None) -> list[Path]:
    if files:
        return list(_expand(files))
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise typer.BadParameter("Name some pictures: scikit-image's are not installed here.")
    return [Path(spec.origin).parent / "data" / name for name in _SAMPLES]


def _expand(files: Iterable[Path]) -> Iterable[Path]:
    for path in files:
        if path.is_dir():
            yield from sorted(p for p in path.rglob("*") if p.suffix.lower() in _SUFFIXES)
        else:
            yield path


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title)
    for index, name in enumerate(columns):
        table.add_column(name, justify="right" if index else "left")
    return table
