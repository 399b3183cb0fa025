"""The composition root: settings → database → services → routes. The only place that wires."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

from fastapi import FastAPI
from starlette.exceptions import HTTPException

import pixmill
from pixmill import errors
from pixmill.dialects import all_dialects
from pixmill.engine import versions
from pixmill.engine.types import Limits
from pixmill.http import docs, probes, routes
from pixmill.http.access import Access
from pixmill.http.bodies import Bodies
from pixmill.http.fallback import Fallback
from pixmill.http.lingering import Lingering
from pixmill.http.metrics import Metrics
from pixmill.services.accounts import Accounts
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig
from pixmill.services.keys import Keys
from pixmill.services.limits import RateLimits
from pixmill.services.links import Links
from pixmill.services.optimization import Optimization
from pixmill.services.plans import Plans
from pixmill.services.pool.pool import Pool
from pixmill.services.pool.types import PoolConfig
from pixmill.services.quotas import Quotas
from pixmill.services.registry import Services
from pixmill.services.results import Results, Retention
from pixmill.services.usage import Usage
from pixmill.settings import Settings
from pixmill.stores.db import Database
from pixmill.stores.limits import windows_at
from pixmill.stores.objects import Objects, S3Access
from pixmill.stores.schema import migrate
from pixmill.stores.secret import load_or_make

log = logging.getLogger(__name__)

#: Seconds between two searches for what a dead server left behind, and for what has expired.
SWEEP_SECONDS = 60.0
#: Seconds that a request is held beyond the longest work: a busy machine, a slow database.
LEASE_MARGIN = 60.0

#: In the data directory: what links are signed with, unless the settings say something else.
SIGNING_FILE = "secret.key"

_MIB = 1024 * 1024


def pool_config(settings: Settings) -> PoolConfig:
    """Return what *settings* say of the codec processes."""
    return PoolConfig(
        workers=settings.workers,
        queue_size=settings.queue_size,
        queue_timeout=settings.queue_timeout,
        job_timeout=settings.job_timeout,
        memory_size=settings.pixel_memory_mb * _MIB,
        worker_memory_size=settings.worker_memory_mb * _MIB,
        worker_jobs=settings.worker_jobs,
        limits=Limits(
            max_pixels=settings.max_pixels,
            max_side=settings.max_side,
            max_frames=settings.max_frames,
            max_result_pixels=settings.max_result_pixels,
        ),
        require=settings.sandbox_require,
    )


def create_services(settings: Settings, database: Database) -> Services:
    """Return all services on *database*; the pool is not started."""
    config = pool_config(settings)
    pool = Pool(config)
    # Waiting in line, and after a fork server was lost once more, then the work; and some more.
    longest = 2 * settings.queue_timeout + settings.job_timeout + LEASE_MARGIN
    quotas = Quotas(database=database, lease=timedelta(seconds=longest))
    results = _results(settings, database)
    return Services(
        accounts=Accounts(database=database),
        keys=Keys(database=database),
        plans=Plans(database=database),
        quotas=quotas,
        usage=Usage(database=database),
        limits=RateLimits(
            windows=windows_at(settings.redis_url),
            when_unavailable=settings.rate_limits_when_unavailable,
            anonymous_requests=settings.anonymous_requests,
        ),
        fetcher=Fetcher(
            FetchConfig(
                timeout=settings.fetch_timeout,
                redirects=settings.fetch_redirects,
                concurrency=settings.fetch_concurrency,
                allow=settings.fetch_allow,
            )
        ),
        results=results,
        optimization=Optimization(quotas=quotas, pool=pool, limits=config.limits, results=results),
        pool=pool,
        public_url=settings.public_url,
    )


def _results(settings: Settings, database: Database) -> Results:
    access = S3Access(
        endpoint=settings.storage_endpoint,
        region=settings.storage_region,
        access_key_id=settings.storage_access_key_id,
        secret_access_key=settings.storage_secret_access_key.get_secret_value(),
    )
    given = settings.secret_key.get_secret_value().encode()
    secret = given or load_or_make(settings.data_dir / SIGNING_FILE)
    return Results(
        database=database,
        objects=Objects(settings.resolved_storage_url, access=access),
        links=Links(secret, purpose="result"),
        retention=Retention(ttl=timedelta(seconds=settings.result_ttl)),
    )


def create_app(settings: Settings) -> FastAPI:
    """
    Return the whole server as an ASGI application.

    Its lifespan brings the database up to date and starts the codec processes. Raises Internal
    when the libraries inside are too old to be safe, or the settings cannot be met.
    """
    versions.check()
    database = Database(settings.resolved_database_url)
    services = create_services(settings, database)
    metrics = Metrics(pool=services.pool.status, limits=services.limits.status)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        try:
            await _start(settings, services.pool)
            sweeper = asyncio.create_task(_sweep(services))
            try:
                yield
            finally:
                sweeper.cancel()
                await asyncio.gather(sweeper, return_exceptions=True)
        finally:
            # Whoever runs this application has waited for its requests already.
            await services.pool.stop(grace=0)
            await services.quotas.drain()
            await services.fetcher.stop()
            await services.limits.close()
            await database.close()

    app = FastAPI(
        title="Pixmill",
        version=pixmill.__version__,
        description="A self-hosted image optimizer that speaks the APIs you already use.",
        openapi_tags=[
            {"name": dialect.title, "description": dialect.description}
            for dialect in all_dialects()
        ],
        servers=[{"url": settings.public_url}] if settings.public_url else None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    bodies = Bodies(timeout=settings.upload_timeout, memory_size=settings.upload_memory_mb * _MIB)
    routes.add(app, all_dialects(), services=services, bodies=bodies)
    docs.add(app)
    probes.add(
        app,
        metrics=metrics,
        facts=lambda: _facts(services),
        checks={
            "database": lambda: _database_answers(services),
            "workers": lambda: _a_worker_lives(services),
        },
    )
    fallback = Fallback(app.routes, all_dialects(), services.limits)
    app.add_exception_handler(HTTPException, fallback.answer)
    # The last one added is the outermost.
    app.add_middleware(Lingering)
    app.add_middleware(Access, metrics=metrics)
    return app


async def _start(settings: Settings, pool: Pool) -> None:
    """Do both slow things at once; the first that failed is what the operator hears of."""
    outcomes = await asyncio.gather(
        asyncio.to_thread(migrate, settings.resolved_database_url),
        pool.start(),
        return_exceptions=True,
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome


async def _sweep(services: Services) -> None:
    """Give back and delete what nobody needs any more, for ever."""
    while True:
        for work in (services.quotas.sweep, services.results.sweep):
            try:
                await work()
            except errors.Error as error:
                log.warning("a sweep failed: %s", error, extra={"detail": error.detail})
        await asyncio.sleep(SWEEP_SECONDS)


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
