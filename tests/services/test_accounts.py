"""Accounts."""

import asyncio
import re

import pytest

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Keys

pytestmark = pytest.mark.anyio


async def test_an_account_is_found_by_id_and_by_address(accounts: Accounts) -> None:
    made = await accounts.create(email="Ada@Example.com", plan="optipic-free")

    assert made.email == "ada@example.com"
    assert re.fullmatch(r"acc_[0-9a-f]{20}", made.id)
    assert await accounts.find(name=made.id) == made
    assert await accounts.find(name="ADA@example.com") == made
    assert await accounts.all() == [made]


async def test_nobody_is_not_found(accounts: Accounts) -> None:
    with pytest.raises(errors.NotFound, match=r"no account ada@example\.com"):
        await accounts.find(name="ada@example.com")


async def test_one_address_has_one_account(accounts: Accounts) -> None:
    await accounts.create(email="ada@example.com", plan="self-hosted")

    with pytest.raises(errors.Conflict):
        await accounts.create(email="ADA@example.com", plan="self-hosted")
    assert len(await accounts.all()) == 1


async def test_of_many_at_once_one_gets_the_address(accounts: Accounts) -> None:
    answers = await asyncio.gather(
        *(accounts.create(email="ada@example.com", plan="self-hosted") for _ in range(8)),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.Conflict) for answer in answers) == 7
    assert len(await accounts.all()) == 1


@pytest.mark.parametrize("email", ["", "ada", "@example.com", "ada@", "a b@c", "a@b@c", "x" * 300])
async def test_what_cannot_be_an_address_is_refused(accounts: Accounts, email: str) -> None:
    with pytest.raises(errors.BadOption):
        await accounts.create(email=email, plan="self-hosted")


async def test_an_unknown_plan_is_refused(accounts: Accounts) -> None:
    with pytest.raises(errors.NotFound, match="no plan gold"):
        await accounts.create(email="ada@example.com", plan="gold")
    assert await accounts.all() == []


async def test_an_account_changes_its_plan_and_its_keys_with_it(
    accounts: Accounts, keys: Keys
) -> None:
    account = await accounts.create(email="ada@example.com", plan="optipic-free")
    made = await keys.create(account=account.id)

    changed = await accounts.set_plan(name="ada@example.com", plan="optipic-payg")

    assert changed.plan == "optipic-payg"
    caller = await keys.authenticate(presented=made.secret)
    assert caller.plan.name == "optipic-payg"
    with pytest.raises(errors.NotFound, match="no plan gold"):
        await accounts.set_plan(name=account.id, plan="gold")
    with pytest.raises(errors.NotFound, match="no account bob"):
        await accounts.set_plan(name="bob", plan="optipic-payg")


async def test_the_keys_of_a_disabled_account_do_not_work_until_it_is_enabled(
    accounts: Accounts, keys: Keys
) -> None:
    made = await keys.create()

    disabled = await accounts.disable(name=made.key.account_id)

    assert disabled.disabled_at is not None
    with pytest.raises(errors.BadKey):
        await keys.authenticate(presented=made.secret)

    enabled = await accounts.enable(name=made.key.account_id)
    assert enabled.disabled_at is None
    assert (await keys.authenticate(presented=made.secret)).account == enabled


async def test_of_two_last_operators_at_once_one_stays(accounts: Accounts) -> None:
    names = [f"a{number}@x.org" for number in range(4)]
    for name in names:
        await accounts.create(email=name, plan="self-hosted", operator=True)

    answers = await asyncio.gather(
        *(accounts.set_operator(name=name, on=False) for name in names[::2]),
        *(accounts.disable(name=name) for name in names[1::2]),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, errors.Conflict) for answer in answers) == 1
    left = [account for account in await accounts.all() if account.operator]
    assert sum(account.disabled_at is None for account in left) == 1


async def test_a_disabled_operator_is_none_to_count_on(accounts: Accounts) -> None:
    for name in ("ada@x.org", "bob@x.org"):
        await accounts.create(email=name, plan="self-hosted", operator=True)
    await accounts.disable(name="ada@x.org")

    with pytest.raises(errors.Conflict, match="last operator"):
        await accounts.set_operator(name="bob@x.org", on=False)
    with pytest.raises(errors.NotFound):
        await accounts.set_operator(name="eve@x.org", on=True)
    await accounts.set_operator(name="ada@x.org", on=False)
