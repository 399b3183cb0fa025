"""What files are, by their headers, and how many bytes they would have as something else."""

import asyncio
from collections.abc import Callable, Sequence

from pixmill import errors
from pixmill.cli import files
from pixmill.cli.mcp.engine import Engine
from pixmill.cli.mcp.types import Inspected
from pixmill.cli.optimize.types import Order, Source
from pixmill.engine.probe import probe


async def inspect_all(
    sources: Sequence[Source], engine: Engine, order: Order, *, done: Callable[[], object]
) -> list[Inspected]:
    """Return what each of *sources* is, and could be by *order*; call *done* after each."""
    turns = asyncio.Semaphore(engine.places)

    async def one(source: Source) -> Inspected:
        async with turns:
            inspected = await _inspect(source, engine, order)
        done()
        return inspected

    await engine.start()
    return await asyncio.gather(*map(one, sources))


async def _inspect(source: Source, engine: Engine, order: Order) -> Inspected:
    file = str(source.path)
    if source.error:
        return Inspected(file=file, error=source.error)
    try:
        data, inspected = await asyncio.to_thread(_read, source)
    except errors.Error as error:
        return Inspected(file=file, error=str(error))
    except OSError as error:
        return Inspected(file=file, error=error.strerror or "The file could not be read.")
    could_be: dict[str, int] = {}
    reasons = []
    for format_ in order.formats:
        try:
            made = await engine.make(data, order, format_)
        except errors.Error as error:
            reasons.append(str(error))
            continue
        if len(made.data) < len(data):
            could_be[made.format] = min(len(made.data), could_be.get(made.format, len(data)))
    # A header can be read of more than can be decoded.
    hopeless = reasons[0] if len(reasons) == len(order.formats) else None
    return inspected.model_copy(update={"could_be": could_be, "error": hopeless})


def _read(source: Source) -> tuple[bytes, Inspected]:
    data = files.read(source.path).data
    info = probe(data)
    width, height = info.upright_size
    return data, Inspected(
        file=str(source.path),
        format=info.format,
        size=len(data),
        width=width,
        height=height,
        frames=info.frames,
        alpha=info.alpha,
        lossless=info.lossless,
        metadata=sorted(info.metadata) + ["profile"] * bool(info.profile),
    )
