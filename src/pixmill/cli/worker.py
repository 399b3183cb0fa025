"""``pixmill worker``: work on jobs, beside other workers and servers of the same database."""

import asyncio
import logging
import signal
import sys
from typing import Annotated, Literal

import typer
import uvloop

from pixmill.app import create_worker
from pixmill.cli import serve
from pixmill.cli.environment import DataDir
from pixmill.cli.loading import load
from pixmill.http import logs
from pixmill.settings import Settings

log = logging.getLogger(__name__)


def worker(
    *,
    host: Annotated[str | None, typer.Option(help="Address to answer probes on.")] = None,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port for /healthz, /readyz and /metrics; without it there are none.",
        ),
    ] = None,
    data_dir: DataDir = None,
    log_format: Annotated[
        Literal["json", "text"] | None,
        typer.Option(help="How log lines look; the default is text on a terminal, else json."),
    ] = None,
) -> None:
    """Work on jobs until stopped. Needs PostgreSQL, and stored files that all servers share."""
    settings = load(data_dir)
    form = log_format or settings.log_format
    if not log_format and "log_format" not in settings.model_fields_set and sys.stderr.isatty():
        form = "text"
    logs.configure(level=settings.log_level, form=form)
    if port is None:
        uvloop.run(_run(settings))
        return
    with serve.listen(host or settings.host, port) as listener:
        uvloop.run(serve.run(create_worker(settings), settings, listener))


async def _run(settings: Settings) -> None:
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    app = create_worker(settings)
    async with app.router.lifespan_context(app):
        log.info("working")
        await told.wait()
        log.info("stopping; jobs that are running may finish")
    log.info("stopped")
