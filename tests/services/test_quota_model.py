"""Quotas beside a model of them: requests, failures, deaths and changes of plan in any order."""

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from pixmill import clock, errors
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Caller, Keys
from pixmill.services.plans import Plans
from pixmill.services.quotas import Quotas, Reservation
from pixmill.stores.db import Database
from pixmill.stores.quotas import reservations
from pixmill.stores.usage import usage
from services.desk import Clock

T = TypeVar("T")

LEASE = timedelta(seconds=120)
LIMIT = 2
KEYS = st.sampled_from([0, 1])
PLANS = st.sampled_from(["octosqueeze-free", "optipic-free", "optipic-payg", "self-hosted"])


@dataclass(eq=False, kw_only=True)
class Work:
    """What the model knows of a request that is being worked on."""

    block: AbstractAsyncContextManager[Reservation]
    reservation: Reservation
    lapses_at: datetime
    holds: bool  #: something of an allowance; not when the plan has no limit

    @property
    def row(self) -> tuple[str, str]:
        """Return whose month is charged."""
        return self.reservation.caller.subject, self.reservation.period


class Model(RuleBasedStateMachine):
    """One account with two keys, and plans that allow two requests a month."""

    url: str
    works: Bundle[Work] = Bundle("works")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.database = Database(self.url)
        self.accounts = Accounts(database=self.database, now=self.clock)
        self.keys = Keys(database=self.database, now=self.clock)
        self.quotas = Quotas(database=self.database, now=self.clock, lease=LEASE)
        self.open: list[Work] = []
        self.settled: list[tuple[str, str]] = []  # id of the key, period
        self.run(self.begin())

    async def begin(self) -> None:
        plans = Plans(database=self.database)
        for name in ("octosqueeze-free", "optipic-free"):
            await plans.change(name=name, changes={"monthly_requests": LIMIT})
        first = await self.keys.create(plan="octosqueeze-free")
        self.account = first.key.account_id
        second = await self.keys.create(account=self.account)
        self.secrets = [first.secret, second.secret]

    def teardown(self) -> None:
        self.run(self.end())
        self.runner.close()

    async def end(self) -> None:
        for work in self.open:
            await work.block.__aexit__(None, None, None)
        await self.database.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def used(self, row: tuple[str, str]) -> int:
        """Return how many requests are settled."""
        subject, period = row
        return sum(subject in {self.account, key} for key, month in self.settled if month == period)

    def taken(self, row: tuple[str, str]) -> int:
        """Return how many are settled or held."""
        return self.used(row) + sum(work.holds and work.row == row for work in self.open)

    def lapse(self, *, subject: str | None = None) -> int:
        """Let go of what is held too long; return how much that is."""
        gone = [
            work
            for work in self.open
            if work.holds and work.lapses_at <= self.clock.moment and subject in {None, work.row[0]}
        ]
        for work in gone:
            work.holds = False
        return len(gone)

    def expects_room(self, caller: Caller) -> bool:
        """Say whether another request is let through."""
        limit = caller.plan.hard_limit
        row = caller.subject, clock.period(self.clock.moment)
        if limit is None or self.taken(row) < limit:
            return True
        return bool(self.lapse(subject=caller.subject)) and self.taken(row) < limit

    @rule(target=works, which=KEYS)
    def reserve(self, which: int) -> Any:
        caller = self.run(self.keys.authenticate(presented=self.secrets[which]))
        room = self.expects_room(caller)
        block = self.quotas.reserve(caller=caller)
        if not room:
            row = caller.subject, clock.period(self.clock.moment)
            if self.used(row) < LIMIT:
                with pytest.raises(errors.Busy):
                    self.run(block.__aenter__())
                return multiple()
            with pytest.raises(errors.QuotaExceeded) as caught:
                self.run(block.__aenter__())
            assert caught.value.used == self.taken(row)
            return multiple()
        reservation = self.run(block.__aenter__())
        work = Work(
            block=block,
            reservation=reservation,
            lapses_at=self.clock.moment + LEASE,
            holds=caller.plan.hard_limit is not None,
        )
        self.open.append(work)
        return work

    @rule(work=consumes(works), size=st.integers(0, 2**40))
    def settle(self, work: Work, size: int) -> None:
        limit = work.reservation.caller.plan.hard_limit
        room = limit is None or work.holds or self.taken(work.row) < limit
        if room:
            self.run(work.reservation.settle(bytes_in=size, bytes_out=size // 2))
            self.settled.append((work.reservation.caller.key.id, work.reservation.period))
        else:
            with pytest.raises(errors.QuotaExceeded):
                self.run(work.reservation.settle(bytes_in=size, bytes_out=size // 2))
        self.run(work.block.__aexit__(None, None, None))
        self.open.remove(work)

    @rule(work=consumes(works))
    def fail(self, work: Work) -> None:
        error = errors.UnreadableImage()
        assert not self.run(work.block.__aexit__(errors.UnreadableImage, error, None))
        self.open.remove(work)

    @rule(seconds=st.sampled_from([60, 120]))
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds=seconds)

    @rule(sure=st.sampled_from([False, False, True]))
    def wait_for_the_next_month(self, *, sure: bool) -> None:
        if not sure:  # a month that ends all the time is never used up
            return
        self.clock.moment = clock.next_period(self.clock.moment)

    @rule()
    def sweep(self) -> None:
        assert self.run(self.quotas.sweep()) == self.lapse()

    @rule(plan=PLANS)
    def change_plan(self, plan: str) -> None:
        self.run(self.accounts.set_plan(name=self.account, plan=plan))

    @invariant()
    def the_database_says_the_same(self) -> None:
        assert self.run(self.rows()) == sum(work.holds for work in self.open)

    async def rows(self) -> int:
        """Compare every counter; return how many reservations there are."""
        async with self.database.reading() as connection:
            for row in await connection.execute(sa.select(usage)):
                if row.subject in {self.account, *(key for key, _ in self.settled)}:
                    assert row.requests == self.used((row.subject, row.period))
                    assert row.taken == self.taken((row.subject, row.period))
            statement = sa.select(sa.func.count()).select_from(reservations)
            return (await connection.execute(statement)).scalar_one()


def test_quotas_do_what_the_model_says(database_url: str) -> None:
    class Here(Model):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
