"""Credits: what an account has, what an image costs of it, and what comes back."""

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import accounts, ledger, plans
from pixmill.services.ledger import Ledger
from pixmill.stores import credits, deductions  # noqa: A004 - the name that only a console has
from pixmill.stores.accounts import Account
from pixmill.stores.credits import Entry
from pixmill.stores.db import Database
from pixmill.stores.deductions import Deduction
from pixmill.stores.plans import Plan

__all__ = ["Charge", "Credits", "Entry", "Quote", "Standing", "price"]

#: What each action costs for one image (PO-89).
PRICES: Mapping[str, int] = MappingProxyType({"analyze": 1, "export": 1, "sample": 0})

#: Credits that an operator may give at one time.
MOST = 1_000_000_000

#: Characters of the reason why credits were given.
NOTE_LENGTH = 500

#: Entries that are told of at one time.
MOST_ENTRIES = 1_000

_DEDUCTION = re.compile(r"ded_[0-9a-f]{20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an account has at this moment."""

    account: Account
    plan: Plan
    balance: int | None  #: None: its plan does not count credits, and everything is free
    monthly: int  #: of *balance*: what ends with the month
    ends_at: datetime  #: when the month does


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What an action would cost."""

    cost: int
    balance: int | None  #: as in `Standing`

    @property
    def sufficient(self) -> bool:
        """Say whether the account has as much."""
        return self.balance is None or self.balance >= self.cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What was taken."""

    id: str | None  #: of the deduction; None when nothing was taken
    cost: int
    balance: int | None  #: before
    remaining: int | None


class Credits:
    """
    What accounts have.

    *account* is an id or an e-mail address. The methods with a *connection* are a part of the
    caller's transaction, in which the account's credits stay locked until it ends: where such a
    transaction locks a quota's row too, that comes after.
    """

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def balance(self, *, account: str) -> Standing:
        """Return what the account has. Raises NotFound."""
        now = self._now()
        async with self._database.reading() as connection:
            owner, plan = await _owner(connection, account)
            held = await credits.find(connection, account_id=owner.id)
        if ledger.counts(plan) and ledger.is_due(held, plan=plan, period=clock.period(now)):
            async with self._database.transaction() as connection:
                book = await Ledger.opened(connection, account_id=owner.id, plan=plan, now=now)
            held = book.balance
        counted = held if ledger.counts(plan) else None
        return Standing(
            account=owner,
            plan=plan,
            balance=counted.balance if counted else None,
            monthly=counted.monthly if counted else 0,
            ends_at=clock.next_period(now),
        )

    async def check(self, *, account: str, action: str, image_count: int) -> Quote:
        """
        Return what *action* on so many images would cost, and take nothing.

        Raises BadOption for an unknown action, or a number of images below one; NotFound.
        """
        cost = price(action, image_count)
        standing = await self.balance(account=account)
        return Quote(cost=0 if standing.balance is None else cost, balance=standing.balance)

    async def deduct(
        self, *, account: str, action: str, image_count: int, actor: str | None = None
    ) -> Charge:
        """
        Take what *action* on so many images costs, for a run to come that redeems it (PO-99).

        It is taken at once, and stays taken when no such run comes. *actor* is the id of the key.
        Raises InsufficientCredits, and what `check` raises.
        """
        async with self._database.transaction() as connection:
            return await self.deduct_in(
                connection, account=account, action=action, image_count=image_count, actor=actor
            )

    async def deduct_in(  # noqa: PLR0913 - what a run is
        self,
        connection: AsyncConnection,
        *,
        account: str,
        action: str,
        image_count: int,
        subject: str | None = None,
        actor: str | None = None,
    ) -> Charge:
        """
        Take what the run *subject* costs, whose images may fail and `give_back_in`.

        Without *subject* it is for a run to come, as in `deduct`. Raises what that raises, and then
        nothing was taken.
        """
        cost = price(action, image_count)
        owner, plan = await _owner(connection, account)
        if not ledger.counts(plan):
            return Charge(id=None, cost=0, balance=None, remaining=None)
        now = self._now()
        book = await Ledger.opened(connection, account_id=owner.id, plan=plan, now=now)
        before = book.balance.balance
        if not cost:
            return _charge(book, id_=None, cost=0, before=before)
        deduction = Deduction(
            id=f"ded_{secrets.token_hex(10)}",
            account_id=owner.id,
            action=action,
            image_count=image_count,
            used_for=subject,
            period=book.balance.period,
            created_at=now,
        )
        await book.charge(deduction, needed=cost, actor=actor)
        return _charge(book, id_=deduction.id, cost=cost, before=before)

    async def redeem_in(  # noqa: PLR0913 - what a run is, and what has paid for it
        self,
        connection: AsyncConnection,
        *,
        deduction_id: str,
        account: str,
        action: str,
        image_count: int,
        subject: str,
        actor: str | None = None,
    ) -> Charge:
        """
        Pay for the run *subject* with what `deduct` has taken, exactly once.

        With fewer images than it was for, the rest comes back; with more, those are charged. The
        charge that is returned says what the whole run costs, and what this call did to the
        balance. Raises DeductionNotFound, DeductionUsed, and what `deduct` raises.
        """
        cost = price(action, image_count)
        book = await self._opened(connection, account)
        deduction = await _found(book, id_=deduction_id)
        if deduction.action != action:
            raise errors.DeductionNotFound
        if deduction.used_for is not None:
            raise errors.DeductionUsed
        needed = cost - price(action, deduction.image_count)
        before = book.balance.balance
        await book.redeem(
            deduction,
            image_count=image_count,
            needed=needed if ledger.counts(book.plan) else min(needed, 0),
            used_for=subject,
            actor=actor,
        )
        return _charge(book, id_=deduction.id, cost=cost, before=before)

    async def give_back_in(
        self,
        connection: AsyncConnection,
        *,
        account: str,
        deduction_id: str | None,
        subject: str,
        image_count: int = 1,
    ) -> int:
        """
        Give back what images that failed have cost (PO-93); return how many credits that was.

        That happens once for each *subject* of a deduction, whoever asks how often; then, and for a
        run without a deduction, it is 0. So it is for credits of a month that is over: they would
        have ended with it. Raises DeductionNotFound.
        """
        if deduction_id is None:
            return 0
        book = await self._opened(connection, account)
        deduction = await _found(book, id_=deduction_id)
        return await book.give_back(
            deduction,
            "failed",
            count=price(deduction.action, image_count),
            subject=subject,
            once=f"failed {deduction.id} {subject}",
        )

    async def grant(
        self,
        *,
        account: str,
        count: int,
        note: str = "",
        actor: str = "operator",
        once: str = "",
    ) -> Standing:
        """
        Give the account credits that do not end.

        A second time with the same *once*, a random text, changes nothing. Raises BadOption and
        NotFound.
        """
        _check_given(count, note)
        async with self._database.transaction() as connection:
            book = await self._opened(connection, account)
            await book.grant(count=count, note=note, actor=actor, once=_by_hand(book, once))
        return await self.balance(account=account)

    async def refund(  # noqa: PLR0913 - what is given back, to whom and why
        self,
        *,
        account: str,
        count: int,
        deduction_id: str | None = None,
        note: str = "",
        actor: str = "operator",
        once: str = "",
    ) -> Standing:
        """
        Give back credits that were used, as such that do not end (PO-101).

        With *deduction_id* at most what that has cost and was not given back; a deduction that no
        run has redeemed so far cannot be redeemed then. A second time with the same *once*, a
        random text, changes nothing. Raises BadOption, NotFound and DeductionNotFound.
        """
        _check_given(count, note)
        async with self._database.transaction() as connection:
            book = await self._opened(connection, account)
            deduction = None if deduction_id is None else await _found(book, id_=deduction_id)
            await book.refund(
                deduction, count=count, note=note, actor=actor, once=_by_hand(book, once)
            )
        return await self.balance(account=account)

    async def refundable(self, *, entries: Sequence[Entry]) -> Mapping[str, int]:
        """Return what of the deductions among *entries* has not come back, by their ids."""
        ids = [each.deduction_id for each in entries if each.deduction_id]
        async with self._database.reading() as connection:
            left = await credits.spent_each(connection, deduction_ids=ids)
        return {id_: count for id_, count in left.items() if count > 0}

    async def story(self, *, account: str, deduction_id: str) -> list[Entry]:
        """Return what was entered of a deduction, oldest first. Raises DeductionNotFound."""
        if not _DEDUCTION.fullmatch(deduction_id):
            raise errors.DeductionNotFound
        async with self._database.reading() as connection:
            owner, _ = await _owner(connection, account)
            story = await credits.story(connection, account_id=owner.id, deduction_id=deduction_id)
        if not story:
            raise errors.DeductionNotFound
        return story

    async def history(
        self, *, account: str, before: int | None = None, limit: int = 50
    ) -> list[Entry]:
        """
        Return what changed the account's credits, newest first.

        *before* is the number of the last entry that was told of. Raises NotFound.
        """
        standing = await self.balance(account=account)  # what is due belongs to it
        async with self._database.reading() as connection:
            return await credits.listed(
                connection,
                account_id=standing.account.id,
                before=before,
                limit=min(limit, MOST_ENTRIES),
            )

    async def _opened(self, connection: AsyncConnection, account: str) -> Ledger:
        owner, plan = await _owner(connection, account)
        return await Ledger.opened(connection, account_id=owner.id, plan=plan, now=self._now())


def price(action: str, image_count: int) -> int:
    """Return what *action* on so many images costs. Raises BadOption."""
    if action not in PRICES:
        raise errors.BadOption(f"The action must be one of {', '.join(PRICES)}.")
    if image_count < 1:
        raise errors.BadOption("The number of images must be a whole number from 1 on.")
    return PRICES[action] * image_count


def _charge(book: Ledger, *, id_: str | None, cost: int, before: int) -> Charge:
    counted = ledger.counts(book.plan)
    return Charge(
        id=id_,
        cost=cost,
        balance=before if counted else None,
        remaining=book.balance.balance if counted else None,
    )


def _check_given(count: int, note: str) -> None:
    if not 1 <= count <= MOST:
        raise errors.BadOption(f"The number of credits must be from 1 to {MOST:,}.")
    if len(note) > NOTE_LENGTH or not note.isprintable():
        raise errors.BadOption(
            f"The reason must have at most {NOTE_LENGTH} characters, in one line."
        )


def _by_hand(book: Ledger, once: str) -> str | None:
    """Return under which name something is entered that nobody shall enter twice."""
    return f"by hand {book.balance.account_id} {once}" if once else None


async def _owner(connection: AsyncConnection, account: str) -> tuple[Account, Plan]:
    owner = await accounts.find(connection, name=account)
    return owner, await plans.find(connection, name=owner.plan)


async def _found(book: Ledger, *, id_: str) -> Deduction:
    # What a caller sent may be anything, even what a database cannot compare.
    known = _DEDUCTION.fullmatch(id_)
    account_id = book.balance.account_id
    deduction = (
        await deductions.find(book.connection, id_=id_, account_id=account_id) if known else None
    )
    if deduction is None:
        raise errors.DeductionNotFound
    return deduction
