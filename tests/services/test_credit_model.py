"""
Credits beside a model of them, in which each credit is a thing of its own.

Grants, deductions, redemptions, failures, refunds, months and changes of plan come in any order.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, TypeVar
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from pixmill import clock, errors
from pixmill.services.accounts import Accounts
from pixmill.services.credits import Charge, Credits
from pixmill.services.plans import Plans
from pixmill.stores.credits import credit_balances, credit_entries
from pixmill.stores.db import Database
from services.desk import Clock

T = TypeVar("T")

#: Credits of the sign-up and of a month.
TERMS = {
    "picture-optimizer-free": (4, 0),
    "picture-optimizer-starter": (2, 4),
    "picture-optimizer-pro": (0, 7),
    "self-hosted": (0, 0),
}
PLANS = st.sampled_from(sorted(TERMS))
COUNTS = st.integers(1, 4)
IMAGES = st.sampled_from(["img_1", "img_1", "img_2", "img_3"])

#: The month in which a credit ends; "" when it does not.
Month = str


@dataclass(eq=False, kw_only=True)
class Paid:
    """What the model knows of a deduction."""

    charge: Charge
    image_count: int
    credits: list[Month]  #: those that can still come back
    owed: int  #: credits that an operator may refund
    used: bool
    failed: set[str] = field(default_factory=set)

    def best(self, count: int) -> list[Month]:
        """Take out *count* credits, those that end last first."""
        self.credits.sort(key=lambda month: month or "9", reverse=True)
        gone, self.credits = self.credits[:count], self.credits[count:]
        return gone


class Model(RuleBasedStateMachine):
    """One account."""

    url: str
    deductions: Bundle[Paid] = Bundle("deductions")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.database = Database(self.url)
        self.accounts = Accounts(database=self.database, now=self.clock)
        self.credit = Credits(database=self.database, now=self.clock)
        self.plan = "picture-optimizer-starter"
        self.purse: list[Month] = []
        self.signed_up = False
        self.given: dict[Month, int] = {}
        self.runs = 0
        self.run(self.begin())

    async def begin(self) -> None:
        plans = Plans(database=self.database)
        for name, (signup, monthly) in TERMS.items():
            changes = {"signup_credits": signup, "monthly_credits": monthly}
            await plans.change(name=name, changes=changes)
        email = f"{uuid4().hex}@example.com"
        self.account = (await self.accounts.create(email=email, plan=self.plan)).id

    def teardown(self) -> None:
        self.run(self.database.close())
        self.runner.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @property
    def month(self) -> Month:
        return clock.period(self.clock.moment)

    @property
    def counts(self) -> bool:
        return any(TERMS[self.plan])

    def ask(self) -> None:
        """Do what whoever asks first does."""
        signup, monthly = TERMS[self.plan]
        self.purse = [month for month in self.purse if month in {"", self.month}]
        if signup and not self.signed_up:
            self.signed_up = True
            self.purse += [""] * signup
        more = max(0, monthly - self.given.get(self.month, 0))
        self.purse += [self.month] * more
        self.given[self.month] = self.given.get(self.month, 0) + more

    def what_there_is(self) -> int:
        """Return what is there once `ask` is done, without doing it: it may be rolled back."""
        before = self.purse, self.signed_up, dict(self.given)
        self.ask()
        there = len(self.purse)
        self.purse, self.signed_up, self.given = before
        return there

    def take(self, count: int) -> list[Month]:
        """Take out *count* credits, those of the month first."""
        self.purse.sort(reverse=True)
        gone, self.purse = self.purse[:count], self.purse[count:]
        return gone

    def put_back(self, credits_: list[Month]) -> int:
        """Put back what has not ended; return how many that is."""
        living = [month for month in credits_ if month in {"", self.month}]
        self.purse += living
        return len(living)

    @rule(target=deductions, count=COUNTS, ahead=st.booleans())
    def deduct(self, count: int, *, ahead: bool) -> Any:
        before = self.what_there_is()
        work = self.check_out(count) if ahead else self.start(count)
        if self.counts and before < count:
            with pytest.raises(errors.InsufficientCredits) as caught:
                self.run(work)
            assert (caught.value.balance, caught.value.needed) == (before, count)
            return multiple()
        charge = self.run(work)
        if not self.counts:
            assert charge == Charge(id=None, cost=0, balance=None, remaining=None)
            return multiple()
        self.ask()
        assert (charge.cost, charge.balance, charge.remaining) == (count, before, before - count)
        return Paid(
            charge=charge,
            image_count=count,
            credits=self.take(count),
            owed=count,
            used=not ahead,
        )

    async def check_out(self, count: int) -> Charge:
        return await self.credit.deduct(account=self.account, action="analyze", image_count=count)

    async def start(self, count: int) -> Charge:
        self.runs += 1
        async with self.database.transaction() as connection:
            return await self.credit.deduct_in(
                connection,
                account=self.account,
                action="analyze",
                image_count=count,
                subject=f"run_{self.runs}",
            )

    @rule(paid=deductions, count=COUNTS)
    def redeem(self, paid: Paid, count: int) -> None:
        work = self.use(paid, count)
        more = count - paid.image_count
        if paid.used:
            with pytest.raises(errors.DeductionUsed):
                self.run(work)
            return
        before = self.what_there_is()
        if self.counts and before < more:
            with pytest.raises(errors.InsufficientCredits) as caught:
                self.run(work)
            assert (caught.value.balance, caught.value.needed) == (before, more)
            return
        charge = self.run(work)
        self.ask()
        paid.used, paid.image_count = True, count
        if more < 0:
            paid.owed -= self.put_back(paid.best(-more))
        elif self.counts:
            paid.credits += self.take(more)
            paid.owed += more
        told = (before, len(self.purse)) if self.counts else (None, None)
        assert (charge.balance, charge.remaining) == told

    async def use(self, paid: Paid, count: int) -> Charge:
        assert paid.charge.id
        self.runs += 1
        async with self.database.transaction() as connection:
            return await self.credit.redeem_in(
                connection,
                deduction_id=paid.charge.id,
                account=self.account,
                action="analyze",
                image_count=count,
                subject=f"run_{self.runs}",
            )

    @rule(paid=deductions, image=IMAGES)
    def fail(self, paid: Paid, image: str) -> None:
        self.ask()
        back = 0
        if image not in paid.failed:
            paid.failed.add(image)
            back = self.put_back(paid.best(1))
            paid.owed -= back
        assert self.run(self.give_back(paid, image)) == back

    async def give_back(self, paid: Paid, image: str) -> int:
        async with self.database.transaction() as connection:
            return await self.credit.give_back_in(
                connection, account=self.account, deduction_id=paid.charge.id, subject=image
            )

    @rule(paid=deductions, count=COUNTS)
    def refund_of(self, paid: Paid, count: int) -> None:
        refund = self.credit.refund(account=self.account, count=count, deduction_id=paid.charge.id)
        if count > paid.owed:
            with pytest.raises(errors.BadOption):
                self.run(refund)
            return
        self.ask()
        self.run(refund)
        paid.best(count)
        paid.owed -= count
        paid.used = True
        self.purse += [""] * count

    @rule(count=COUNTS, refund=st.booleans())
    def give(self, count: int, *, refund: bool) -> None:
        give = self.credit.refund if refund else self.credit.grant
        self.run(give(account=self.account, count=count))
        self.ask()
        self.purse += [""] * count

    @rule(plan=PLANS)
    def change_plan(self, plan: str) -> None:
        self.run(self.accounts.set_plan(name=self.account, plan=plan))
        self.plan = plan

    @rule(sure=st.sampled_from([False, True]))
    def wait_for_the_next_month(self, *, sure: bool) -> None:
        if sure:
            self.clock.moment = clock.next_period(self.clock.moment)

    @rule()
    def look(self) -> None:
        standing = self.run(self.credit.balance(account=self.account))
        if self.counts:
            self.ask()
            told = (standing.balance, standing.monthly)
            assert told == (len(self.purse), self.purse.count(self.month))
        else:
            assert standing.balance is None

    @invariant()
    def the_books_are_right(self) -> None:
        self.run(self.audit())

    async def audit(self) -> None:
        """Compare the balance with the entries, and with the credits of the model."""
        async with self.database.reading() as connection:
            balances = sa.select(credit_balances).where(
                credit_balances.c.account_id == self.account
            )
            row = (await connection.execute(balances)).one_or_none()
            statement = (
                sa.select(credit_entries)
                .where(credit_entries.c.account_id == self.account)
                .order_by(credit_entries.c.number)
            )
            entries = (await connection.execute(statement)).all()
        if row is None:
            assert not self.purse
            assert not entries
            return
        assert row.balance == len(self.purse)
        assert row.monthly == len(self.purse) - self.purse.count("")
        assert [entry.number for entry in entries] == list(range(1, row.entries + 1))
        assert [entry.balance for entry in entries] == list(
            accumulate(entry.amount for entry in entries)
        )
        assert sum(entry.amount for entry in entries) == row.balance
        assert sum(entry.monthly for entry in entries) == row.monthly
        assert all(entry.balance >= 0 for entry in entries)


def test_credits_do_what_the_model_says(database_url: str) -> None:
    class Here(Model):
        url = database_url

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=20,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
