"""Credits: what an account has, what it is charged, and what comes back."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.credits import Charge, Credits, price
from pixmill.services.plans import Plans
from pixmill.stores import credits as entries
from pixmill.stores.credits import Entry, Kind, credit_balances, credit_entries
from pixmill.stores.db import Database
from services import rush, spree
from services.desk import Clock

pytestmark = pytest.mark.anyio

FREE, STARTER, PRO = (f"picture-optimizer-{name}" for name in ("free", "starter", "pro"))
ADA = "ada@example.com"
JULY = datetime(2026, 7, 1, tzinfo=UTC)


@pytest.fixture
def credit(database: Database, clock: Clock) -> Credits:
    return Credits(database=database, now=clock)


@pytest.fixture
async def free(accounts: Accounts) -> str:
    """Give an account with 25 credits."""
    return (await accounts.create(email=ADA, plan=FREE)).id


@pytest.fixture
async def starter(accounts: Accounts) -> str:
    """Give an account with 1,000 credits a month."""
    return (await accounts.create(email=ADA, plan=STARTER)).id


async def has(credit: Credits, account: str) -> tuple[int | None, int]:
    """Return the balance, and what of it ends with the month."""
    standing = await credit.balance(account=account)
    return standing.balance, standing.monthly


async def kinds(credit: Credits, account: str) -> list[tuple[Kind, int]]:
    """Return the whole history, oldest first."""
    listed = await credit.history(account=account, limit=1000)
    return [(entry.kind, entry.amount) for entry in reversed(listed)]


async def begin(
    credit: Credits, database: Database, account: str, *, images: int, run: str = "run_1"
) -> Charge:
    """Charge a run that analyzes so many images."""
    async with database.transaction() as connection:
        return await credit.deduct_in(
            connection, account=account, action="analyze", image_count=images, subject=run
        )


async def redeem(
    credit: Credits,
    database: Database,
    account: str,
    deduction_id: str | None,
    *,
    images: int,
    action: str = "analyze",
) -> Charge:
    """Let a run use a deduction."""
    assert deduction_id is not None
    async with database.transaction() as connection:
        return await credit.redeem_in(
            connection,
            deduction_id=deduction_id,
            account=account,
            action=action,
            image_count=images,
            subject="run_2",
        )


async def fail(
    credit: Credits, database: Database, account: str, charge: Charge, subject: str
) -> int:
    """Let an image of a run fail; return what comes back."""
    async with database.transaction() as connection:
        return await credit.give_back_in(
            connection, account=account, deduction_id=charge.id, subject=subject
        )


async def test_a_new_account_has_the_credits_of_the_sign_up(credit: Credits, free: str) -> None:
    standing = await credit.balance(account=ADA)

    assert (standing.balance, standing.monthly, standing.ends_at) == (25, 0, JULY)
    assert standing.account.id == free
    assert standing.plan.name == FREE
    assert await has(credit, free) == (25, 0)
    assert await kinds(credit, free) == [("signup", 25)]


async def test_an_unknown_account_has_nothing_to_ask_for(credit: Credits) -> None:
    for ask in (credit.balance, credit.history):
        with pytest.raises(errors.NotFound):
            await ask(account="bob@example.com")


async def test_the_sign_up_happens_once_whatever_the_plans_are(
    credit: Credits, accounts: Accounts, plans: Plans, free: str
) -> None:
    await credit.balance(account=free)
    await plans.change(name=STARTER, changes={"signup_credits": 100})
    for plan in (STARTER, "self-hosted", FREE, STARTER):
        await accounts.set_plan(name=free, plan=plan)
        await credit.balance(account=free)

    assert await kinds(credit, free) == [("signup", 25), ("monthly", 1000)]


async def test_sign_up_credits_do_not_end(credit: Credits, free: str, clock: Clock) -> None:
    await credit.balance(account=free)
    clock.advance(days=365)

    assert await has(credit, free) == (25, 0)


async def test_what_is_left_of_a_month_ends_with_it(
    credit: Credits, starter: str, clock: Clock
) -> None:
    await credit.grant(account=starter, count=7)
    await credit.deduct(account=starter, action="analyze", image_count=300)
    assert await has(credit, starter) == (707, 700)

    clock.moment = JULY

    assert await has(credit, starter) == (1007, 1000)
    assert await kinds(credit, starter) == [
        ("monthly", 1000),
        ("grant", 7),
        ("deduct", -300),
        ("expired", -700),
        ("monthly", 1000),
    ]


async def test_a_month_in_which_nobody_asked_gives_nothing(
    credit: Credits, starter: str, clock: Clock
) -> None:
    await credit.balance(account=starter)
    clock.advance(days=100)

    assert await has(credit, starter) == (1000, 1000)
    assert [kind for kind, _ in await kinds(credit, starter)] == ["monthly", "expired", "monthly"]


async def test_monthly_credits_are_used_before_the_others(credit: Credits, starter: str) -> None:
    await credit.grant(account=starter, count=10)

    await credit.deduct(account=starter, action="export", image_count=999)
    assert await has(credit, starter) == (11, 1)
    await credit.deduct(account=starter, action="export", image_count=4)
    assert await has(credit, starter) == (7, 0)


async def test_a_larger_plan_gives_the_difference_once(
    credit: Credits, accounts: Accounts, starter: str, clock: Clock
) -> None:
    await credit.deduct(account=starter, action="analyze", image_count=1000)
    for plan in (PRO, STARTER, PRO, FREE, PRO):
        await accounts.set_plan(name=starter, plan=plan)
        await credit.balance(account=starter)

    assert await has(credit, starter) == (4025, 4000)
    clock.moment = JULY
    assert await has(credit, starter) == (5025, 5000)


async def test_a_clock_that_is_behind_gives_nothing_twice(
    credit: Credits, accounts: Accounts, starter: str, clock: Clock
) -> None:
    june = clock.moment
    clock.moment = JULY
    await credit.deduct(account=starter, action="analyze", image_count=1)

    clock.moment = june

    assert await has(credit, starter) == (999, 999)
    await accounts.set_plan(name=starter, plan=PRO)
    assert await has(credit, starter) == (4999, 4999)
    clock.moment = JULY
    assert await has(credit, starter) == (4999, 4999)


async def test_a_plan_without_credits_is_without_limit_and_writes_nothing(
    credit: Credits, database: Database, accounts: Accounts
) -> None:
    account = (await accounts.create(email=ADA, plan="self-hosted")).id

    charge = await begin(credit, database, account, images=1_000_000)

    assert charge == Charge(id=None, cost=0, balance=None, remaining=None)
    assert await fail(credit, database, account, charge, "img_1") == 0
    assert await has(credit, account) == (None, 0)
    quote = await credit.check(account=account, action="export", image_count=10**30)
    assert (quote.cost, quote.balance, quote.sufficient) == (0, None, True)
    async with database.reading() as connection:
        assert not (await connection.execute(sa.select(credit_balances))).all()


async def test_what_was_granted_without_counting_counts_later(
    credit: Credits, accounts: Accounts
) -> None:
    account = (await accounts.create(email=ADA, plan="self-hosted")).id
    assert (await credit.grant(account=account, count=5)).balance is None

    await accounts.set_plan(name=account, plan=FREE)

    assert await has(credit, account) == (30, 0)


async def test_a_deduction_says_what_it_did(credit: Credits, free: str) -> None:
    charge = await credit.deduct(account=free, action="export", image_count=5, actor="key_1")

    assert (charge.cost, charge.balance, charge.remaining) == (5, 25, 20)
    (entry, _) = await credit.history(account=free)
    assert (entry.kind, entry.amount, entry.balance) == ("deduct", -5, 20)
    assert (entry.action, entry.actor, entry.deduction_id) == ("export", "key_1", charge.id)


async def test_who_has_too_little_hears_how_much_and_loses_nothing(
    credit: Credits, free: str
) -> None:
    await credit.deduct(account=free, action="analyze", image_count=24)

    with pytest.raises(errors.InsufficientCredits) as caught:
        await credit.deduct(account=free, action="analyze", image_count=5)

    assert str(caught.value) == "Insufficient credits. You have 1 but need 5."
    assert (caught.value.balance, caught.value.needed) == (1, 5)
    assert await has(credit, free) == (1, 0)
    with pytest.raises(errors.InsufficientCredits):
        await credit.deduct(account=free, action="analyze", image_count=10**30)


async def test_samples_are_free(credit: Credits, free: str) -> None:
    charge = await credit.deduct(account=free, action="sample", image_count=5)

    assert charge == Charge(id=None, cost=0, balance=25, remaining=25)
    assert await kinds(credit, free) == [("signup", 25)]


async def test_to_check_takes_nothing(credit: Credits, free: str) -> None:
    enough = await credit.check(account=free, action="analyze", image_count=25)
    too_many = await credit.check(account=free, action="export", image_count=26)

    assert (enough.cost, enough.balance, enough.sufficient) == (25, 25, True)
    assert (too_many.cost, too_many.balance, too_many.sufficient) == (26, 25, False)
    assert await has(credit, free) == (25, 0)


@pytest.mark.parametrize(
    ("action", "images"), [("paint", 1), ("", 1), ("export", 0), ("export", -1)]
)
def test_a_price_is_of_something_that_can_be_done(action: str, images: int) -> None:
    with pytest.raises(errors.BadOption):
        price(action, images)


async def test_a_transaction_that_is_rolled_back_charges_nothing(
    credit: Credits, database: Database, free: str
) -> None:
    async def crash() -> None:
        async with database.transaction() as connection:
            await credit.deduct_in(
                connection, account=free, action="analyze", image_count=5, subject="run_1"
            )
            raise errors.StorageFull

    with pytest.raises(errors.StorageFull):
        await crash()

    assert await has(credit, free) == (25, 0)


async def test_an_image_that_failed_gives_its_credit_back_once(
    credit: Credits, database: Database, free: str
) -> None:
    charge = await begin(credit, database, free, images=3)

    assert [await fail(credit, database, free, charge, "img_1") for _ in range(3)] == [1, 0, 0]
    assert await fail(credit, database, free, charge, "img_2") == 1

    assert await has(credit, free) == (24, 0)
    (entry, *_) = await credit.history(account=free)
    assert (entry.kind, entry.subject, entry.deduction_id) == ("failed", "img_2", charge.id)


async def test_no_more_comes_back_than_was_taken(
    credit: Credits, database: Database, free: str
) -> None:
    charge = await begin(credit, database, free, images=2)

    back = [await fail(credit, database, free, charge, f"img_{number}") for number in range(4)]

    assert back == [1, 1, 0, 0]
    assert await has(credit, free) == (25, 0)


async def test_the_credits_that_were_taken_last_come_back_first(
    credit: Credits, database: Database, starter: str
) -> None:
    await credit.grant(account=starter, count=10)
    charge = await begin(credit, database, starter, images=1002)

    await fail(credit, database, starter, charge, "img_1")
    assert await has(credit, starter) == (9, 0)
    await fail(credit, database, starter, charge, "img_2")
    assert await has(credit, starter) == (10, 0)
    await fail(credit, database, starter, charge, "img_3")
    assert await has(credit, starter) == (11, 1)


async def test_credits_of_a_month_that_is_over_do_not_come_back(
    credit: Credits, database: Database, starter: str, clock: Clock
) -> None:
    await credit.grant(account=starter, count=1)
    charge = await begin(credit, database, starter, images=1001)
    clock.moment = JULY

    back = [await fail(credit, database, starter, charge, f"img_{number}") for number in range(3)]

    assert back == [1, 0, 0]  # the one that was granted
    assert await has(credit, starter) == (1001, 1000)


async def test_nobody_is_given_back_what_others_were_charged(
    credit: Credits, database: Database, accounts: Accounts, free: str
) -> None:
    other = (await accounts.create(email="bob@example.com", plan=FREE)).id
    charge = await begin(credit, database, free, images=3)

    with pytest.raises(errors.DeductionNotFound):
        await fail(credit, database, other, charge, "img_1")


async def test_a_deduction_pays_for_one_run(credit: Credits, database: Database, free: str) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=5)

    charge = await redeem(credit, database, free, paid.id, images=5)

    assert charge == Charge(id=paid.id, cost=5, balance=20, remaining=20)
    with pytest.raises(errors.DeductionUsed):
        await redeem(credit, database, free, paid.id, images=5)
    assert await fail(credit, database, free, charge, "img_1") == 1
    assert await has(credit, free) == (21, 0)


async def test_the_rest_of_a_deduction_comes_back(
    credit: Credits, database: Database, free: str
) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=5)

    charge = await redeem(credit, database, free, paid.id, images=2)

    assert charge == Charge(id=paid.id, cost=2, balance=20, remaining=23)
    assert await kinds(credit, free) == [("signup", 25), ("deduct", -5), ("unused", 3)]
    back = [await fail(credit, database, free, charge, f"img_{number}") for number in range(3)]
    assert back == [1, 1, 0]


async def test_images_beyond_a_deduction_are_charged(
    credit: Credits, database: Database, free: str
) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=5)

    charge = await redeem(credit, database, free, paid.id, images=7)

    assert charge == Charge(id=paid.id, cost=7, balance=20, remaining=18)
    back = [await fail(credit, database, free, charge, f"img_{number}") for number in range(8)]
    assert back == [1] * 7 + [0]


async def test_a_deduction_that_is_not_enough_can_be_redeemed_later(
    credit: Credits, database: Database, free: str
) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=20)

    with pytest.raises(errors.InsufficientCredits, match="You have 5 but need 6"):
        await redeem(credit, database, free, paid.id, images=26)

    await redeem(credit, database, free, paid.id, images=25)
    assert await has(credit, free) == (0, 0)


async def test_the_rest_of_a_month_that_is_over_does_not_come_back(
    credit: Credits, database: Database, starter: str, clock: Clock
) -> None:
    paid = await credit.deduct(account=starter, action="export", image_count=1000)
    clock.moment = JULY

    charge = await redeem(credit, database, starter, paid.id, images=1, action="export")

    assert charge.remaining == 1000
    assert await has(credit, starter) == (1000, 1000)


async def test_what_was_paid_is_redeemed_without_counting_too(
    credit: Credits, database: Database, accounts: Accounts, free: str
) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=20)
    await accounts.set_plan(name=free, plan="self-hosted")

    charge = await redeem(credit, database, free, paid.id, images=500)

    assert (charge.balance, charge.remaining) == (None, None)
    await accounts.set_plan(name=free, plan=FREE)
    assert await has(credit, free) == (5, 0)


@pytest.mark.parametrize("junk", ["", "ded_", "ded_1\0", "\ud800", f"ded_{'0' * 20}", "x" * 10_000])
async def test_a_deduction_that_there_is_not_is_not_found(
    credit: Credits, database: Database, free: str, junk: str
) -> None:
    with pytest.raises(errors.DeductionNotFound):
        await redeem(credit, database, free, junk, images=1)


async def test_a_deduction_is_its_owners_and_for_its_action(
    credit: Credits, database: Database, accounts: Accounts, free: str
) -> None:
    other = (await accounts.create(email="bob@example.com", plan=FREE)).id
    paid = await credit.deduct(account=free, action="analyze", image_count=1)

    with pytest.raises(errors.DeductionNotFound):
        await redeem(credit, database, other, paid.id, images=1)
    with pytest.raises(errors.DeductionNotFound):
        await redeem(credit, database, free, paid.id, images=1, action="export")


async def test_what_a_run_was_charged_pays_for_no_other(
    credit: Credits, database: Database, free: str
) -> None:
    charge = await begin(credit, database, free, images=1)

    with pytest.raises(errors.DeductionUsed):
        await redeem(credit, database, free, charge.id, images=1)


async def test_grants_are_kept(credit: Credits, free: str, clock: Clock) -> None:
    standing = await credit.grant(account=ADA, count=100, note="A present")

    assert standing.balance == 125
    clock.moment = JULY
    assert await has(credit, free) == (125, 0)
    (entry, _) = await credit.history(account=free)
    assert (entry.note, entry.actor) == ("A present", "operator")


@pytest.mark.parametrize("count", [0, -1, 10**9 + 1])
async def test_a_number_of_credits_that_cannot_be_is_refused(
    credit: Credits, free: str, count: int
) -> None:
    for give in (credit.grant, credit.refund):
        with pytest.raises(errors.BadOption):
            await give(account=free, count=count)


async def test_a_refund_is_no_more_than_what_it_is_of(
    credit: Credits, database: Database, free: str
) -> None:
    charge = await begin(credit, database, free, images=10)
    await fail(credit, database, free, charge, "img_1")

    with pytest.raises(errors.BadOption, match="At most 9 credits"):
        await credit.refund(account=free, count=10, deduction_id=charge.id)
    await credit.refund(account=free, count=8, deduction_id=charge.id)
    with pytest.raises(errors.BadOption, match="At most 1 "):
        await credit.refund(account=free, count=8, deduction_id=charge.id)

    assert await fail(credit, database, free, charge, "img_2") == 1
    assert await fail(credit, database, free, charge, "img_3") == 0
    assert await has(credit, free) == (25, 0)


async def test_a_refund_of_a_month_that_is_over_is_kept(
    credit: Credits, database: Database, starter: str, clock: Clock
) -> None:
    charge = await begin(credit, database, starter, images=10)
    clock.moment = JULY

    await credit.refund(account=starter, count=10, deduction_id=charge.id)

    assert await has(credit, starter) == (1010, 1000)


async def test_a_refunded_deduction_pays_for_nothing(
    credit: Credits, database: Database, free: str
) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=5)

    await credit.refund(account=free, count=5, deduction_id=paid.id)

    with pytest.raises(errors.DeductionUsed):
        await redeem(credit, database, free, paid.id, images=5)
    assert await has(credit, free) == (25, 0)


async def test_a_refund_without_a_deduction_is_the_operators_word(
    credit: Credits, free: str
) -> None:
    assert (await credit.refund(account=free, count=3)).balance == 28


async def test_what_is_asked_for_twice_is_given_once(credit: Credits, free: str) -> None:
    charge = await credit.deduct(account=free, action="analyze", image_count=9)

    answers = await asyncio.gather(
        *(credit.refund(account=free, count=9, deduction_id=charge.id, once="a") for _ in range(6)),
        *(credit.grant(account=free, count=100, once="b") for _ in range(6)),
    )

    assert len(answers) == 12
    assert await has(credit, free) == (125, 0)
    changes = [("signup", 25), ("deduct", -9), ("refund", 9), ("grant", 100)]
    assert sorted(await kinds(credit, free)) == sorted(changes)


async def test_the_story_of_a_deduction_says_what_is_left_of_it(
    credit: Credits, accounts: Accounts, database: Database, free: str
) -> None:
    charge = await begin(credit, database, free, images=5)
    await fail(credit, database, free, charge, "img_1")
    assert charge.id

    story = await credit.story(account=free, deduction_id=charge.id)
    history = await credit.history(account=free)

    assert [(entry.kind, entry.amount) for entry in story] == [("deduct", -5), ("failed", 1)]
    assert await credit.refundable(entries=history) == {charge.id: 4}
    await credit.refund(account=free, count=4, deduction_id=charge.id)
    assert await credit.refundable(entries=history) == {}
    other = await accounts.create(email="bob@example.com", plan=FREE)
    for account, id_ in ((other.id, charge.id), (free, "ded_0"), (free, "ded_" + "0" * 20)):
        with pytest.raises(errors.DeductionNotFound):
            await credit.story(account=account, deduction_id=id_)


@pytest.mark.parametrize("note", ["x" * 501, "two\nlines", "\0"])
async def test_a_reason_is_one_line(credit: Credits, free: str, note: str) -> None:
    with pytest.raises(errors.BadOption, match="The reason"):
        await credit.grant(account=free, count=1, note=note)


async def test_the_history_is_told_in_pages(credit: Credits, free: str) -> None:
    for count in range(1, 5):
        await credit.grant(account=free, count=count)

    first = await credit.history(account=free, limit=2)
    second = await credit.history(account=free, before=first[-1].number, limit=2)

    assert [(entry.number, entry.amount) for entry in first + second] == [
        (5, 4),
        (4, 3),
        (3, 2),
        (2, 1),
    ]
    assert [entry.balance for entry in first + second] == [35, 31, 28, 26]


async def test_the_database_itself_allows_no_grant_twice(
    credit: Credits, database: Database, free: str
) -> None:
    await credit.balance(account=free)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(credit_entries))).one()
    again = {**row._mapping, "number": 2}

    with pytest.raises(sa.exc.IntegrityError):
        async with database.transaction() as connection:
            await connection.execute(credit_entries.insert(), again)


@pytest.mark.parametrize(("amount", "monthly"), [(-26, 0), (-1, -1), (0, 26), (-25, 1)])
async def test_the_database_itself_lets_nothing_below_zero(
    credit: Credits, database: Database, free: str, amount: int, monthly: int
) -> None:
    await credit.balance(account=free)
    entry = Entry(account_id=free, kind="grant", amount=amount, monthly=monthly, created_at=JULY)
    values = {
        "balance": credit_balances.c.balance + amount,
        "monthly": credit_balances.c.monthly + monthly,
    }

    async with database.transaction() as connection:
        assert await entries.enter(connection, entry) is None
    with pytest.raises(sa.exc.IntegrityError):
        async with database.transaction() as connection:
            await connection.execute(credit_balances.update().values(values))
    assert await has(credit, free) == (25, 0)


async def test_many_who_ask_at_once_cannot_overspend(credit: Credits, free: str) -> None:
    asked = [credit.deduct(account=free, action="analyze", image_count=2) for _ in range(20)]
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)

    paid = [answer for answer in answers if isinstance(answer, Charge)]
    assert sum(charge.cost for charge in paid) == 24
    assert sorted(charge.remaining or 0 for charge in paid) == list(range(1, 25, 2))
    assert all(str(e).endswith("have 1 but need 2.") for e in answers if e not in paid)
    assert await has(credit, free) == (1, 0)


async def test_one_of_many_redeems_a_deduction(
    credit: Credits, database: Database, free: str
) -> None:
    paid = await credit.deduct(account=free, action="analyze", image_count=5)
    asked = [redeem(credit, database, free, paid.id, images=3) for _ in range(10)]
    answers: list[Any] = await asyncio.gather(*asked, return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["Charge"] + ["DeductionUsed"] * 9
    assert await has(credit, free) == (22, 0)


async def test_an_image_that_failed_for_many_at_once_gives_back_once(
    credit: Credits, database: Database, free: str
) -> None:
    charge = await begin(credit, database, free, images=5)

    back = await asyncio.gather(*(fail(credit, database, free, charge, "img_1") for _ in range(10)))

    assert sorted(back) == [0] * 9 + [1]


async def test_processes_together_spend_exactly_what_there_is(
    database_url: str, database: Database, accounts: Accounts
) -> None:
    names = [
        (await accounts.create(email=f"{number}@example.com", plan=FREE)).id for number in range(10)
    ]
    started = [rush.start(spree.spend, database_url, names, 20) for _ in range(2)]
    counts = [await asyncio.to_thread(answer.recv) for answer, _ in started]
    for _, process in started:
        process.join()

    assert sum(taken for taken, _ in counts) == 25 * len(names)
    assert sum(refused for _, refused in counts) == (2 * 20 - 25) * len(names)
    credit = Credits(database=database)
    for name in names:
        history = await credit.history(account=name, limit=1000)
        assert (history[0].balance, sum(entry.amount for entry in history)) == (0, 0)
        assert [entry.kind for entry in history].count("signup") == 1
