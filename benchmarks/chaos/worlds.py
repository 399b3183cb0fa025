"""Whole installations: the embedded default, and what a company would run."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.chaos.nodes import Node, Role
from benchmarks.chaos.services import BUCKET, S3, Service, postgres, s3, valkey
from pixmill.services.keys import Keys
from pixmill.services.plans import Plans
from pixmill.stores.db import Database
from pixmill.stores.schema import migrate

from fixtures.buckets import ACCESS_KEY, SECRET_KEY

#: A month of it has an end, far away: so every job holds a reservation.
PLAN = "self-hosted"
MONTHLY_REQUESTS = 10_000_000

#: Seconds after which the key of a request is free again whose server died. Default: 4 minutes.
UPLOAD_TIMEOUT = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Somebody who may use an installation."""

    key: str
    account_id: str


@dataclass(kw_only=True)
class World:
    """An installation that runs."""

    nodes: list[Node]
    database_url: str
    services: Mapping[str, Service] = field(default_factory=dict)

    @property
    def base_url(self) -> str:
        """Return the address of some server, as a load balancer would."""
        return random.choice([node.base_url for node in self.nodes if node.role == "serve"])

    def customer(self) -> Customer:
        """Return somebody new."""
        return asyncio.run(_customer(self.database_url))

    def wait_until_ready(self) -> None:
        """Wait until all processes serve."""
        for node in self.nodes:
            node.wait_until_ready()


@contextmanager
def embedded(folder: Path) -> Iterator[World]:
    """Run one server with SQLite and local disk."""
    node = Node("serve", folder=folder / "serve", env=_common())
    url = f"sqlite:///{folder / 'serve' / 'pixmill.db'}"
    with running([node], url, {}) as world:
        yield world


@contextmanager
def grown(folder: Path, *, servers: int = 2, workers: int = 2) -> Iterator[World]:
    """Run servers and workers, which share PostgreSQL, Valkey and S3 and no folder."""
    with ExitStack() as stack:
        database, limits = stack.enter_context(postgres()), stack.enter_context(valkey())
        bucket = stack.enter_context(s3())
        url = stack.enter_context(database.fresh())
        env = _common() | {"PIXMILL_DATABASE_URL": url, "PIXMILL_REDIS_URL": limits.url}
        env |= storage(bucket) | {"PIXMILL_WORKERS": "1"}
        serving: Role = "serve"
        working: Role = "worker"
        roles = [serving] * servers + [working] * workers
        nodes = [
            Node(role, folder=folder / f"{role}-{number}", env=env)
            for number, role in enumerate(roles)
        ]
        services: dict[str, Service] = {"PostgreSQL": database, "Valkey": limits, "S3": bucket}
        yield stack.enter_context(running(nodes, url, services))


def storage(bucket: S3) -> dict[str, str]:
    """Return the settings with which results are kept in *bucket*."""
    return {
        "PIXMILL_STORAGE_URL": f"s3://{BUCKET}/pixmill",
        "PIXMILL_STORAGE_ENDPOINT": bucket.endpoint,
        "PIXMILL_STORAGE_REGION": "us-east-1",
        "PIXMILL_STORAGE_ACCESS_KEY_ID": ACCESS_KEY,
        "PIXMILL_STORAGE_SECRET_ACCESS_KEY": SECRET_KEY,
    }


@contextmanager
def running(nodes: list[Node], url: str, services: Mapping[str, Service]) -> Iterator[World]:
    """Run *nodes* on the database at *url* until the block ends."""
    migrate(url)
    world = World(nodes=nodes, database_url=url, services=services)
    try:
        for node in nodes:
            node.start()
        world.wait_until_ready()
        yield world
    finally:
        with ThreadPoolExecutor(len(nodes)) as threads:
            list(threads.map(Node.stop, nodes))


async def _customer(url: str) -> Customer:
    database = Database(url)
    changes = {"monthly_requests": MONTHLY_REQUESTS}
    await Plans(database=database).change(name=PLAN, changes=changes)
    new = await Keys(database=database).create(plan=PLAN)
    await database.close()
    return Customer(key=new.secret, account_id=new.key.account_id)


def _common() -> dict[str, str]:
    return {"PIXMILL_UPLOAD_TIMEOUT": str(UPLOAD_TIMEOUT)}
