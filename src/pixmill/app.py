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
from pixmill.engine.types import Limits
from pixmill.http import docs, probes, routes
from pixmill.http.access import Access
from pixmill.http.bodies import Bodies
from pixmill.http.fallback import Fallback
from pixmill.http.lingering import Lingering
from pixmill.http.metrics import Metrics
from pixmill.services.accounts import Accounts
from pixmill.services.batches import Batches
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig
from pixmill.services.idempotency import Idempotency
from pixmill.services.jobs.endings import Endings
from pixmill.services.jobs.jobs import Jobs
from pixmill.services.jobs.reports import Reports
from pixmill.services.jobs.types import CHUNKS, SINGLES
from pixmill.services.jobs.work import Work
from pixmill.services.keys import Keys
from pixmill.services.limits import RateLimits
from pixmill.services.links import Links
from pixmill.services.optimization import Optimization
from pixmill.services.plans import Plans
from pixmill.services.pool.pool import Pool
from pixmill.services.pool.types import PoolConfig
from pixmill.services.queue.executor import Executor
from pixmill.services.queue.queue import Queue
from pixmill.services.quotas import Quotas
from pixmill.services.registry import Services
from pixmill.services.results import Results, Retention
from pixmill.services.secret import Secret
from pixmill.services.uploads import Uploads
from pixmill.services.usage import Usage
from pixmill.services.webhooks.types import DELIVERIES
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.settings import Settings
from pixmill.stores.db import Database
from pixmill.stores.limits import windows_at
from pixmill.stores.objects import Objects, S3Access
from pixmill.stores.schema import migrate

log = logging.getLogger(__name__)

#: Seconds that a request is held beyond the longest work: a busy machine, a slow database.
LEASE_MARGIN = 60.0

#: How long the queue knows of work that is over.
QUEUE_MEMORY = timedelta(days=2)

#: Jobs that one process works on beside each other, beyond its codec processes: while some are
#: read and stored, the codecs should have others.
MORE_PLACES = 2

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
    """Return all services on *database*; nothing is started or loaded yet."""
    config = pool_config(settings)
    pool = Pool(config)
    # Waiting in line, and after a fork server was lost once more, then the work; and some more.
    longest = 2 * settings.queue_timeout + settings.job_timeout + LEASE_MARGIN
    ttl = timedelta(seconds=settings.result_ttl)
    secret = Secret(settings.secret_key.get_secret_value().encode())
    objects = _objects(settings)
    quotas = Quotas(database=database, lease=timedelta(seconds=longest))
    results = Results(
        database=database,
        objects=objects,
        links=Links(secret, purpose="result"),
        retention=Retention(ttl=ttl),
    )
    fetcher = Fetcher(
        FetchConfig(
            timeout=settings.fetch_timeout,
            redirects=settings.fetch_redirects,
            concurrency=settings.fetch_concurrency,
            allow=settings.fetch_allow,
        )
    )
    queue = Queue(database_url=settings.resolved_database_url)
    uploads = Uploads(database=database, objects=objects)
    webhooks = Webhooks(
        database=database,
        queue=queue,
        # Its own, so that receivers that are slow keep no picture waiting.
        fetcher=Fetcher(FetchConfig(concurrency=DELIVERIES.places, allow=settings.fetch_allow)),
        secret=secret,
    )
    endings = Endings(results=results, uploads=uploads, webhooks=webhooks)
    reports = Reports()
    services = Services(
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
        fetcher=fetcher,
        results=results,
        optimization=Optimization(quotas=quotas, pool=pool, limits=config.limits, results=results),
        pool=pool,
        uploads=uploads,
        jobs=Jobs(
            database=database, queue=queue, uploads=uploads, endings=endings, reports=reports
        ),
        batches=Batches(database=database, reports=reports, endings=endings, ttl=ttl),
        idempotency=Idempotency(database=database, lease=_longest_upload(settings)),
        webhooks=webhooks,
        endings=endings,
        queue=queue,
        secret=secret,
        public_url=settings.public_url,
    )
    for dialect in all_dialects():
        if dialect.tell:
            webhooks.renders[dialect.name] = partial(dialect.tell, services)
    return services


def _objects(settings: Settings) -> Objects:
    access = S3Access(
        endpoint=settings.storage_endpoint,
        region=settings.storage_region,
        access_key_id=settings.storage_access_key_id,
        secret_access_key=settings.storage_secret_access_key.get_secret_value(),
    )
    return Objects(settings.resolved_storage_url, access=access)


def _longest_upload(settings: Settings) -> timedelta:
    """Return how long nothing may be heard of a request with many files before it is dead."""
    return timedelta(seconds=2 * settings.upload_timeout)


def _executor(settings: Settings, database: Database, services: Services) -> Executor:
    """Return what takes work from the queue in this process."""
    work = Work(
        database=database,
        queue=services.queue,
        optimization=services.optimization,
        uploads=services.uploads,
        fetcher=services.fetcher,
        endings=services.endings,
        places=settings.workers + MORE_PLACES,
        stopping=lambda: executor.stopping.is_set(),  # noqa: PLW0108 - it is not there yet
    )
    works = {CHUNKS: work.run, SINGLES: work.run, DELIVERIES: services.webhooks.deliver}
    executor = Executor(
        database=database,
        database_url=settings.resolved_database_url,
        queue=services.queue,
        works=works,
    )
    return executor


@asynccontextmanager
async def _running(
    settings: Settings, database: Database, services: Services, executor: Executor | None
) -> AsyncIterator[None]:
    """
    Bring the database up to date, start the codec processes, and keep house until the block ends.

    With an *executor* also work on what is queued.
    """
    sweeps = [
        services.quotas.sweep,
        services.results.sweep,
        services.batches.sweep,
        services.idempotency.sweep,
        services.webhooks.sweep,
        lambda: services.queue.forget(before=clock.now() - QUEUE_MEMORY),
    ]
    often = [services.webhooks.due] if executor else []
    try:
        await _start(settings, database, services)
        async with worker.chores(
            sweeps, often=often, executor=executor, patience=settings.shutdown_timeout
        ):
            yield
    finally:
        # Whoever runs this has waited for its requests already.
        await services.pool.stop(grace=0)
        await services.quotas.drain()
        await services.idempotency.drain()
        await services.fetcher.stop()
        await services.webhooks.stop()
        await services.limits.close()
        await services.queue.close()
        await database.close()


async def _start(settings: Settings, database: Database, services: Services) -> None:
    """Do both slow things at once; the first that failed is what the operator hears of."""
    outcomes = await asyncio.gather(
        _prepare(settings, database, services), services.pool.start(), return_exceptions=True
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
    executor = _executor(settings, database, services) if jobs else None
    metrics = Metrics(pool=services.pool.status, limits=services.limits.status)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with _running(settings, database, services, executor):
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
    if serve:
        memory_size = settings.upload_memory_mb * _MIB
        bodies = Bodies(timeout=settings.upload_timeout, memory_size=memory_size)
        routes.add(app, dialects, services=services, bodies=bodies)
        docs.add(app)
    checks: dict[str, probes.Check] = {
        "database": lambda: _database_answers(services),
        "workers": lambda: _a_worker_lives(services),
    }
    if executor:
        checks["jobs"] = lambda: _takes_jobs(executor)
    probes.add(app, metrics=metrics, facts=lambda: _facts(services), checks=checks)
    fallback = Fallback(app.routes, all_dialects(), services.limits)
    app.add_exception_handler(HTTPException, fallback.answer)
    # The last one added is the outermost.
    app.add_middleware(Lingering)
    app.add_middleware(Access, metrics=metrics)
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
