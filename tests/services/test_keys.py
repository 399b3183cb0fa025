"""Keys."""

import asyncio
import hashlib
import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Keys
from pixmill.services.plans import Plans
from pixmill.stores import keys as key_rows
from pixmill.stores import plans as plan_rows
from pixmill.stores.db import Database
from services.desk import Clock, Desk

pytestmark = pytest.mark.anyio


async def test_without_an_account_a_key_gets_a_new_one(accounts: Accounts, keys: Keys) -> None:
    made = await keys.create()

    (account,) = await accounts.all()
    assert re.fullmatch(r"local-[0-9a-f]{8}@localhost", account.email)
    assert account.plan == "self-hosted"
    assert made.key.account_id == account.id
    assert made.key.plan is None


@pytest.mark.parametrize(
    "plan",
    [plan for plan in plan_rows.shipped().values() if plan.max_keys != 0],
    ids=lambda plan: plan.name,
)
async def test_a_key_looks_as_its_plan_says(keys: Keys, plan: plan_rows.Plan) -> None:
    made = await keys.create(plan=plan.name)

    pattern = rf"{plan.key_prefix}[A-Za-z0-9]{{{plan.key_length}}}"
    assert re.fullmatch(pattern, made.secret)
    assert made.key.display_prefix == made.secret[: len(plan.key_prefix) + 4]
    caller = await keys.authenticate(presented=made.secret)
    assert caller.plan == plan
    assert caller.key.id == made.key.id
    assert caller.used == 0


async def test_no_two_keys_are_alike(keys: Keys) -> None:
    made = [await keys.create() for _ in range(5)]

    assert len({new.secret for new in made}) == 5
    assert len({new.key.id for new in made}) == 5


async def test_the_database_holds_the_digest_and_never_the_key(
    keys: Keys, database: Database
) -> None:
    made = await keys.create(name="laptop")

    async with database.reading() as connection:
        row = (await connection.execute(sa.text("SELECT * FROM keys"))).one()
    assert row.digest == hashlib.sha256(made.secret.encode()).hexdigest()
    assert made.secret not in str(row)
    assert made.secret not in repr(made)
    assert row.digest not in repr(made)


async def test_a_key_may_have_another_plan_than_its_account(accounts: Accounts, keys: Keys) -> None:
    await accounts.create(email="ada@example.com", plan="optipic-free")

    made = await keys.create(account="ada@example.com", plan="smolpix-agency", name="blog")

    assert made.secret.startswith("pk_live_")
    caller = await keys.authenticate(presented=made.secret)
    assert caller.plan.name == "smolpix-agency"
    assert caller.account.plan == "optipic-free"
    assert caller.key.name == "blog"


async def test_an_unknown_account_or_plan_makes_no_key(accounts: Accounts, keys: Keys) -> None:
    with pytest.raises(errors.NotFound, match="no account bob"):
        await keys.create(account="bob")
    with pytest.raises(errors.NotFound, match="no plan gold"):
        await keys.create(plan="gold")

    assert await keys.all() == []
    assert await accounts.all() == []


@pytest.mark.parametrize(
    "presented",
    [
        None,
        "",
        "pxm_short",
        "pxm_" + "a" * 43,
        "pxm_" + "a" * 5_000,
        "pxm_" + "ä" * 43,
        "pxm_" + "a" * 42 + "\n",
        "' OR 1=1 --aaaaaaaaaaaaaaaaaaa",
        "\ud800" * 20,
    ],
    ids=ascii,
)
async def test_what_is_no_key_is_refused(keys: Keys, presented: str | None) -> None:
    await keys.create()

    with pytest.raises(errors.BadKey):
        await keys.authenticate(presented=presented)


async def test_a_key_with_anything_around_it_is_refused(keys: Keys) -> None:
    made = await keys.create()

    for wrong in (made.secret + "a", made.secret[:-1], made.secret.swapcase(), f" {made.secret}"):
        with pytest.raises(errors.BadKey):
            await keys.authenticate(presented=wrong)


async def test_a_revoked_key_stops_at_once_and_for_good(keys: Keys, clock: Clock) -> None:
    made = await keys.create()
    other = await keys.create()
    await keys.authenticate(presented=made.secret)

    revoked = await keys.revoke(id_=made.key.id)

    with pytest.raises(errors.BadKey):
        await keys.authenticate(presented=made.secret)
    await keys.authenticate(presented=other.secret)
    clock.advance(days=1)
    assert (await keys.revoke(id_=made.key.id)).revoked_at == revoked.revoked_at
    with pytest.raises(errors.NotFound, match="no key key_x"):
        await keys.revoke(id_="key_x")


