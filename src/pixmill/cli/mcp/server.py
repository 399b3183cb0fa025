"""The tools over stdin and stdout, by the Model Context Protocol."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import typer
from mcp.server.mcpserver import MCPServer
from mcp.types import ToolAnnotations

import pixmill
from pixmill.cli import loading
from pixmill.cli.mcp.roots import Roots
from pixmill.cli.mcp.tools import Tools
from pixmill.client import AsyncPixmill

_READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_WRITES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
_ASKS = ToolAnnotations(read_only_hint=True, open_world_hint=True)


def serve(folders: Sequence[Path], *, url: str, api_key: str | None, jobs: int | None) -> None:
    """Answer until stdin ends."""
    roots = Roots(folders)
    try:
        client = AsyncPixmill(url, api_key) if url else None
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--server") from error
    loading.load(None)  # what is wrong with the settings is better told now than to an assistant
    tools = Tools(roots, client, jobs)

    @asynccontextmanager
    async def lifespan(_: MCPServer[None]) -> AsyncIterator[None]:
        try:
            yield
        finally:
            await tools.close()

    server: MCPServer[Any] = MCPServer(
        "pixmill",
        title="Pixmill",
        version=pixmill.__version__,
        instructions=f"Optimizes, inspects and describes pictures in these folders: {roots}. "
        "Relative paths are meant from the first.",
        log_level="WARNING",
        lifespan=lifespan,
    )
    server.add_tool(tools.optimize, annotations=_WRITES)
    server.add_tool(tools.inspect, annotations=_READS)
    server.add_tool(tools.analyze, annotations=_WRITES)
    server.add_tool(tools.usage, annotations=_ASKS)
    server.run("stdio")
