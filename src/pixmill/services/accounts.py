"""Accounts: making them, finding them, and putting them on another plan."""

import re
import secrets

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import plans
from pixmill.stores import accounts
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database

_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")


class Accounts:
    """Who is served."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def create(self, *, email: str, plan: str) -> Account:
        """
        Make an account on *plan*.

        Raises BadOption for an address that cannot be one, NotFound for an unknown plan, Conflict
        when there is an account with that address.
        """
        async with self._database.transaction() as connection:
            return await create(connection, email=email, plan=plan, now=self._now)

    async def find(self, *, name: str) -> Account:
        """Return the account whose id or e-mail address is *name*. Raises NotFound."""
        async with self._database.reading() as connection:
            return await find(connection, name=name)

    async def all(self) -> list[Account]:
        """Return all accounts, oldest first."""
        async with self._database.reading() as connection:
            return await accounts.listed(connection)

    async def set_plan(self, *, name: str, plan: str) -> Account:
        """Put the account on *plan*, from its next request on. Raises NotFound."""
        async with self._database.transaction() as connection:
            account = await find(connection, name=name)
            await plans.find(connection, name=plan)
            await accounts.set_plan(connection, id_=account.id, plan=plan)
            return await find(connection, name=account.id)

    async def disable(self, *, name: str) -> Account:
        """Make all keys of the account stop working, from the next request on. Raises NotFound."""
        return await self._set_disabled(name=name, disabled=True)

    async def enable(self, *, name: str) -> Account:
        """Make the keys of a disabled account work again. Raises NotFound."""
        return await self._set_disabled(name=name, disabled=False)

    async def _set_disabled(self, *, name: str, disabled: bool) -> Account:
        async with self._database.transaction() as connection:
            account = await find(connection, name=name)
            await accounts.set_disabled(
                connection, id_=account.id, disabled_at=self._now() if disabled else None
            )
            return await find(connection, name=account.id)


async def create(
    connection: AsyncConnection, *, email: str, plan: str, now: clock.Clock
) -> Account:
    """Do what `Accounts.create` does, as a part of the caller's transaction."""
    if not _EMAIL.fullmatch(email):
        raise errors.BadOption("The e-mail address must look like name@example.com.")
    await plans.find(connection, name=plan)
    account = Account(
        id=f"acc_{secrets.token_hex(10)}", email=email.lower(), plan=plan, created_at=now()
    )
    if not await accounts.add(connection, account):
        raise errors.Conflict("There is an account with that e-mail address already.")
    return account


async def find(connection: AsyncConnection, *, name: str, lock: bool = False) -> Account:
    """Return the account whose id or e-mail address is *name*. Raises NotFound."""
    account = await accounts.find(connection, name=name, lock=lock)
    if account is None:
        raise errors.NotFound(f"There is no account {name}.")
    return account