async def test_a_key_is_switched_off_and_on(keys: Keys) -> None:
    """PO-7, PO-12: whoever asks hears that, and it is no key for whoever does not look closely."""
    made = await keys.create()
    off = await keys.switch(id_=made.key.id, on=False)

    with pytest.raises(errors.KeyInactive):
        await keys.authenticate(presented=made.secret)
    on = await keys.switch(id_=made.key.id, on=True)
    await keys.authenticate(presented=made.secret)
    assert off.disabled_at is not None
    assert on.disabled_at is None
    assert issubclass(errors.KeyInactive, errors.BadKey)
    with pytest.raises(errors.NotFound, match="no key key_x"):
        await keys.switch(id_="key_x", on=True)


async def test_a_revoked_key_is_not_switched_on(keys: Keys) -> None:
    made = await keys.create()
    await keys.switch(id_=made.key.id, on=False)
    revoked = await keys.revoke(id_=made.key.id)

    for on in (False, True):
        with pytest.raises(errors.Conflict, match="revoked, and stays so"):
            await keys.switch(id_=made.key.id, on=on)
        with pytest.raises(errors.BadKey) as refusal:
            await keys.authenticate(presented=made.secret)
        assert type(refusal.value) is errors.BadKey
    assert await keys.all() == [revoked]


async def test_an_expired_key_does_not_work(keys: Keys, clock: Clock) -> None:
    made = await keys.create(lifetime=timedelta(days=2))

    clock.advance(days=1)
    await keys.authenticate(presented=made.secret)
    clock.advance(days=1)
    with pytest.raises(errors.BadKey):
        await keys.authenticate(presented=made.secret)


async def test_the_last_use_is_written_once_a_minute(keys: Keys, desk: Desk, clock: Clock) -> None:
    caller = await desk.caller("self-hosted")
    first = clock.moment

    async def last_used_after(seconds: int) -> object:
        clock.advance(seconds=seconds)
        await desk.use(await desk.again(caller))
        (key,) = await keys.all()
        return key.last_used_at

    assert await last_used_after(0) == first
    assert await last_used_after(59) == first
    assert await last_used_after(1) == first + timedelta(seconds=60)


async def test_a_key_is_recognized_while_the_database_can_only_be_read(
    keys: Keys, database: Database
) -> None:
    made = await keys.create()

    async with database.transaction() as connection:
        await connection.execute(sa.update(key_rows.keys).values(name="locked"))
        caller = await keys.authenticate(presented=made.secret)

    assert caller.key.id == made.key.id


async def test_a_refused_key_was_not_used(keys: Keys) -> None:
    made = await keys.create()
    await keys.revoke(id_=made.key.id)

    with pytest.raises(errors.BadKey):
        await keys.authenticate(presented=made.secret)
    (key,) = await keys.all()
    assert key.last_used_at is None


async def test_keys_are_listed_per_account(keys: Keys, clock: Clock) -> None:
    mine = await keys.create()
    clock.advance(seconds=1)
    more = await keys.create(account=mine.key.account_id)
    clock.advance(seconds=1)
    other = await keys.create()

    assert await keys.all(account=mine.key.account_id) == [mine.key, more.key]
    assert await keys.all() == [mine.key, more.key, other.key]
    with pytest.raises(errors.NotFound):
        await keys.all(account="bob")


async def test_working_keys_are_limited_by_the_plan(
    accounts: Accounts, keys: Keys, clock: Clock
) -> None:
    account = await accounts.create(email="ada@example.com", plan="optimagio-starter")
    first = await keys.create(account=account.id)
    await keys.create(account=account.id)
    await keys.create(account=account.id, lifetime=timedelta(days=1))

    with pytest.raises(errors.KeyLimitReached):
        await keys.create(account=account.id)

    await keys.revoke(id_=first.key.id)
    await keys.create(account=account.id)
    with pytest.raises(errors.KeyLimitReached):
        await keys.create(account=account.id)
    clock.advance(days=1)
    await keys.create(account=account.id)


async def test_of_many_made_at_once_only_as_many_keys_as_allowed_exist(
    accounts: Accounts, keys: Keys
) -> None:
    account = await accounts.create(email="ada@example.com", plan="optimagio-starter")

    answers = await asyncio.gather(
        *(keys.create(account=account.id) for _ in range(12)), return_exceptions=True
    )

    assert sum(isinstance(answer, errors.KeyLimitReached) for answer in answers) == 9
    assert len(await keys.all()) == 3


