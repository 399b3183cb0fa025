"""What the tests of several dialects share."""

import threading
from collections.abc import Iterator

import pytest

from dialects import tinify as shrinking
from pixmill.stores.objects import S3Access
from services.vision.server import MODEL, Script, serving, streaming

from fixtures.databases import PostgreSQL
from fixtures.origins import ALLOWED
from fixtures.servers import RunningServer, start


@pytest.fixture(scope="session")
def grown_server(
    postgresql: PostgreSQL, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Give a server on PostgreSQL that may fetch; all tests share it, and none may hurt it."""
    with postgresql.fresh() as url:
        env = {"PIXMILL_DATABASE_URL": url, **ALLOWED}
        running = start(tmp_path_factory.mktemp("grown"), env=env)
        yield running
        assert running.stop() == 0


@pytest.fixture(params=["fetching_server", "grown_server"], ids=["sqlite", "postgresql"])
def either_server(request: pytest.FixtureRequest) -> RunningServer:
    """Give a server that may fetch, on each kind of database."""
    running: RunningServer = request.getfixturevalue(request.param)
    return running


@pytest.fixture(scope="session")
def idle_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Give a server that accepts jobs and works on none; all tests share it."""
    env = {"PIXMILL_SERVE_JOBS": "false", **ALLOWED}
    running = start(tmp_path_factory.mktemp("idle"), env=env)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def model() -> Iterator[Script]:
    """Give the server of a model, which all tests share."""
    with serving() as script:
        yield script


@pytest.fixture
def eyes(model: Script) -> Iterator[Script]:
    """Give the model, to whom nothing was said so far."""
    model.asked.clear()
    model.says(streaming())
    yield model
    model.says(streaming())


@pytest.fixture(scope="session")
def seeing_server(
    model: Script, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Give a server that may fetch and has a model; all tests share it, and none may hurt it."""
    env = {"PIXMILL_VISION_URL": model.base_url, "PIXMILL_VISION_MODEL": MODEL, **ALLOWED}
    running = start(tmp_path_factory.mktemp("seeing"), env=env)
    yield running
    assert running.stop() == 0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Give what keeps slow pictures back until it is set."""
    gate = threading.Event()
    yield gate
    gate.set()


@pytest.fixture(scope="session")
def google() -> Iterator[shrinking.Google]:
    """Give somebody else's Google Cloud Storage, as far as it is used here."""
    with shrinking.google() as service:
        yield service


@pytest.fixture(scope="session")
def shrinking_server(
    rclone: S3Access,
    moto: S3Access,
    google: shrinking.Google,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningServer]:
    """Give a server that may fetch, and store; all tests share it, and none may hurt it."""
    places = (rclone.endpoint, moto.endpoint, f"gcs+{google.base_url}")
    env = {"PIXMILL_STORE_TO": ",".join(places), **ALLOWED}
    running = start(tmp_path_factory.mktemp("shrinking"), env=env)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def shrinking_https(
    shrinking_server: RunningServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[shrinking.Secured]:
    """Give the same server behind a proxy that terminates TLS."""
    with shrinking.secured(shrinking_server, tmp_path_factory.mktemp("tls")) as proxy:
        yield proxy
