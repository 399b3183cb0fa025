"""Links that work once: made for an address, then printed or mailed."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import accounts, plans
from pixmill.services.mail import Mail
from pixmill.services.sign_ins import letters
from pixmill.services.sign_ins.types import ASKED, INVITED, PRINTED, digest_of, new_token
from pixmill.stores import accounts as account_rows
from pixmill.stores import tickets
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.tickets import Purpose, Ticket


class Tickets:
    """Makes links and sends them."""

    def __init__(
        self, *, database: Database, mail: Mail, base_url: str, now: clock.Clock = clock.now
    ) -> None:
        self._database = database
        self._mail = mail
        self._base_url = base_url
        self._now = now
        self._posting: set[asyncio.Task[None]] = set()

    async def find(self, *, token: str, purpose: Purpose) -> Ticket:
        """Return what the link with *token* is for, without using it. Raises TicketGone."""
        async with self._database.reading() as connection:
            return await find(connection, token=token, purpose=purpose, now=self._now)

    async def invite(self, *, email: str, plan: str | None, base_url: str | None) -> str:
        """Return a link with which the owner of *email* can make an account; mail it too."""
        address = accounts.claimed(email)
        async with self._database.transaction() as connection:
            if plan is not None:
                await plans.find(connection, name=plan)
            if await account_rows.find(connection, name=address):
                raise errors.Conflict("There is an account with that e-mail address already.")
            token = await self._add(
                connection, purpose="invitation", email=address, plan=plan, lifetime=INVITED
            )
        link = self._link(base_url, f"sign-up?invitation={token}")
        self._post(lambda: self._send(address, letters.invitation(link=link)))
        return link

    async def reset_link(self, *, name: str, base_url: str | None) -> str:
        """Return a link with which the account called *name* gets a new password."""
        async with self._database.transaction() as connection:
            account = await accounts.find(connection, name=name)
            if account.email == accounts.GUEST:
                raise errors.Conflict("This is the account of guests: nobody can sign in to it.")
            if account.disabled_at is not None:
                raise errors.Conflict("The account is disabled; enable it first.")
            token = await self._add_reset(connection, account, PRINTED)
        return self._link(base_url, f"reset-password?ticket={token}")

    def ask_reset(self, *, email: str) -> None:
        """
        Mail such a link, if there is an account to have one, and mail is sent at all.

        All of that happens later, so that nobody learns from the time it takes which there are. The
        link leads where the settings say: a request could name any host.
        """
        if self._mail.works and accounts.plausible(email) and not accounts.own(email):
            self._post(lambda: self._reset(email))

    async def drain(self) -> None:
        """Wait for the letters that are being sent."""
        while self._posting:
            await asyncio.gather(*self._posting)

    async def _reset(self, email: str) -> None:
        try:
            async with self._database.transaction() as connection:
                account = await account_rows.find(connection, name=email)
                if account is None or account.email != email or account.disabled_at is not None:
                    return
                token = await self._add_reset(connection, account, ASKED)
        except errors.Busy:  # as if the letter were lost; whoever asked asks again
            return
        link = self._link(None, f"reset-password?ticket={token}")
        await self._send(email, letters.reset(link=link))

    async def _send(self, to: str, letter: tuple[str, str]) -> None:
        subject, text = letter
        await self._mail.send(to=to, subject=subject, text=text)

    def _post(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(work())
        self._posting.add(task)
        task.add_done_callback(self._posting.discard)

    def _link(self, base_url: str | None, path: str) -> str:
        return f"{(base_url or self._base_url).rstrip('/')}/{path}"

    async def _add_reset(
        self, connection: AsyncConnection, account: Account, lifetime: timedelta
    ) -> str:
        return await self._add(
            connection, purpose="reset", email=account.email, account=account, lifetime=lifetime
        )

    async def _add(  # noqa: PLR0913 - what a ticket is made of
        self,
        connection: AsyncConnection,
        *,
        purpose: Purpose,
        email: str,
        lifetime: timedelta,
        account: Account | None = None,
        plan: str | None = None,
    ) -> str:
        token, now = new_token(), self._now()
        ticket = Ticket(
            digest=digest_of(token) or "",
            purpose=purpose,
            email=email,
            account_id=account.id if account else None,
            plan=plan,
            created_at=now,
            expires_at=now + lifetime,
        )
        await tickets.add(connection, ticket)
        return token


async def find(
    connection: AsyncConnection, *, token: str, purpose: Purpose, now: clock.Clock
) -> Ticket:
    """Return what the link with *token* is for, without using it. Raises TicketGone."""
    digest = digest_of(token)
    found = digest and await tickets.find(connection, digest=digest, purpose=purpose, now=now())
    if not found:
        raise errors.TicketGone
    return found


async def use(
    connection: AsyncConnection, *, token: str, purpose: Purpose, now: clock.Clock
) -> Ticket:
    """Use up the link with *token*: of any number who do so, one succeeds. Raises TicketGone."""
    digest = digest_of(token)
    found = digest and await tickets.use(connection, digest=digest, purpose=purpose, now=now())
    if not found:
        raise errors.TicketGone
    return found
