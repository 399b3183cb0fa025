"""`pixmill optimize`: pictures on this machine, without a server."""

import asyncio
import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from pixmill import errors
from pixmill.cli.environment import load
from pixmill.engine import versions
from pixmill.engine.plan import TARGETS
from pixmill.engine.types import Limits, Mode, Options
from pixmill.http import negotiation
from pixmill.services.optimization import produce
from pixmill.services.outcome import Outcome
from pixmill.services.pool.blob import Blob
from pixmill.services.pool.configuration import pool_config
from pixmill.services.pool.pool import Pool

#: Version of what `--json` prints; it changes when a field changes its meaning or goes.
SCHEMA_VERSION = 1

#: Seconds, but more than any run takes.
WITHOUT_END = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What became of one file."""

    file: str
    output: str | None = None
    format: str | None = None
    before: int = 0
    after: int = 0
    how: str | None = None
    score: float | None = None
    error: str | None = None


def optimize(
    files: Annotated[list[Path], typer.Argument(help="Pictures to optimize.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")],
    format_: Annotated[
        str | None, typer.Option("--format", "-f", help="jpeg, png, webp, avif, gif, jxl or auto.")
    ] = None,
    accept: Annotated[
        str | None, typer.Option(help="What auto may choose from, with commas between.")
    ] = None,
    quality: Annotated[
        int, typer.Option("--quality", "-q", min=1, max=100, help="Look of the result.")
    ] = 80,
    smart: Annotated[bool, typer.Option("--smart", help="Reach that look by measuring.")] = False,
    target: Annotated[
        float | None,
        typer.Option(min=TARGETS[0], max=TARGETS[1], help="SSIMULACRA2 to reach by measuring."),
    ] = None,
    mode: Annotated[Mode | None, typer.Option(help="A look with a name.")] = None,
    max_bytes: Annotated[int | None, typer.Option(min=1, help="Largest size of a result.")] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Largest width in pixels.")] = None,
    height: Annotated[int | None, typer.Option(min=1, help="Largest height in pixels.")] = None,
    lossless: Annotated[bool, typer.Option("--lossless", help="Change no pixel.")] = False,
    keep_metadata: Annotated[
        bool, typer.Option("--keep-metadata", help="Keep EXIF, XMP and the color profile.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Compress, convert or resize pictures; exit with 1 when one of them failed."""
    options = Options(
        format="jpeg" if format_ == "jpg" else format_,
        accept=_accepted(accept),
        quality=quality,
        smart=smart,
        target=target,
        mode=mode,
        max_bytes=max_bytes,
        lossless=lossless,
        metadata="keep" if keep_metadata else "strip",
        width=width,
        height=height,
    )
    output.mkdir(parents=True, exist_ok=True)
    rows = asyncio.run(_all(files, output, options))
    if as_json:
        typer.echo(json.dumps({"version": SCHEMA_VERSION, "files": [asdict(row) for row in rows]}))
    else:
        _print(rows)
    raise typer.Exit(any(row.error for row in rows))


def _accepted(names: str | None) -> tuple[str, ...]:
    if names is None:
        return ()
    try:
        return negotiation.named(names.split(","))
    except ValueError as error:
        known = ", ".join(negotiation.FORMATS)
        raise typer.BadParameter(f"Not a list of {known}.", param_hint="--accept") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What all files of one call share."""

    pool: Pool
    limits: Limits
    options: Options
    output: Path
    taken: set[Path]  #: this run's files and results

    async def optimize(self, path: Path) -> Row:
        try:
            with await asyncio.to_thread(_load, path) as blob:
                outcome = await produce(
                    pool=self.pool, limits=self.limits, blob=blob, options=self.options
                )
            target = _target(path, self.output, outcome, self.taken)
            await asyncio.to_thread(_write, target, outcome.data)
        except errors.Error as error:
            return Row(file=str(path), error=str(error))
        except OSError as error:
            reason = error.strerror or "The file could not be read or written."
            return Row(file=str(path), error=reason)
        return Row(
            file=str(path),
            output=str(target),
            format=outcome.format,
            before=outcome.original_size,
            after=len(outcome.data),
            how=outcome.how,
            score=outcome.score,
        )


async def _all(files: Sequence[Path], output: Path, options: Options) -> list[Row]:
    versions.check()
    # Nobody waits at the other end: a file may take its turn however late that comes.
    config = replace(pool_config(load(None)), queue_timeout=WITHOUT_END)
    pool = Pool(config)
    await pool.start()
    run = _Run(
        pool=pool,
        limits=config.limits,
        options=options,
        output=output,
        # A result never takes the place of a file that is still to be read, or of any upload.
        taken={path.resolve() for path in files},
    )
    # Twice as many as there are processes: one works while the next is read and written.
    places = asyncio.Semaphore(2 * config.workers)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Optimizing", total=len(files))

        async def one(path: Path) -> Row:
            async with places:
                row = await run.optimize(path)
            progress.advance(task)
            return row

        try:
            return await asyncio.gather(*(one(path) for path in files))
        finally:
            await pool.stop()


def _load(path: Path) -> Blob:
    return Blob.of(path.read_bytes())


def _target(path: Path, output: Path, outcome: Outcome, taken: set[Path]) -> Path:
    """Return a name in *output* that no other file of this run has."""
    same = path.suffix.lower() in {f".{outcome.extension}", f".{outcome.format}"}
    suffix = path.suffix if same else f".{outcome.extension}"
    folder = output.resolve()
    number, target = 1, folder / f"{path.stem}{suffix}"
    while target in taken:
        number += 1
        target = folder / f"{path.stem}-{number}{suffix}"
    taken.add(target)
    return target


def _write(target: Path, data: bytes) -> None:
    """Write *data* so that *target* is at all times whole or not there."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with part.open("xb") as file:
            file.write(data)
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _print(rows: Sequence[Row]) -> None:
    """Print what was saved, and on stderr what failed and why."""
    done = [row for row in rows if not row.error]
    before, after = sum(row.before for row in done), sum(row.after for row in done)
    table = Table(show_footer=len(done) > 1)
    table.add_column("file", footer=f"{len(done)} files", overflow="fold")
    table.add_column("format")
    for name, footer in (
        ("before", f"{before:,}"),
        ("after", f"{after:,}"),
        ("saved", _saved(before, after)),
        ("score", ""),
    ):
        table.add_column(name, justify="right", footer=footer, no_wrap=True)
    table.add_column("how")
    for row in done:
        table.add_row(
            Path(row.file).name,
            row.format,
            f"{row.before:,}",
            f"{row.after:,}",
            _saved(row.before, row.after),
            "" if row.score is None else f"{row.score:.1f}",
            row.how,
        )
    if done:
        Console().print(table)
    for row in rows:
        if row.error:
            typer.echo(f"{row.file}: {row.error}", err=True)


def _saved(before: int, after: int) -> str:
    return f"{1 - after / before:.0%}" if before else ""
