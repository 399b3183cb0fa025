"""Usage: what a month shows, and what it costs."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.plans import Plans
from pixmill.services.quotas import Quotas
from pixmill.services.usage import MonthUsage, Usage, overage_cost
from pixmill.stores.plans import Tier, shipped
from services.desk import Clock, Desk

COUNTS = st.integers(0, 10**7)
OPTIPIC = shipped()["optipic-payg"]


@st.composite
def tiers(draw: st.DrawFn) -> tuple[Tier, ...]:
    """Draw prices with growing bounds, the last without one."""
    bounds = sorted(draw(st.sets(st.integers(1, 10**6), max_size=4)))
    return tuple(
        Tier(up_to=bound, price_microusd=draw(st.integers(0, 10**6))) for bound in [*bounds, None]
    )


def optipic_cost(requests: int) -> int:
    return overage_cost(requests=requests, included=OPTIPIC.monthly_requests, tiers=OPTIPIC.overage)


@pytest.mark.parametrize(
    ("requests", "microusd"),
    [
        (0, 0),
        (500, 0),
        (501, 9_000),
        (10_000, 85_500_000),
        (10_001, 85_502_000),
        (12_000, 89_500_000),  # the example of OP-87
    ],
)
def test_optipic_s_prices(requests: int, microusd: int) -> None:
    assert optipic_cost(requests) == microusd


@given(requests=COUNTS)
def test_the_cost_is_that_of_op_87(requests: int) -> None:
    formula = max(0, min(requests, 10_000) - 500) * 9_000 + max(0, requests - 10_000) * 2_000

    assert optipic_cost(requests) == formula


@given(requests=COUNTS, included=COUNTS, tiers=tiers())
def test_one_more_request_costs_the_price_of_its_tier(
    requests: int, included: int, tiers: tuple[Tier, ...]
) -> None:
    before = overage_cost(requests=requests, included=included, tiers=tiers)
    after = overage_cost(requests=requests + 1, included=included, tiers=tiers)

    tier = next(tier for tier in tiers if tier.up_to is None or requests + 1 <= tier.up_to)
    assert after - before == (tier.price_microusd if requests + 1 > included else 0)


@given(requests=COUNTS, included=st.none() | COUNTS)
def test_without_prices_or_without_a_limit_nothing_is_owed(
    requests: int, included: int | None
) -> None:
    assert overage_cost(requests=requests, included=included, tiers=()) == 0
    assert overage_cost(requests=requests, included=None, tiers=OPTIPIC.overage) == 0


@pytest.mark.anyio
async def test_a_month_without_requests(usage: Usage, desk: Desk) -> None:
    month = await usage.month(caller=await desk.caller("optipic-free"))

    assert month == MonthUsage(
        period="2026-06",
        requests=0,
        bytes_in=0,
        bytes_out=0,
        limit=500,
        remaining=500,
        overage_requests=0,
        overage_cost_microusd=0,
        reset_at=datetime(2026, 7, 1, tzinfo=UTC),
    )


@pytest.mark.anyio
async def test_settled_requests_are_shown_and_others_are_not(
    usage: Usage, quotas: Quotas, desk: Desk
) -> None:
    caller = await desk.caller("optipic-free")
    await desk.use(caller, 3)

    async with quotas.reserve(caller=caller):
        month = await usage.month(caller=caller)

    assert (month.requests, month.remaining) == (3, 497)
    assert (month.bytes_in, month.bytes_out, month.bytes_saved) == (3_000, 1_800, 1_200)


@pytest.mark.anyio
async def test_pay_as_you_go_shows_what_is_owed(usage: Usage, plans: Plans, desk: Desk) -> None:
    await plans.change(name="optipic-payg", changes={"monthly_requests": 2})
    caller = await desk.caller("optipic-payg")

    await desk.use(caller, 5)

    month = await usage.month(caller=await desk.again(caller))
    assert (month.requests, month.limit, month.remaining) == (5, 2, 0)
    assert (month.overage_requests, month.overage_cost_microusd) == (3, 27_000)


@pytest.mark.anyio
async def test_a_free_plan_never_owes(usage: Usage, accounts: Accounts, desk: Desk) -> None:
    caller = await desk.caller("self-hosted")
    await desk.use(caller, 26)
    await accounts.set_plan(name=caller.account.id, plan="picture-optimizer-free")

    month = await usage.month(caller=await desk.again(caller))

    assert (month.requests, month.limit, month.remaining) == (26, 25, 0)
    assert (month.overage_requests, month.overage_cost_microusd) == (0, 0)


@pytest.mark.anyio
async def test_without_a_limit_any_number_remains(usage: Usage, desk: Desk) -> None:
    caller = await desk.caller("self-hosted")
    await desk.use(caller)

    month = await usage.month(caller=caller)

    assert (month.requests, month.limit, month.remaining) == (1, None, None)


@pytest.mark.anyio
async def test_a_month_is_a_key_s_or_an_account_s(
    usage: Usage, accounts: Accounts, desk: Desk
) -> None:
    account = await accounts.create(email="ada@example.com", plan="octosqueeze-free")
    one = await desk.caller("octosqueeze-free", account=account.id)
    two = await desk.caller("octosqueeze-free", account=account.id)
    await desk.use(one, 2)
    await desk.use(two, 3)

    mine = await usage.month(caller=one)
    ours = await usage.month(caller=one, per="account")

    assert (mine.requests, mine.bytes_in, mine.remaining) == (2, 2_000, 495)
    assert (ours.requests, ours.bytes_in, ours.remaining) == (5, 5_000, 495)


@pytest.mark.anyio
async def test_a_new_month_is_empty_and_the_old_one_is_kept(
    usage: Usage, desk: Desk, clock: Clock
) -> None:
    caller = await desk.caller("optipic-free")
    await desk.use(caller)
    clock.advance(days=20)
    await desk.use(caller, 2)

    assert (await usage.month(caller=caller)).requests == 2
    (june,) = await usage.report(period="2026-06")
    (july,) = await usage.report()
    assert (june.used.requests, july.used.requests) == (1, 2)


@pytest.mark.anyio
async def test_the_report_has_one_line_for_each_key_that_was_used(
    usage: Usage, accounts: Accounts, desk: Desk, clock: Clock
) -> None:
    ada = await accounts.create(email="ada@example.com", plan="octosqueeze-free")
    clock.advance(seconds=1)
    one = await desk.caller("octosqueeze-free", account=ada.id)
    await desk.caller("octosqueeze-free", account=ada.id)
    clock.advance(seconds=1)
    other = await desk.caller("self-hosted")
    await desk.use(other)
    await desk.use(one, 2)

    everybody = await usage.report()
    hers = await usage.report(account="ada@example.com")

    assert [(line.account.id, line.key.id, line.used.requests) for line in everybody] == [
        (ada.id, one.key.id, 2),
        (other.account.id, other.key.id, 1),
    ]
    assert hers == everybody[:1]


@pytest.mark.anyio
@pytest.mark.parametrize("period", ["2026-13", "2026-6", "June", "2026-06-01"])
async def test_a_period_is_a_month(usage: Usage, period: str) -> None:
    with pytest.raises(errors.BadOption, match="2026-06"):
        await usage.report(period=period)


@pytest.mark.anyio
async def test_the_report_of_nobody_is_not_found(usage: Usage) -> None:
    with pytest.raises(errors.NotFound):
        await usage.report(account="bob")


@pytest.mark.anyio
async def test_the_month_of_an_account_has_what_its_plan_includes(
    usage: Usage, accounts: Accounts, desk: Desk
) -> None:
    account = await accounts.create(email="ada@example.com", plan="octosqueeze-free")
    one = await desk.caller("octosqueeze-free", account=account.id)
    other = await desk.caller("optipic-free", account=account.id)
    await desk.use(one, 3)
    await desk.use(other, 2)

    month = await usage.account(account_id=account.id)

    assert month.used.requests == 5
    assert (month.of(one.key.id).requests, month.of(other.key.id).requests) == (3, 2)
    assert month.of("key_x").requests == 0
    told = {each.key.id if each.key else "": (each.used, each.limit) for each in month.allowances}
    # Of the account, of the key that is compared with the account, and of the one with its own.
    assert told == {"": (5, 500), one.key.id: (5, 500), other.key.id: (2, 500)}
    assert month.allowances[0].key is None


@pytest.mark.anyio
async def test_the_month_of_an_account_says_what_each_key_owes(
    usage: Usage, accounts: Accounts, plans: Plans, desk: Desk
) -> None:
    """OP-83, OP-84: each key has an allowance of its own."""
    await plans.change(name="optipic-payg", changes={"monthly_requests": 2})
    account = await accounts.create(email="ada@example.com", plan="optipic-payg")
    busy = await desk.caller("optipic-payg", account=account.id)
    idle = await desk.caller("optipic-payg", account=account.id)
    await desk.use(busy, 3)

    month = await usage.account(account_id=account.id)

    owed = {
        each.key.id: (each.overage_requests, each.overage_cost_microusd)
        for each in month.allowances
        if each.key
    }
    assert owed == {busy.key.id: (1, 9_000), idle.key.id: (0, 0)}
    assert len(month.allowances) == 2


@pytest.mark.anyio
async def test_the_month_of_nobody_is_not_found(usage: Usage) -> None:
    with pytest.raises(errors.NotFound):
        await usage.account(account_id="acc_x")
