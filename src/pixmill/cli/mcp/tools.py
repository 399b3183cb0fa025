"""
What an assistant can have done: each method is a tool, whose sentence and types it is shown.

What makes and measures pictures is loaded by the first call that needs it: assistants' programs
start all their servers, whether they are used or not.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError

from pixmill import errors
from pixmill.cli.importing import load
from pixmill.cli.mcp.progress import Progress
from pixmill.cli.mcp.roots import Roots
from pixmill.cli.mcp.types import (
    MOST_ROWS,
    Analyses,
    DryRun,
    Embed,
    Formats,
    InPlace,
    Inspections,
    Language,
    MaxBytes,
    Optimized,
    Output,
    Paths,
    Quality,
    Side,
    Sidecar,
    Target,
    Used,
)
from pixmill.cli.optimize import report
from pixmill.cli.optimize.cache import Cache
from pixmill.cli.optimize.command import IN_PLACE
from pixmill.cli.optimize.finding import Search, find
from pixmill.cli.optimize.planning import plan
from pixmill.cli.optimize.types import (
    AUTO,
    SAME,
    Look,
    Metadata,
    Mode,
    Order,
    Place,
    Row,
    Savings,
    Source,
)
from pixmill.cli.optimize.work import Work
from pixmill.client import AsyncPixmill, PixmillError

T = TypeVar("T")


class Tools:
    """
    The tools, for files in *roots*, with as many codec processes as *jobs* or the settings say.

    Usage is that of *client*, if there is one.
    """

    def __init__(self, roots: Roots, client: AsyncPixmill | None, jobs: int | None) -> None:
        self._roots = roots
        self._client = client
        self._jobs = jobs
        # Of this session alone: what was replaced is not replaced once more.
        self._cache = Cache(None)

    async def optimize(
        self,
        context: Context,
        paths: Paths,
        output: Output = None,
        in_place: InPlace = False,
        formats: Formats = ["same"],  # noqa: B006 - the schema is made of it, and nobody changes it
        quality: Quality = 80,
        target: Target = None,
        mode: Mode | None = None,
        max_bytes: MaxBytes = None,
        width: Side = None,
        height: Side = None,
        metadata: Metadata = "strip",
        dry_run: DryRun = False,
    ) -> Optimized:
        """Compress, convert or resize pictures into a folder, beside them, or in place."""
        place = self._place(output, formats, in_place=in_place, free=dry_run)
        order = Order(
            look=Look(
                quality=quality,
                target=target,
                mode=mode,
                max_bytes=max_bytes,
                metadata=metadata,
                width=width,
                height=height,
            ),
            formats=tuple(dict.fromkeys(formats)),
            place=place,
            savings=IN_PLACE if place.kind == "here" else Savings(),
            writes=not dry_run,
        )
        sources = await asyncio.to_thread(self._sources, paths, place, order.formats)
        planned = plan(sources, place, order.formats)
        progress = Progress(context, len(planned))
        work = Work(order=order, maker=self._engine, cache=self._cache, done=progress.advance)
        rows = await self._have(work.run(planned), progress)
        return _optimized([_absolute(row) for row in rows])

    async def inspect(
        self,
        context: Context,
        paths: Paths,
        formats: Formats = ["same", "webp", "avif"],  # noqa: B006 - as above
        quality: Quality = 80,
    ) -> Inspections:
        """Tell format, size, pixels and metadata of pictures, and what could be saved."""
        place = Place(kind="folder")
        order = Order(
            look=Look(quality=quality),
            formats=tuple(dict.fromkeys(formats)),
            place=place,
            savings=Savings(),
        )
        sources = await asyncio.to_thread(self._sources, paths, place, order.formats)
        shown = sources[:MOST_ROWS]
        progress = Progress(context, len(shown))
        inspect_all = load("pixmill.cli.mcp.inspection:inspect_all")
        work = inspect_all(shown, self._engine, order, done=progress.advance)
        files = await self._have(work, progress)
        return Inspections(files=files, left_out=len(sources) - len(shown))

    async def analyze(
        self,
        context: Context,
        paths: Paths,
        language: Language = None,
        embed: Embed = False,
        sidecar: Sidecar = False,
    ) -> Analyses:
        """Tell what pictures show (alt text, title, keywords), their colors, date and camera."""
        place = Place(kind="folder")
        sources = await asyncio.to_thread(self._sources, paths, place, (SAME,))
        for source in sources:
            self._check_sidecar(source)
        progress = Progress(context, len(sources))
        analyze_all = load("pixmill.cli.mcp.words:analyze_all")
        work: Coroutine[Any, Any, Analyses] = analyze_all(
            sources,
            self._engine,
            language=language,
            embed=embed,
            sidecar=sidecar,
            done=progress.advance,
        )
        return await self._have(work, progress)

    async def usage(self) -> Used:
        """Tell what the key was used for in this month on the server."""
        if self._client is None:
            raise ToolError(
                "No server is named, so there is no usage: pictures are made on this machine, "
                "without limits. `pixmill mcp --server URL` or PIXMILL_SERVER names one."
            )
        try:
            return Used(**asdict(await self._client.usage()))
        except PixmillError as error:
            raise ToolError(f"The server does not tell: {error.message}") from error

    async def close(self) -> None:
        """End all that was started."""
        if "_engine" in vars(self):
            await self._engine.stop()
        if self._client:
            await self._client.close()

    @cached_property
    def _engine(self) -> Any:  # noqa: ANN401 - its module is not loaded yet
        return load("pixmill.cli.mcp.engine:Engine")(self._jobs)

    async def _have(self, work: Coroutine[Any, Any, T], progress: Progress) -> T:
        """Return what comes of *work*, after all that *progress* tells of it."""
        try:
            done: T = await self._engine.apart(work)
        except errors.Error as error:
            raise ToolError(str(error)) from error
        await progress.finish()
        return done

    def _sources(self, paths: Sequence[str], place: Place, formats: Sequence[str]) -> list[Source]:
        """Return the files that are meant, all of them in the folders that may be used."""
        named = [str(self._inside(path)) for path in paths]
        sources = find(named, Search(), place=place, formats=formats)
        # Once more, of each: a pattern is read anew, from whatever folder is above it.
        for source in sources:
            if not self._roots.has(source.path):
                raise ToolError(f"Outside of the folders that may be used: {self._roots}.")
        return sources

    def _place(
        self, output: str | None, formats: Sequence[str], *, in_place: bool, free: bool
    ) -> Place:
        named = set(formats)
        if in_place and output is not None:
            raise ToolError("Choose one of output and in_place.")
        if in_place and named != {SAME}:
            raise ToolError("A picture that is replaced keeps its format; leave out one of them.")
        if output is not None:
            folder = self._inside(output)
            if folder.exists() and not folder.is_dir():
                raise ToolError(f"{output}: there is a file by that name.")
            return Place(kind="folder", folder=folder)
        if in_place or (free and named == {SAME}):
            return Place(kind="here")
        if free or not named & {SAME, AUTO}:
            return Place(kind="beside")
        raise ToolError("Say where results go: name a folder as output, or set in_place.")

    def _inside(self, path: str) -> Path:
        try:
            return self._roots.inside(path)
        except errors.BadOption as error:
            raise ToolError(str(error)) from error

    def _check_sidecar(self, source: Source) -> None:
        beside = source.path.with_name(f"{source.path.name}.json")
        if not self._roots.has(beside):
            raise ToolError(f"{beside}: this leads outside of the folders that may be used.")


def _absolute(row: Row) -> Row:
    """Return *row* with paths that mean the same wherever somebody is."""
    outputs = [
        replace(each, file=str(Path.cwd() / each.file)) if each.file else each
        for each in row.outputs
    ]
    return replace(row, outputs=tuple(outputs))


def _optimized(rows: Sequence[Row]) -> Optimized:
    found = report.summary(rows)
    ordered = sorted(rows, key=lambda row: (not row.failed, -_saved(row)))
    return Optimized(
        summary=report.sentence(rows),
        before=found["before"],
        after=found["after"],
        failed=found["failed"],
        files=ordered[:MOST_ROWS],
        left_out=max(0, len(rows) - MOST_ROWS),
    )


def _saved(row: Row) -> int:
    return sum(
        each.before - (each.after or 0)
        for each in row.outputs
        if each.status in {"written", "pending"}
    )
