"""All services in one bundle, as every surface gets them."""

import asyncio
from dataclasses import dataclass, field

from pixmill.services.accounts import Accounts
from pixmill.services.batches import Batches
from pixmill.services.buckets import Buckets
from pixmill.services.credits import Credits
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.guests import Guests
from pixmill.services.health.health import Health
from pixmill.services.idempotency import Idempotency
from pixmill.services.jobs.endings import Endings
from pixmill.services.jobs.jobs import Jobs
from pixmill.services.jobs.retries import Retries
from pixmill.services.keys import Keys
from pixmill.services.limits import RateLimits
from pixmill.services.mail import Mail
from pixmill.services.optimization import Optimization
from pixmill.services.plans import Plans
from pixmill.services.pool.pool import Pool
from pixmill.services.queue.queue import Queue
from pixmill.services.quotas import Quotas
from pixmill.services.results import Results
from pixmill.services.roster import Roster
from pixmill.services.secret import Secret
from pixmill.services.sessions.runs import Runs
from pixmill.services.sessions.sampling import Sampling
from pixmill.services.sessions.sessions import Sessions
from pixmill.services.sign_ins.sign_ins import SignIns
from pixmill.services.sources import Sources
from pixmill.services.traffic import Traffic
from pixmill.services.uploads import Uploads
from pixmill.services.usage import Usage
from pixmill.services.vision.types import Style, Vision
from pixmill.services.webhooks.log import DeliveryLog
from pixmill.services.webhooks.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What can be done, one class per noun."""

    accounts: Accounts
    roster: Roster
    sign_ins: SignIns
    mail: Mail
    health: Health
    keys: Keys
    guests: Guests
    plans: Plans
    quotas: Quotas
    usage: Usage
    traffic: Traffic
    credits: Credits
    limits: RateLimits
    fetcher: Fetcher
    results: Results
    optimization: Optimization
    pool: Pool
    uploads: Uploads
    sources: Sources
    buckets: Buckets
    jobs: Jobs
    retries: Retries
    batches: Batches
    idempotency: Idempotency
    webhooks: Webhooks
    deliveries: DeliveryLog
    endings: Endings
    queue: Queue
    sessions: Sessions
    runs: Runs
    sampling: Sampling
    vision: Vision | None  #: None: no model is configured
    style: Style  #: how pictures are described unless a caller says something else
    secret: Secret
    #: Set when the server is about to stop: whoever talks to a caller for long ends it.
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    public_url: str = ""  #: where callers reach this server; empty: where they say they did
