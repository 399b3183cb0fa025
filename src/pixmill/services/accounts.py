"""Accounts: making them, finding them, and putting them on another plan."""

import re
import secrets

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import plans
from pixmill.stores import accounts, sign_ins
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database

__all__ = ["Account", "Accounts", "checked", "create", "find"]

#: The account that all guests share. Nobody can sign in to it.
GUEST = "guest@localhost"

# Of accounts that are made for a key alone.
_LOCAL, _HERE = "local-", "@localhost"

# Nothing that could be read as another address, or as more than one.
_EMAIL = re.compile(r"""[^@\s<>()\[\],;:\\"]{1,64}@[^@\s<>()\[\],;:\\"]{1,190}""")


class Accounts:
    """Who is served."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def create(self, *, email: str, plan: str, operator: bool = False) -> Account:
        """
        Make an account on *plan*. It has no password: nobody can sign in to it yet.

        Raises BadOption for an address that nobody can have, NotFound for an unknown plan, Conflict
        when there is an account with that address.
        """
        claimed(email)
        async with self._database.transaction() as connection:
            if operator:
                await accounts.lock_operators(connection)
            return await create(
                connection, email=email, plan=plan, now=self._now, operator=operator
            )

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
        """
        Make all keys of the account stop working, from the next request on, and sign it out.

        Raises NotFound, and Conflict for the last operator.
        """
        return await self._set_disabled(name=name, disabled=True)

    async def enable(self, *, name: str) -> Account:
        """Make the keys of a disabled account work again. Raises NotFound."""
        return await self._set_disabled(name=name, disabled=False)

    async def set_operator(self, *, name: str, on: bool) -> Account:
        """
        Make the account an operator, or one of the others, from its next request on.

        Raises NotFound, and Conflict for the last operator.
        """
        async with self._database.transaction() as connection:
            await accounts.lock_operators(connection)
            account = await find(connection, name=name, lock=True)
            if not on:
                await _spare_the_last(connection, account)
            await accounts.set_operator(connection, id_=account.id, operator=on)
            return await find(connection, name=account.id)

    async def _set_disabled(self, *, name: str, disabled: bool) -> Account:
        async with self._database.transaction() as connection:
            await accounts.lock_operators(connection)
            account = await find(connection, name=name, lock=True)
            if disabled:
                await _spare_the_last(connection, account)
                await sign_ins.remove_all(connection, account_id=account.id)
            await accounts.set_disabled(
                connection, id_=account.id, disabled_at=self._now() if disabled else None
            )
            return await find(connection, name=account.id)


async def create(  # noqa: PLR0913 - what an account is made of
    connection: AsyncConnection,
    *,
    email: str,
    plan: str,
    now: clock.Clock,
    operator: bool = False,
    password_hash: str | None = None,
) -> Account:
    """Do what `Accounts.create` does, as a part of the caller's transaction."""
    address = checked(email)
    await plans.find(connection, name=plan)
    account = Account(
        id=f"acc_{secrets.token_hex(10)}",
        email=address,
        plan=plan,
        created_at=now(),
        operator=operator,
    )
    if not await accounts.add(connection, account, password_hash=password_hash):
        raise errors.Conflict("There is an account with that e-mail address already.")
    return account


def plausible(email: str) -> bool:
    """Say whether *email* can be an address at all."""
    return bool(_EMAIL.fullmatch(email)) and email.isprintable()


def checked(email: str) -> str:
    """Return the address as it is kept. Raises BadOption for what cannot be one."""
    address = email.strip().lower()
    if not plausible(address):
        raise errors.BadOption("The e-mail address must look like name@example.com.")
    return address


def claimed(email: str) -> str:
    """Return what `checked` does. Raises BadOption also for what this server calls its own."""
    address = checked(email)
    if own(address):
        raise errors.BadOption("This server uses that e-mail address itself; choose another.")
    return address


def own(address: str) -> bool:
    """Say whether *address* is that of guests, or of an account that was made for a key."""
    return address == GUEST or (address.startswith(_LOCAL) and address.endswith(_HERE))


def new_local() -> str:
    """Return the address of an account that is made for a key."""
    return f"{_LOCAL}{secrets.token_hex(4)}{_HERE}"


async def nobody_yet(connection: AsyncConnection) -> bool:
    """
    Say whether there is no account that somebody could mind: whoever comes now runs the server.

    What `own` tells of is nobody's, unless it is an operator's, or has been given a password.
    """
    return not await accounts.peopled(connection, but=(GUEST, f"{_LOCAL}%{_HERE}"))


async def _spare_the_last(connection: AsyncConnection, account: Account) -> None:
    """Raise Conflict when *account* is the only operator that can do anything."""
    if account.operator and not await accounts.operators(connection, but=account.id, enabled=True):
        raise errors.Conflict("This is the last operator; make another account one first.")


async def find(connection: AsyncConnection, *, name: str, lock: bool = False) -> Account:
    """Return the account whose id or e-mail address is *name*. Raises NotFound."""
    account = await accounts.find(connection, name=name, lock=lock)
    if account is None:
        raise errors.NotFound(f"There is no account {name}.")
    return account
