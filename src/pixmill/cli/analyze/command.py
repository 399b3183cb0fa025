"""`pixmill analyze`: the command itself."""

import asyncio
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from pixmill import errors
from pixmill.cli import files
from pixmill.cli.analyze import report, review
from pixmill.cli.analyze.analysis import Analysis
from pixmill.cli.analyze.files import Found, find
from pixmill.cli.analyze.types import Image, Order
from pixmill.cli.loading import load
from pixmill.engine import versions
from pixmill.services.pool.configuration import pool_config
from pixmill.services.pool.pool import Pool
from pixmill.services.vision.providers import style_of, vision_of
from pixmill.services.vision.types import Style, Vision
from pixmill.settings import Settings

#: Seconds, but more than any run takes.
WITHOUT_END = 1e6


def analyze(
    paths: Annotated[list[Path], typer.Argument(help="Pictures, and folders of pictures.")],
    embed: Annotated[
        bool, typer.Option("--embed", help="Write the words into the pictures' files.")
    ] = False,
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Write NAME.EXT.json beside each picture.")
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Let a model's words take the place of those in the file."
        ),
    ] = False,
    page: Annotated[
        Path | None, typer.Option("--review", help="Write one HTML page with all pictures here.")
    ] = None,
    fail_on_missing_alt: Annotated[
        bool,
        typer.Option(
            "--fail-on-missing-alt", help="Exit with 1 when a picture has no alt text in the end."
        ),
    ] = False,
    language: Annotated[
        str | None, typer.Option(help='Language of a model\'s words, such as "de" or "pt-BR".')
    ] = None,
    jobs: Annotated[
        int | None, typer.Option(min=1, max=256, help="Codec processes beside each other.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Tell what pictures are and show, and keep the words; exit with 1 when one of them failed."""
    settings = load(None)
    style = _style(settings, language)
    vision = vision_of(settings)
    found = find(paths)
    if page:
        _check_page(page, found)
    order = Order(embed=embed, sidecar=sidecar, overwrite=overwrite, previews=page is not None)
    images = asyncio.run(_all(found, settings, vision, style, order, jobs))
    model = vision.model if vision else None
    if as_json:
        report.print_json(images, model=model, language=style.language if vision else None)
    else:
        report.print_table(images)
    report.print_remarks(images, model=model, order=order, missing=fail_on_missing_alt)
    failed = any(image.error for image in images)
    if page:
        try:
            files.write(page.resolve(), review.render(images, model=model))
        except OSError as error:
            report.print_remark(page, error.strerror or "The page could not be written.")
            failed = True
    missing = fail_on_missing_alt and any(image.missing_alt for image in images)
    raise typer.Exit(failed or missing)


def _style(settings: Settings, language: str | None) -> Style:
    style = style_of(settings)
    if language is None:
        return style
    try:
        return replace(style, language=language)
    except errors.BadOption as error:
        raise typer.BadParameter(str(error), param_hint="--language") from error


def _check_page(page: Path, found: Sequence[Found]) -> None:
    """Refuse what would not be a page, before hours of work are lost for it."""
    reason = None
    if page.suffix.lower() not in {".html", ".htm"}:
        reason = "The page's name must end in .html."
    elif page.resolve() in {each.path for each in found} or page.is_dir():
        reason = "There is something else by that name."
    elif not os.access(page.resolve().parent, os.W_OK | os.X_OK):
        reason = "Nothing can be written into that folder."
    if reason:
        raise typer.BadParameter(reason, param_hint="--review")


async def _all(
    found: Sequence[Found],
    settings: Settings,
    vision: Vision | None,
    style: Style,
    order: Order,
    jobs: int | None,
) -> list[Image]:
    versions.check()
    config = pool_config(settings)
    # Nobody waits at the other end: a file may take its turn however late that comes.
    config = replace(config, queue_timeout=WITHOUT_END, workers=jobs or config.workers)
    # Twice as many as there are processes: one works while the next is read and written. And as
    # many as a model looks at.
    places = 2 * config.workers + (settings.vision_concurrency if vision else 0)
    pool = Pool(config)
    console = Console(stderr=True)
    try:
        await pool.start()
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Analyzing", total=len(found))
            analysis = Analysis(
                pool=pool,
                limits=config.limits,
                vision=vision,
                style=style,
                order=order,
                places=places,
            )
            return await analysis.run(found, lambda: progress.advance(task))
    finally:
        await pool.stop()
        if vision:
            await vision.close()
