"""What a visitor's account has, set and read past the pages."""

from datetime import date

from pixmill import clock
from pixmill.services.accounts import Accounts
from pixmill.services.keys import Key, Keys, NewKey
from pixmill.stores import traffic, usage
from pixmill.stores.traffic import Tally
from pixmill.stores.usage import Usage
from web.visitors import Visitor

from fixtures.servers import opened, run


def put_on_plan(visitor: Visitor, plan: str) -> None:
    """Put the visitor's account on *plan*."""

    async def put() -> None:
        async with opened(visitor.server.database_url) as database:
            await Accounts(database=database).set_plan(name=visitor.email, plan=plan)

    run(put())


def new_key(visitor: Visitor, name: str = "") -> NewKey:
    """Make a key for the visitor's account."""

    async def make() -> NewKey:
        async with opened(visitor.server.database_url) as database:
            return await Keys(database=database).create(account=visitor.email, name=name)

    return run(make())


def keys_of(visitor: Visitor) -> list[Key]:
    """Return the keys of the visitor's account."""

    async def read() -> list[Key]:
        async with opened(visitor.server.database_url) as database:
            return await Keys(database=database).all(account=visitor.email)

    return run(read())


def tally(key: Key, day: date, api: str = "optipic", **numbers: int) -> Tally:
    """Return what *key* did on *day*."""
    return Tally(account_id=key.account_id, key_id=key.id, api=api, day=day.isoformat(), **numbers)


def add_traffic(visitor: Visitor, *rows: Tally) -> None:
    """Let that have been answered."""

    async def write() -> None:
        async with (
            opened(visitor.server.database_url) as database,
            database.transaction() as connection,
        ):
            await traffic.add(connection, rows)

    run(write())


def use(visitor: Visitor, key: Key, requests: int) -> None:
    """Let *key* have made so many requests this month that are charged."""
    period = clock.period(clock.now())

    async def write() -> None:
        rows = [
            Usage(subject=subject, period=period, requests=requests, taken=requests)
            for subject in (key.id, key.account_id)
        ]
        async with (
            opened(visitor.server.database_url) as database,
            database.transaction() as connection,
        ):
            await usage.add(connection, rows)

    run(write())


def csrf(visitor: Visitor) -> str:
    """Return what the forms on the page that is shown carry."""
    token = visitor.page.locator("meta[name=csrf]").get_attribute("content")
    assert token
    return token
