"""Usage: what a month has cost so far, in requests, bytes and money."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pixmill import clock, errors
from pixmill.services import accounts
from pixmill.services.keys import Caller
from pixmill.stores import keys, usage
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.keys import Key
from pixmill.stores.plans import Tier
from pixmill.stores.usage import Usage as Used

_PERIOD = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthUsage:
    """One month of a caller, up to now."""

    period: str  #: YYYY-MM, in UTC
    requests: int  #: answered with an image; errors are not counted (OP-66)
    bytes_in: int
    bytes_out: int
    limit: int | None  #: requests that the plan includes; None means any number
    remaining: int | None  #: of *limit*, for everybody whom the plan counts together
    overage_requests: int  #: beyond *limit*, where the plan sells them
    overage_cost_microusd: int
    reset_at: datetime  #: the first instant of the next month

    @property
    def bytes_saved(self) -> int:
        """Return by how much the results were smaller than the uploads."""
        return self.bytes_in - self.bytes_out


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUsage:
    """What one key was used for in one month."""

    account: Account
    key: Key
    used: Used


class Usage:
    """What was used. Reading it is never counted (OP-65)."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def month(self, *, caller: Caller, per: Literal["key", "account"] = "key") -> MonthUsage:
        """
        Return this month of *caller*.

        The requests and bytes are those of the key or of the whole account, as *per* says; what
        remains and what it costs always follow from what the plan counts.
        """
        now = self._now()
        period = clock.period(now)
        asked = caller.key.id if per == "key" else caller.account.id
        async with self._database.reading() as connection:
            shown = await usage.find(connection, subject=asked, period=period)
            counted = (
                shown
                if caller.subject == asked
                else await usage.find(connection, subject=caller.subject, period=period)
            )
        plan = caller.plan
        limit = plan.monthly_requests
        beyond = 0 if limit is None else max(0, counted.requests - limit)
        return MonthUsage(
            period=period,
            requests=shown.requests,
            bytes_in=shown.bytes_in,
            bytes_out=shown.bytes_out,
            limit=limit,
            remaining=None if limit is None else max(0, limit - counted.requests),
            overage_requests=beyond if plan.overage else 0,
            overage_cost_microusd=overage_cost(
                requests=counted.requests, included=limit, tiers=plan.overage
            ),
            reset_at=clock.next_period(now),
        )

    async def report(
        self, *, account: str | None = None, period: str | None = None
    ) -> list[KeyUsage]:
        """
        Return what each key of *account*, or of everybody, was used for in *period*.

        *period* is ``YYYY-MM``; the default is this month. Raises NotFound and BadOption.
        """
        period = period or clock.period(self._now())
        if not _PERIOD.fullmatch(period):
            raise errors.BadOption("The period must be a month, such as 2026-06.")
        async with self._database.reading() as connection:
            owner = await accounts.find(connection, name=account) if account else None
            rows = await keys.used(
                connection, period=period, account_id=owner.id if owner else None
            )
        return [KeyUsage(account=owner, key=key, used=used) for owner, key, used in rows]


def overage_cost(*, requests: int, included: int | None, tiers: Sequence[Tier]) -> int:
    """
    Return what *requests* of one month cost beyond the *included* ones, in micro-dollars.

    Each request has the price of the tier that its number in the month falls in (OP-84 to OP-87).
    """
    if included is None:
        return 0
    cost = 0
    priced = included  # requests up to this one have their price
    for tier in tiers:
        end = requests if tier.up_to is None else min(requests, tier.up_to)
        cost += max(0, end - priced) * tier.price_microusd
        priced = max(priced, end)
    return cost
