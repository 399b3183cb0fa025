"""All services made from the settings: what depends on what."""

from datetime import timedelta

from pixmill.services.accounts import Accounts
from pixmill.services.batches import Batches
from pixmill.services.buckets import Buckets
from pixmill.services.credits import Credits
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig
from pixmill.services.guests import Guests
from pixmill.services.health.health import Health
from pixmill.services.idempotency import Idempotency
from pixmill.services.jobs.endings import Endings
from pixmill.services.jobs.jobs import Jobs
from pixmill.services.jobs.reports import Reports
from pixmill.services.jobs.retries import Retries
from pixmill.services.jobs.types import CHUNKS, SINGLES
from pixmill.services.jobs.work import Work
from pixmill.services.keys import Keys
from pixmill.services.limits import RateLimits
from pixmill.services.links import Links
from pixmill.services.mail import Mail
from pixmill.services.optimization import Optimization
from pixmill.services.plans import Plans
from pixmill.services.pool.configuration import pool_config
from pixmill.services.pool.pool import Pool
from pixmill.services.queue.executor import Executor
from pixmill.services.queue.queue import Queue
from pixmill.services.quotas import Quotas
from pixmill.services.registry import Services
from pixmill.services.results import Results, Retention
from pixmill.services.roster import Roster
from pixmill.services.secret import Secret
from pixmill.services.sessions.describing import Describing
from pixmill.services.sessions.endings import Endings as TaskEndings
from pixmill.services.sessions.exporting import Exporting
from pixmill.services.sessions.runs import Runs
from pixmill.services.sessions.sampling import Sampling
from pixmill.services.sessions.sessions import Sessions
from pixmill.services.sessions.types import RUNS
from pixmill.services.sessions.work import Work as RunWork
from pixmill.services.sign_ins.sign_ins import SignIns
from pixmill.services.sign_ins.types import Terms
from pixmill.services.sources import Sources
from pixmill.services.traffic import Traffic
from pixmill.services.uploads import Uploads
from pixmill.services.usage import Usage
from pixmill.services.vision.providers import style_of, vision_of
from pixmill.services.webhooks.log import DeliveryLog
from pixmill.services.webhooks.types import DELIVERIES
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.settings import Settings
from pixmill.stores.db import Database
from pixmill.stores.limits import windows_at
from pixmill.stores.objects import Objects, S3Access

#: Seconds that a request is held beyond the longest work: a busy machine, a slow database.
LEASE_MARGIN = 60.0

#: Jobs that one process works on beside each other, beyond its codec processes: while some are
#: read and stored, the codecs should have others.
MORE_PLACES = 2

_MIB = 1024 * 1024


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
    endings = Endings(results=results, uploads=uploads, webhooks=webhooks, patience=ttl)
    reports = Reports()
    jobs = Jobs(database=database, queue=queue, uploads=uploads, endings=endings, reports=reports)
    credits = Credits(database=database)  # noqa: A001 - the name that only a console has
    tasks = TaskEndings(results=results, credits=credits, webhooks=webhooks)
    vision = vision_of(settings)
    mail = Mail.of(settings)
    windows = windows_at(settings.redis_url)
    keys = Keys(database=database)
    limits = RateLimits(
        windows=windows,
        when_unavailable=settings.rate_limits_when_unavailable,
        anonymous_requests=settings.anonymous_requests,
    )
    optimization = Optimization(quotas=quotas, pool=pool, limits=config.limits, results=results)
    health = Health(
        settings=settings,
        database=database,
        quotas=quotas,
        objects=objects,
        limits=limits,
        mail=mail,
        pool=pool,
        vision=vision,
    )
    return Services(
        accounts=Accounts(database=database),
        roster=Roster(database=database),
        sign_ins=SignIns(database=database, terms=Terms.of(settings), mail=mail, windows=windows),
        mail=mail,
        health=health,
        keys=keys,
        guests=Guests(
            database=database,
            keys=keys,
            limits=limits,
            images=settings.guest_images if settings.public_page else 0,
            max_file_size=settings.guest_max_mb * _MIB,
        ),
        plans=Plans(database=database),
        quotas=quotas,
        usage=Usage(database=database),
        traffic=Traffic(database=database),
        credits=credits,
        limits=limits,
        fetcher=fetcher,
        results=results,
        optimization=optimization,
        pool=pool,
        uploads=uploads,
        sources=Sources(
            results=results,
            links=Links(secret, purpose="source"),
            uploads=uploads,
            optimization=optimization,
        ),
        buckets=Buckets(settings.store_to),
        jobs=jobs,
        retries=Retries(database=database, accepting=jobs, uploads=uploads, patience=ttl),
        batches=Batches(database=database, reports=reports, endings=endings, ttl=ttl),
        idempotency=Idempotency(database=database, lease=_longest_upload(settings)),
        webhooks=webhooks,
        deliveries=DeliveryLog(database=database),
        endings=endings,
        queue=queue,
        sessions=Sessions(database=database, uploads=uploads, endings=tasks),
        runs=Runs(
            database=database,
            queue=queue,
            credits=credits,
            endings=tasks,
            describes=vision is not None,
        ),
        sampling=Sampling(
            database=database, uploads=uploads, results=results, optimization=optimization
        ),
        vision=vision,
        style=style_of(settings),
        secret=secret,
        public_url=settings.public_url,
    )


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


def create_executor(settings: Settings, database: Database, services: Services) -> Executor:
    """Return what takes work from the queue in this process."""
    work = Work(
        database=database,
        queue=services.queue,
        optimization=services.optimization,
        uploads=services.uploads,
        fetcher=services.fetcher,
        endings=services.endings,
        traffic=services.traffic,
        places=settings.workers + MORE_PLACES,
        stopping=lambda: executor.stopping.is_set(),  # noqa: PLW0108 - it is not there yet
    )
    runs = RunWork(
        database=database,
        queue=services.queue,
        endings=services.runs.endings,
        traffic=services.traffic,
        crafts={
            "analyze": Describing(
                database=database,
                uploads=services.uploads,
                optimization=services.optimization,
                vision=services.vision,
                endings=services.runs.endings,
            ),
            "export": Exporting(
                database=database,
                uploads=services.uploads,
                results=services.results,
                optimization=services.optimization,
                endings=services.runs.endings,
            ),
        },
        places={
            "analyze": max(settings.vision_concurrency, settings.workers) + MORE_PLACES,
            "export": settings.workers + MORE_PLACES,
        },
        stopping=lambda: executor.stopping.is_set(),  # noqa: PLW0108 - it is not there yet
    )
    works = {
        CHUNKS: work.run,
        SINGLES: work.run,
        RUNS: runs.run,
        DELIVERIES: services.webhooks.deliver,
    }
    executor = Executor(
        database=database,
        database_url=settings.resolved_database_url,
        queue=services.queue,
        works=works,
    )
    return executor
