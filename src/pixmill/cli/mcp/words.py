"""What pictures show: the work of `pixmill analyze`, for an assistant."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from pixmill.cli.analyze.analysis import Analysis
from pixmill.cli.analyze.files import Found
from pixmill.cli.analyze.report import NO_MODEL
from pixmill.cli.analyze.types import Order
from pixmill.cli.loading import load
from pixmill.cli.mcp.engine import Engine
from pixmill.cli.mcp.types import MOST_ROWS, Analyses
from pixmill.cli.optimize.types import Source
from pixmill.services.vision.providers import style_of, vision_of


async def analyze_all(
    sources: Sequence[Source],
    engine: Engine,
    *,
    language: str | None,
    embed: bool,
    sidecar: bool,
    done: Callable[[], object],
) -> Analyses:
    """
    Return what each of *sources* shows; call *done* after each.

    Raises BadOption for settings, or a *language*, that cannot be.
    """
    settings = load(None)
    style = style_of(settings)
    if language is not None:
        style = replace(style, language=language)
    vision = vision_of(settings)
    try:
        await engine.start()
        analysis = Analysis(
            pool=engine.pool,
            limits=engine.limits,
            vision=vision,
            style=style,
            order=Order(embed=embed, sidecar=sidecar, overwrite=False, previews=False),
            places=engine.places + (settings.vision_concurrency if vision else 0),
        )
        found = [Found(name=each.name, path=each.path, error=each.error) for each in sources]
        images = await analysis.run(found, done)
    finally:
        if vision:
            await vision.close()
    return Analyses(
        model=vision.model if vision else None,
        note=None if vision else NO_MODEL,
        images=[image.plain() for image in images[:MOST_ROWS]],
        left_out=max(0, len(images) - MOST_ROWS),
    )
