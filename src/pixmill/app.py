"""The composition root: settings → database → services → routes. The only place that wires."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

from fastapi import FastAPI
from starlette.exceptions import HTTPException

import pixmill
from pixmill import clock, errors, worker
from pixmill.dialects import all_dialects
from pixmill.engine import versions
from pixmill.http import docs, probes, routes
from pixmill.http.access import Access
from pixmill.http.bodies import Bodies
from pixmill.http.fallback import Fallback
from pixmill.http.lingering import Lingering
from pixmill.http.metrics import Metrics
from pixmill.http.proxies import Proxies
from pixmill.services import assembly
from pixmill.services.queue.executor import Executor
from pixmill.services.registry import Services
from pixmill.settings import Settings
from pixmill.stores.db import Database
from pixmill.stores.schema import migrate
from pixmill.web import website
from pixmill.web.website import Website

log = logging.getLogger(__name__)

#: How long the queue knows of work that is over.
QUEUE_MEMORY = timedelta(days=2)

_MIB = 1024 * 1024


def create_services(settings: Settings, database: Database) -> Services:
    """Return all services on *database*; nothing is started or loaded yet."""
    services = assembly.create_services(settings, database)
    for dialect in all_dialects():
        if dialect.tell:
            services.webhooks.renders[dialect.name] = partial(dialect.tell, services)
    return services


@asynccontextmanager
async def _running(
    settings: Settings,
    database: Database,
    services: Services,
    *,
    executor: Executor | None,
    site: Website | None,
) -> AsyncIterator[None]:
    """
    Bring the database up to date, start the codec processes, and keep house until the block ends.

    With an *executor* also work on what is queued; with a *site* have its pages ready.
    """
    sweeps = [
        services.quotas.sweep,
        services.results.sweep,
        services.batches.sweep,
        services.idempotency.sweep,
        services.webhooks.sweep,
        services.sessions.sweep,
        services.runs.sweep,
        services.traffic.sweep,
        services.sign_ins.sweep,
        lambda: services.queue.forget(before=clock.now() - QUEUE_MEMORY),
    ]
    due = [services.webhooks.due] if executor else []
    try:
        await _start(settings, database, services, site)
        async with worker.chores(
            sweeps,
            often=[services.traffic.flush, *due],
            executor=executor,
            patience=settings.shutdown_timeout,
        ):
            yield
    finally:
        # Whoever runs this has waited for its requests already.
        await services.pool.stop(grace=0)
        await services.quotas.drain()
        await services.idempotency.drain()
        await services.traffic.stop()
        await services.sign_ins.close()
        await services.fetcher.stop()
        await services.webhooks.stop()
        await services.limits.close()
        if services.vision:
            await services.vision.close()
        await services.queue.close()
        await database.close()


async def _start(
    settings: Settings, database: Database, services: Services, site: Website | None
) -> None:
    """Do all slow things at once; the first that failed is what the operator hears of."""
    outcomes = await asyncio.gather(
        _prepare(settings, database, services),
        services.pool.start(),
        *([asyncio.to_thread(site.load)] if site else []),
        return_exceptions=True,
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _prepare(settings: Settings, database: Database, services: Services) -> None:
    await asyncio.to_thread(migrate, settings.resolved_database_url)
    await services.secret.load(database=database, data_dir=settings.data_dir)
    await services.queue.start()


def create_app(settings: Settings) -> FastAPI:
    """
    Return the whole server as an ASGI application.

    Its lifespan brings the database up to date and starts the codec processes, and
    ``app.state.closing`` is to be set when it is about to end. Raises Internal when the libraries
    inside are too old to be safe, or the settings cannot be met.
    """
    return _create(settings, title="Pixmill", serve=True, jobs=settings.serve_jobs)


def create_worker(settings: Settings) -> FastAPI:
    """Return what works on jobs, as an application that answers probes alone."""
    if settings.resolved_database_url.startswith("sqlite"):
        raise errors.Internal(
            "With SQLite, `pixmill serve` works on jobs itself, and nobody else can; a worker "
            "needs PostgreSQL: see PIXMILL_DATABASE_URL."
        )
    return _create(settings, title="Pixmill worker", serve=False, jobs=True)


def _create(settings: Settings, *, title: str, serve: bool, jobs: bool) -> FastAPI:
    versions.check()
    database = Database(settings.resolved_database_url)
    services = create_services(settings, database)
    executor = assembly.create_executor(settings, database, services) if jobs else None
    metrics = Metrics(pool=services.pool.status, limits=services.limits.status)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with _running(settings, database, services, executor=executor, site=site):
            yield

    dialects = all_dialects() if serve else ()
    app = FastAPI(
        title=title,
        version=pixmill.__version__,
        description="A self-hosted image optimizer that speaks the APIs you already use.",
        openapi_tags=[
            {"name": dialect.title, "description": dialect.description} for dialect in dialects
        ],
        servers=[{"url": settings.public_url}] if settings.public_url else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.closing = services.closing
    site: Website | None = None
    if serve:
        memory_size = settings.upload_memory_mb * _MIB
        bodies = Bodies(timeout=settings.upload_timeout, memory_size=memory_size)
        routes.add(app, dialects, services=services, bodies=bodies)
        docs.add(app)
        site = website.add(app, settings, services=services, bodies=bodies, dialects=dialects)
    checks: dict[str, probes.Check] = {
        "database": lambda: _database_answers(services),
        "workers": lambda: _a_worker_lives(services),
    }
    if executor:
        checks["jobs"] = lambda: _takes_jobs(executor)
    probes.add(app, metrics=metrics, facts=lambda: _facts(services), checks=checks)
    missing = site.missing if site else None
    fallback = Fallback(app.routes, all_dialects(), services.limits, page=missing)
    app.add_exception_handler(HTTPException, fallback.answer)
    # The last one added is the outermost.
    app.add_middleware(Lingering)
    app.add_middleware(Access, metrics=metrics)
    app.add_middleware(Proxies, trusted=settings.trusted_proxies)
    return app


def _facts(services: Services) -> Mapping[str, object]:
    status = services.pool.status()
    return {
        "version": pixmill.__version__,
        "libraries": versions.versions(),
        "sandbox": {"layers": list(status.layers), "missing": dict(status.missing)},
    }


async def _database_answers(services: Services) -> bool:
    await services.quotas.rehearse()
    return True


async def _a_worker_lives(services: Services) -> bool:
    return services.pool.status().alive > 0


async def _takes_jobs(executor: Executor) -> bool:
    return executor.alive()
