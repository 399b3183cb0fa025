"""
The ledger of one account, opened for one transaction: all changes of its credits are made here.

Credits are of two kinds (docs/adr/0021-credits.md): those of a month end with it and are taken
first; the others, of the sign-up or from the operator, are kept.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.stores import credits, deductions  # noqa: A004 - the name that only a console has
from pixmill.stores.credits import Balance, Entry, Kind
from pixmill.stores.deductions import Deduction
from pixmill.stores.plans import Plan


def counts(plan: Plan) -> bool:
    """Say whether *plan* counts credits at all."""
    return plan.signup_credits > 0 or plan.monthly_credits > 0


def is_due(balance: Balance | None, *, plan: Plan, period: str) -> bool:
    """Say whether something has to be entered before *balance* can be told."""
    return (
        balance is None
        or period > balance.period
        or (plan.signup_credits > 0 and not balance.signed_up)
        or plan.monthly_credits > balance.granted
    )


@dataclass(slots=True, kw_only=True)
class Ledger:
    """An account's credits, which nobody else changes before the transaction is over."""

    connection: AsyncConnection
    plan: Plan
    balance: Balance
    now: datetime

    @classmethod
    async def opened(
        cls, connection: AsyncConnection, *, account_id: str, plan: Plan, now: datetime
    ) -> "Ledger":
        """Lock the account's credits, and enter what has become due."""
        period = clock.period(now)
        balance = await credits.lock(connection, account_id=account_id, period=period)
        ledger = cls(connection=connection, plan=plan, balance=balance, now=now)
        if is_due(balance, plan=plan, period=period):
            await ledger._bring_up_to_date(period)
        return ledger

    async def charge(self, deduction: Deduction, *, needed: int, actor: str | None) -> Deduction:
        """
        Take *needed* credits for *deduction*; return it with what can come back of them.

        Raises InsufficientCredits, and then nothing was written.
        """
        if self.balance.balance < needed:
            raise errors.InsufficientCredits(balance=self.balance.balance, needed=needed)
        monthly = min(self.balance.monthly, needed)
        charged = replace(
            deduction,
            kept=deduction.kept + needed - monthly,
            monthly=self._living(deduction) + monthly,
            period=self.balance.period,
        )
        await deductions.save(self.connection, charged)
        await self._enter("deduct", -needed, monthly=-monthly, of=charged, actor=actor)
        return charged

    async def redeem(
        self,
        deduction: Deduction,
        *,
        image_count: int,
        needed: int,
        used_for: str,
        actor: str | None,
    ) -> Deduction:
        """
        Use *deduction* for a run of *image_count* images.

        *needed* is what that costs beyond what was taken; when it is less than nothing, the rest
        comes back. Raises InsufficientCredits, and then nothing was written.
        """
        redeemed = replace(deduction, image_count=image_count, used_for=used_for)
        if needed > 0:
            return await self.charge(redeemed, needed=needed, actor=actor)
        await deductions.save(self.connection, redeemed)
        if needed < 0:
            await self.give_back(redeemed, "unused", count=-needed)
        return redeemed

    async def give_back(
        self,
        deduction: Deduction,
        kind: Kind,
        *,
        count: int,
        subject: str | None = None,
        once: str | None = None,
    ) -> int:
        """
        Let up to *count* credits of *deduction* come back; return how many did.

        The last ones that were taken come first. Those of a month that is over have ended with it,
        as if they had not been used. None come back when *once* was entered before.
        """
        kept, monthly = self._split(deduction, count)
        back = kept + monthly
        if not await self._enter(
            kind, back, monthly=monthly, of=deduction, subject=subject, once=once
        ):
            return 0
        await self._lessen(deduction, kept=kept, monthly=monthly)
        return back

    async def grant(self, *, count: int, note: str, actor: str, once: str | None = None) -> None:
        """Add *count* credits that are kept, unless *once* was entered before."""
        await self._enter("grant", count, note=note, actor=actor, once=once)

    async def refund(
        self,
        deduction: Deduction | None,
        *,
        count: int,
        note: str,
        actor: str,
        once: str | None = None,
    ) -> None:
        """
        Add *count* credits that are kept, in place of what *deduction* took.

        Nothing happens when *once* was entered before.

        What is refunded cannot come back in another way too, and nobody can redeem the deduction
        any more. Raises BadOption when not as many are left of it.
        """
        if once and await credits.entered(self.connection, once=once):
            return
        if deduction:
            left = await credits.spent(self.connection, deduction_id=deduction.id)
            if count > left:
                raise errors.BadOption(f"At most {left} credits of this deduction can be refunded.")
            kept, monthly = self._split(deduction, count)
            closed = replace(deduction, used_for=deduction.used_for or "refund")
            await self._lessen(closed, kept=kept, monthly=monthly)
        await self._enter("refund", count, of=deduction, note=note, actor=actor, once=once)

    async def _bring_up_to_date(self, period: str) -> None:
        """Enter the end of a month, and what the plan gives."""
        account_id, plan = self.balance.account_id, self.plan
        # Never back to a month before, when the clocks of two machines differ.
        if period > self.balance.period:
            ended = self.balance.monthly
            if ended:
                await self._enter("expired", -ended, monthly=-ended, subject=self.balance.period)
            self.balance = replace(self.balance, period=period, granted=0)
        if plan.signup_credits and not self.balance.signed_up:
            await self._enter("signup", plan.signup_credits, once=f"signup {account_id}")
            self.balance = replace(self.balance, signed_up=True)
        # Who comes to a larger plan in the middle of a month gets the difference, so that no way
        # through the plans gives more than the largest of them.
        more = plan.monthly_credits - self.balance.granted
        if more > 0:
            month = self.balance.period
            once = f"monthly {account_id} {month} {plan.monthly_credits}"
            await self._enter("monthly", more, monthly=more, subject=month, once=once)
            self.balance = replace(self.balance, granted=plan.monthly_credits)
        await credits.set_terms(self.connection, self.balance)

    def _living(self, deduction: Deduction) -> int:
        """Return the monthly credits of *deduction* whose month is not over."""
        return deduction.monthly if deduction.period == self.balance.period else 0

    def _split(self, deduction: Deduction, count: int) -> tuple[int, int]:
        """Return which of *count* credits can come back: kept ones first, then monthly ones."""
        kept = min(deduction.kept, count)
        return kept, min(self._living(deduction), count - kept)

    async def _lessen(self, deduction: Deduction, *, kept: int, monthly: int) -> None:
        """Write that so many credits of *deduction* cannot come back any more."""
        less = replace(deduction, kept=deduction.kept - kept, monthly=deduction.monthly - monthly)
        await deductions.save(self.connection, less)

    async def _enter(  # noqa: PLR0913 - the fields of an entry
        self,
        kind: Kind,
        amount: int,
        *,
        monthly: int = 0,
        of: Deduction | None = None,
        subject: str | None = None,
        note: str = "",
        actor: str | None = None,
        once: str | None = None,
    ) -> bool:
        """Add an entry, unless *once* was entered before; say whether it was added."""
        entry = Entry(
            account_id=self.balance.account_id,
            kind=kind,
            amount=amount,
            monthly=monthly,
            action=of.action if of else None,
            subject=subject or (of.used_for if of else None),
            deduction_id=of.id if of else None,
            note=note,
            actor=actor,
            created_at=self.now,
        )
        entered = await credits.enter(self.connection, entry, once=once)
        if entered is None:
            assert once, "the row is locked, and what is taken was seen to be there"
            return False
        self.balance = replace(
            self.balance,
            balance=entered.balance,
            monthly=self.balance.monthly + monthly,
            entries=entered.number,
        )
        return True
