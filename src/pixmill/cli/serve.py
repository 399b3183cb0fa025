"""``pixmill serve``: the whole server in one process, beside its codec processes."""

import asyncio
import logging
import resource
import shlex
import signal
import socket
import sys
from typing import Annotated, Any, Literal

import typer
import uvloop
from fastapi import FastAPI
from granian._granian import SocketHolder
from granian.constants import Interfaces
from granian.http import HTTP1Settings, HTTP2Settings
from granian.log import LogLevels
from granian.server.embed import Server

from pixmill import errors
from pixmill.app import create_app
from pixmill.cli.environment import DataDir
from pixmill.cli.loading import load
from pixmill.http import logs
from pixmill.settings import Settings

log = logging.getLogger(__name__)

#: Connections that may wait to be accepted, and that may be open at one time. With Granian's own
#: 128, 256 idle connections keep everybody else out.
BACKLOG = 1024
CONNECTIONS = 8192
#: Seconds after which a connection is closed on which nothing, or only half a head, arrives. Some
#: clients, the Node code that OptiPic publishes among them, do not exit before that.
IDLE_SECONDS = 10
#: Bytes of all headers of a request in HTTP/2; Granian's own limit is 16 MiB.
HEADERS_SIZE = 64 * 1024


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0 is any free one.")
    ] = None,
    data_dir: DataDir = None,
    log_format: Annotated[
        Literal["json", "text"] | None,
        typer.Option(help="How log lines look; the default is text on a terminal, else json."),
    ] = None,
) -> None:
    """Run the server until it is stopped."""
    given = {"host": host, "port": port, "log_format": log_format}
    settings = load(data_dir).model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    form = settings.log_format
    if "log_format" not in settings.model_fields_set and sys.stderr.isatty():
        form = "text"
    logs.configure(level=settings.log_level, form=form)
    with listen(settings.host, settings.port) as listener:
        uvloop.run(run(create_app(settings), settings, listener, welcome=form == "text"))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises Internal when the address cannot be had."""
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # Not left to Granian: it lets two servers share a port without a word.
        return socket.create_server(
            (str(address[0]), port), family=family, backlog=BACKLOG, reuse_port=False
        )
    except OSError as error:
        reason = (error.strerror or "").split(" (")[0].lower()
        raise errors.Internal(f"Cannot listen on {host}, port {port}: {reason}.") from error


async def run(
    app: FastAPI, settings: Settings, listener: socket.socket, *, welcome: bool = False
) -> None:
    """
    Answer requests to *app* on *listener* until the process is told to stop.

    Then no more are accepted, and those that are running get some time to finish; a second signal
    cuts it short. With *welcome*, the first lines are for somebody who tries Pixmill out.
    """
    loop = asyncio.get_running_loop()
    signals: asyncio.Queue[int] = asyncio.Queue()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, signals.put_nowait, number)
    _allow_many_files()
    async with app.router.lifespan_context(app):
        _announce(settings, listener, welcome=welcome)
        await _serve(app, listener, signals, patience=settings.shutdown_timeout)
    log.info("stopped")


async def _serve(
    app: FastAPI, listener: socket.socket, signals: asyncio.Queue[int], *, patience: float
) -> None:
    server = _Server(app, listener)
    serving = asyncio.create_task(server.serve())
    told = asyncio.create_task(signals.get())
    await asyncio.wait({serving, told}, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        raise errors.Internal("The server ended by itself.", detail=repr(serving.exception()))
    log.info("stopping; requests that are running may finish", extra={"seconds": patience})
    app.state.closing.set()
    server.stop()  # type: ignore[no-untyped-call] # Granian's stubs end here
    told_again = asyncio.create_task(signals.get())
    await asyncio.wait({serving, told_again}, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    told_again.cancel()
    if not serving.done():
        log.warning("requests that were still running are cut off")
        serving.cancel()


class _Server(Server):
    """Granian on a socket that exists already, without a lifespan: that is `run`'s business."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            websockets=False,
            backlog=BACKLOG,
            http1_settings=HTTP1Settings(header_read_timeout=IDLE_SECONDS * 1000),
            http2_settings=HTTP2Settings(max_headers_size=HEADERS_SIZE),
            backpressure=min(CONNECTIONS, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2),
            log_level=LogLevels.warning,
            log_dictconfig=logs.granian_config(),
        )
        self._listener = listener

    def _init_shared_socket(self) -> None:
        # Granian closes the descriptor when it stops, so it is Granian's from here on.
        self._listener.setblocking(False)
        holder: Any = SocketHolder  # its stub lacks the constructor
        self._shd = holder(self._listener.detach(), False, BACKLOG)


def _allow_many_files() -> None:
    """Raise the number of descriptors that this process may have: each upload takes two."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 4 * CONNECTIONS if most == resource.RLIM_INFINITY else min(most, 4 * CONNECTIONS)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def _address(listener: socket.socket) -> str:
    host, port, *_ = listener.getsockname()
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared with
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _announce(settings: Settings, listener: socket.socket, *, welcome: bool) -> None:
    address = settings.public_url or _address(listener)
    if not welcome:
        log.info("serving", extra={"address": address, "docs": f"{address}/docs"})
        return
    data_dir = settings.data_dir
    usual = data_dir == Settings.model_fields["data_dir"].default
    command = "pixmill keys create" + ("" if usual else f" --data-dir {shlex.quote(str(data_dir))}")
    typer.echo(f"Pixmill is serving at {address} (documentation: {address}/docs).", err=True)
    typer.echo(f"Make a key in another terminal with: {command}", err=True)
