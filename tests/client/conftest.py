"""Wires that break, to the real server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from fixtures.servers import RunningServer
from fixtures.wires import Wire

NewWire = Callable[[list[str | None]], Wire]


@pytest.fixture
def wire(server: RunningServer) -> Iterator[NewWire]:
    with ExitStack() as stack:

        def new(cuts: list[str | None]) -> Wire:
            made = Wire(server.base_url, cuts)
            stack.callback(made.close)
            return made

        yield new