async def test_a_caller_s_use_is_counted_as_the_plan_says(desk: Desk, accounts: Accounts) -> None:
    account = await accounts.create(email="ada@example.com", plan="octosqueeze-free")
    one = await desk.caller("octosqueeze-free", account=account.id)
    two = await desk.caller("octosqueeze-free", account=account.id)
    alone = await desk.caller("optipic-free", account=account.id)

    await desk.use(one, 2)
    await desk.use(alone, 3)

    # OctoSqueeze counts the account's requests, whichever key and plan they were made with;
    # OptiPic counts the key's (OP-60).
    assert (await desk.again(one)).used == 5
    assert (await desk.again(two)).used == 5
    assert (await desk.again(alone)).used == 3
    assert (one.subject, alone.subject) == (account.id, alone.key.id)


async def test_a_new_month_begins_with_nothing_used(desk: Desk, clock: Clock) -> None:
    caller = await desk.caller("optipic-free")
    await desk.use(caller)

    clock.advance(days=16)

    assert (await desk.again(caller)).used == 0


async def test_a_change_of_a_plan_holds_from_the_next_request_on(desk: Desk, plans: Plans) -> None:
    caller = await desk.caller("optipic-free")

    await plans.change(name="optipic-free", changes={"monthly_requests": 7})

    assert (await desk.again(caller)).plan.monthly_requests == 7


@pytest.mark.parametrize(
    "lifetime", [timedelta(), timedelta(days=-1), timedelta(days=40_000)], ids=str
)
async def test_a_key_works_for_some_time(keys: Keys, lifetime: timedelta) -> None:
    with pytest.raises(errors.BadOption):
        await keys.create(lifetime=lifetime)

    assert await keys.all() == []


async def test_a_name_is_one_line(keys: Keys) -> None:
    for name in ("a" * 101, "two\nlines", "\x1b[31m"):
        with pytest.raises(errors.BadOption):
            await keys.create(name=name)

    made = await keys.create(name="  Grüße aus dem Laden ")
    assert made.key.name == "Grüße aus dem Laden"
    assert (await keys.rename(id_=made.key.id, name="shop")).name == "shop"
    with pytest.raises(errors.BadOption):
        await keys.rename(id_=made.key.id, name="two\nlines")


async def test_a_deleted_key_is_gone_for_good(accounts: Accounts, keys: Keys) -> None:
    await accounts.create(email="ada@example.com", plan="optimagio-free")
    made = await keys.create(account="ada@example.com")

    await keys.delete(id_=made.key.id, account_id=made.key.account_id)

    with pytest.raises(errors.BadKey):
        await keys.authenticate(presented=made.secret)
    assert await keys.all() == []
    for change in (
        keys.switch(id_=made.key.id, on=True),
        keys.rename(id_=made.key.id, name="b"),
        keys.delete(id_=made.key.id),
    ):
        with pytest.raises(errors.NotFound):
            await change
    await keys.create(account="ada@example.com")  # its place is free again


async def test_nobody_changes_a_key_of_somebody_else(keys: Keys) -> None:
    made, other = await keys.create(), await keys.create()
    id_, stranger = made.key.id, other.key.account_id

    for change in (
        keys.revoke(id_=id_, account_id=stranger),
        keys.switch(id_=id_, on=False, account_id=stranger),
        keys.rename(id_=id_, name="mine", account_id=stranger),
        keys.delete(id_=id_, account_id=stranger),
    ):
        with pytest.raises(errors.NotFound):
            await change
    assert (await keys.authenticate(presented=made.secret)).key == made.key


async def test_an_account_is_a_caller_in_a_browser_too(
    accounts: Accounts, keys: Keys, desk: Desk
) -> None:
    ada = await accounts.create(email="ada@example.com", plan="octosqueeze-free")

    callers = await asyncio.gather(*(keys.website(account_id=ada.id) for _ in range(5)))

    [first, *others] = callers
    assert others == [first] * 4
    assert (first.account, first.plan.name, first.subject) == (ada, "octosqueeze-free", ada.id)
    assert (first.key.kind, first.key.label) == ("website", "Website")
    await desk.use(first, 3)
    assert (await keys.website(account_id=ada.id)).used == 3
    await accounts.set_plan(name=ada.id, plan="optipic-free")
    assert (await keys.website(account_id=ada.id)).plan.name == "optipic-free"


