"""Usage: what a month has cost so far, in requests, bytes and money."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pixmill import clock, errors
from pixmill.services import accounts
from pixmill.services.keys import Caller
from pixmill.stores import keys, plans, usage
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.keys import Key
from pixmill.stores.plans import Plan, Tier
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a plan includes in a month, and what of that is used."""

    plan: Plan
    key: Key | None  #: whose it is; None: the account's
    used: int  #: requests
    limit: int | None  #: as in `MonthUsage`
    overage_requests: int
    overage_cost_microusd: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountMonth:
    """This month of an account, up to now."""

    account: Account
    plan: Plan
    period: str
    reset_at: datetime
    used: Used  #: by all keys together
    keys: Mapping[str, Used]  #: by the id of the key; those that were used
    #: The account's, unless its plan counts each key; and those of keys that have one of their own.
    allowances: Sequence[Allowance]

    def of(self, key_id: str) -> Used:
        """Return what the key was used for."""
        return self.keys.get(key_id) or Used(subject=key_id, period=self.period)


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

    async def account(self, *, account_id: str) -> AccountMonth:
        """Return this month of the account, with all its keys. Raises NotFound."""
        now = self._now()
        period = clock.period(now)
        async with self._database.reading() as connection:
            owner = await accounts.find(connection, name=account_id)
            terms = {plan.name: plan for plan in await plans.listed(connection)}
            made = await keys.listed(connection, account_id=owner.id, every=True)
            rows = await keys.used(connection, period=period, account_id=owner.id)
            whole = await usage.find(connection, subject=owner.id, period=period)
        used = {key.id: used for _, key, used in rows}
        own = terms[owner.plan]
        allowances = [] if own.quota_per == "key" else [_allowance(own, None, whole.requests)]
        for key in made:
            plan = terms[key.plan or owner.plan]
            counted = used[key.id].requests if key.id in used else 0
            in_use = counted or (key.kind == "api" and key.revoked_at is None)
            if plan.monthly_requests is None or not in_use:
                continue
            if plan.quota_per == "key":
                allowances.append(_allowance(plan, key, counted))
            elif key.plan is not None:  # what the plan allows is compared with the whole account
                allowances.append(_allowance(plan, key, whole.requests))
        return AccountMonth(
            account=owner,
            plan=own,
            period=period,
            reset_at=clock.next_period(now),
            used=whole,
            keys=used,
            allowances=allowances,
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


def _allowance(plan: Plan, key: Key | None, used: int) -> Allowance:
    limit = plan.monthly_requests
    beyond = 0 if limit is None or not plan.overage else max(0, used - limit)
    cost = overage_cost(requests=used, included=limit, tiers=plan.overage)
    return Allowance(
        plan=plan,
        key=key,
        used=used,
        limit=limit,
        overage_requests=beyond,
        overage_cost_microusd=cost,
    )


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
