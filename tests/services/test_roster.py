"""The roster of accounts."""

import pytest

from pixmill import clock as clocks
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Keys
from pixmill.services.roster import PAGE_SIZE, Roster
from pixmill.stores import keys as key_rows
from pixmill.stores import usage
from pixmill.stores.db import Database
from services.desk import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
def roster(database: Database) -> Roster:
    return Roster(database=database)


async def found(roster: Roster, text: str) -> list[str]:
    return [member.account.email for member in (await roster.leaf(text=text)).members]


async def test_an_account_comes_with_its_use(
    roster: Roster, accounts: Accounts, database: Database
) -> None:
    made = await accounts.create(email="ada@example.com", plan="self-hosted")
    key = (await Keys(database=database).create(account=made.id)).key
    now = clocks.now()
    async with database.transaction() as connection:
        await key_rows.touch(connection, id_=key.id, now=now)
        rows = [
            usage.Usage(subject=made.id, period=period, requests=count)
            for period, count in ((clocks.period(now), 7), ("2020-01", 500))
        ]
        await usage.add(connection, rows)

    [member] = (await roster.leaf()).members

    assert member.account == made
    assert (member.requests, member.used_at, member.seen_at) == (7, now, None)


async def test_accounts_are_found_by_address_id_and_plan(
    roster: Roster, accounts: Accounts
) -> None:
    made = await accounts.create(email="ada_l%ove@example.com", plan="self-hosted")
    await accounts.create(email="adaxlxove@example.com", plan="optipic-free")

    assert await found(roster, " ADA_l%o ") == ["ada_l%ove@example.com"]
    assert await found(roster, made.id) == ["ada_l%ove@example.com"]
    assert await found(roster, "optipic-free") == ["adaxlxove@example.com"]
    assert len(await found(roster, "")) == len(await found(roster, "ove@")) == 2
    for nothing in ("%%", "x" * 300, "\0", "nobody"):
        assert await found(roster, nothing) == []


async def test_the_roster_is_told_in_pages(
    roster: Roster, accounts: Accounts, clock: Clock
) -> None:
    for number in range(PAGE_SIZE + 1):
        clock.advance(minutes=1)
        await accounts.create(email=f"{number}@example.com", plan="self-hosted")

    first, second, third = [await roster.leaf(page=page) for page in (1, 2, 3)]

    assert (len(first.members), first.more) == (PAGE_SIZE, True)
    assert (len(second.members), second.more) == (1, False)
    assert first.members[0].account.email == f"{PAGE_SIZE}@example.com"
    assert second.members[0].account.email == "0@example.com"
    assert not third.members