async def test_the_key_for_the_browser_is_nobody_s_to_use_or_change(
    accounts: Accounts, keys: Keys
) -> None:
    ada = await accounts.create(email="ada@example.com", plan="optimagio-free")
    website = await keys.website(account_id=ada.id)
    id_ = website.key.id

    for presented in (id_, website.key.digest, "", website.key.name):
        with pytest.raises(errors.BadKey):
            await keys.authenticate(presented=presented)
    for change in (
        keys.revoke(id_=id_),
        keys.switch(id_=id_, on=False),
        keys.rename(id_=id_, name="b"),
        keys.delete(id_=id_),
    ):
        with pytest.raises(errors.NotFound):
            await change
    assert await keys.all() == []
    await keys.create(account=ada.id)  # the one that the plan allows


async def test_who_is_not_there_or_disabled_is_no_caller(accounts: Accounts, keys: Keys) -> None:
    ada = await accounts.create(email="ada@example.com", plan="optimagio-free")
    await accounts.disable(name=ada.id)

    with pytest.raises(errors.BadKey):
        await keys.website(account_id=ada.id)
    with pytest.raises(errors.NotFound):
        await keys.website(account_id="acc_nobody")


async def test_a_switched_off_key_leaves_its_place_to_another(
    accounts: Accounts, keys: Keys
) -> None:
    """SM-8: what counts are active keys, and no more of them work at once than may."""
    account = await accounts.create(email="ada@example.com", plan="picture-optimizer-free")
    first = await keys.create(account=account.id)
    assert (await keys.room(account_id=account.id)).full
    await keys.switch(id_=first.key.id, on=False)
    assert (await keys.room(account_id=account.id)).active == 0
    second = await keys.create(account=account.id)

    with pytest.raises(errors.KeyLimitReached):
        await keys.switch(id_=first.key.id, on=True)

    with pytest.raises(errors.KeyInactive):
        await keys.authenticate(presented=first.secret)
    await keys.delete(id_=second.key.id)
    await keys.switch(id_=first.key.id, on=True)
    await keys.authenticate(presented=first.secret)


async def test_of_many_switched_on_at_once_only_as_many_keys_as_allowed_work(
    accounts: Accounts, keys: Keys
) -> None:
    account = await accounts.create(email="ada@example.com", plan="smolpix-pro")
    made = []
    for _ in range(8):
        made.append(await keys.create(account=account.id))
        await keys.switch(id_=made[-1].key.id, on=False)

    answers = await asyncio.gather(
        *(keys.switch(id_=new.key.id, on=True) for new in made), return_exceptions=True
    )

    assert sum(isinstance(answer, errors.KeyLimitReached) for answer in answers) == 3
    assert (await keys.room(account_id=account.id)).active == 5


async def test_an_owner_may_not_choose_a_plan_with_more(accounts: Accounts, keys: Keys) -> None:
    account = await accounts.create(email="ada@example.com", plan="octosqueeze-free")

    for plan in ("self-hosted", "octosqueeze-unlimited", "guest", "gold"):
        with pytest.raises(errors.Refused, match="the account's own plan"):
            await keys.create(account=account.id, plan=plan, by_owner=True)

    made = await keys.create(account=account.id, plan="octosqueeze-free", by_owner=True)
    assert made.key.plan is None  # it follows the account to its next plan
    room = await keys.room(account_id=account.id)
    assert [plan.name for plan in room.choices] == ["octosqueeze-free"]


async def test_an_operator_and_who_has_no_limits_may_choose_any_plan(
    accounts: Accounts, keys: Keys
) -> None:
    free = await accounts.create(email="ada@example.com", plan="self-hosted")
    runs = await accounts.create(email="bob@example.com", plan="octosqueeze-free", operator=True)

    for account in (free, runs):
        made = await keys.create(account=account.id, plan="smolpix-agency", by_owner=True)
        assert (await keys.authenticate(presented=made.secret)).plan.name == "smolpix-agency"
        with pytest.raises(errors.Refused):
            await keys.create(account=account.id, plan="guest", by_owner=True)
        choices = [plan.name for plan in (await keys.room(account_id=account.id)).choices]
        assert choices[0] == account.plan
        assert sorted(choices) == sorted(set(plan_rows.shipped()) - {"guest"})


def test_only_a_plan_without_any_limit_is_without_limits() -> None:
    unlimited = [plan.name for plan in plan_rows.shipped().values() if plan.unlimited]

    assert unlimited == ["self-hosted"]
