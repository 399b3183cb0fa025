"""All services in one bundle, as every surface gets them."""

from dataclasses import dataclass

from pixmill.services.accounts import Accounts
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.keys import Keys
from pixmill.services.limits import RateLimits
from pixmill.services.optimization import Optimization
from pixmill.services.plans import Plans
from pixmill.services.pool.pool import Pool
from pixmill.services.quotas import Quotas
from pixmill.services.results import Results
from pixmill.services.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What can be done, one class per noun."""

    accounts: Accounts
    keys: Keys
    plans: Plans
    quotas: Quotas
    usage: Usage
    limits: RateLimits
    fetcher: Fetcher
    results: Results
    optimization: Optimization
    pool: Pool
    public_url: str = ""  #: where callers reach this server; empty: where they say they did
