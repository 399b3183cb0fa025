"""Signing up, in and out, and everything about passwords that somebody can ask for."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import accounts
from pixmill.services.mail import Mail
from pixmill.services.passwords import Passwords, checked
from pixmill.services.sign_ins import tickets
from pixmill.services.sign_ins.throttle import Throttle
from pixmill.services.sign_ins.tickets import Tickets
from pixmill.services.sign_ins.types import (
    IDLE,
    SEEN,
    Entrance,
    SignedIn,
    Terms,
    digest_of,
    new_token,
)
from pixmill.stores import accounts as account_rows
from pixmill.stores import sign_ins
from pixmill.stores import tickets as ticket_rows
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.limits.windows import Windows
from pixmill.stores.sign_ins import SignIn
from pixmill.stores.tickets import Purpose, Ticket


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    account: Account
    hashed: str | None


class SignIns:
    """
    Who is signed in, and how one gets there.

    An *address* is that of the connection; tries are counted by it. A *token* is what the browser
    was given, and a *ticket* or *invitation* what was in a link.
    """

    def __init__(  # noqa: PLR0913 - what signing in depends on
        self,
        *,
        database: Database,
        terms: Terms | None = None,
        mail: Mail | None = None,
        windows: Windows | None = None,
        passwords: Passwords | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        self._database = database
        self._terms = terms or Terms()
        self._passwords = passwords or Passwords()
        self._throttle = Throttle(windows=windows or MemoryWindows(now=now), now=now)
        self._tickets = Tickets(
            database=database, mail=mail or Mail(), base_url=self._terms.base_url, now=now
        )
        self._now = now

    async def open(self) -> Entrance:
        """Say how an account can be had now."""
        async with self._database.reading() as connection:
            first = await accounts.nobody_yet(connection)
        return "first" if first else self._terms.sign_up

    async def sign_up(
        self, *, email: str, password: str, address: str, invitation: str | None = None
    ) -> SignedIn:
        """
        Make an account and sign in.

        While nobody has an account, it becomes an operator's, whatever the terms say. Raises
        SignUpClosed, TicketGone, Conflict, TooManySignIns, and BadOption for an address or a
        password that is not taken.
        """
        name = accounts.claimed(email)
        checked(password, email=name)
        entrance = await self.open()
        if invitation is not None:
            invited = await self.ticket(token=invitation, purpose="invitation")
            if invited.email != name:
                raise errors.BadOption(f"The invitation is for {invited.email}; use that address.")
        elif entrance in {"invited", "closed"}:
            raise errors.SignUpClosed
        await self._throttle.sign_up(address=address)
        hashed = await self._passwords.hash(password=password, email=name)
        async with self._database.transaction() as connection:
            await account_rows.lock_operators(connection)
            first = await accounts.nobody_yet(connection)
            plan = None
            if invitation is not None:
                plan = (await self._use(connection, invitation, "invitation")).plan
            elif not first and self._terms.sign_up != "open":  # somebody else was first
                raise errors.SignUpClosed
            account = await self._create(
                connection, email=name, plan=plan, hashed=hashed, operator=first
            )
            return await self._enter(connection, account)

    async def sign_in(self, *, email: str, password: str, address: str) -> SignedIn:
        """
        Sign in.

        Raises BadCredentials when the address, the password or the account is not good: nobody
        hears which, nor learns it from the time it takes. Raises TooManySignIns, and Busy.
        """
        name = email.strip().lower()
        attempt = await self._throttle.begin_sign_in(email=name, address=address)
        while True:
            found = await self._find(name)
            try:
                good = await self._passwords.verify(
                    password=password, hashed=found.hashed if found else None
                )
                if not found or not found.hashed or not good or found.account.disabled_at:
                    raise errors.BadCredentials
                renewed = await self._passwords.renewed(password=password, hashed=found.hashed)
            except errors.Busy:
                await self._throttle.take_back(attempt)
                raise
            async with self._database.transaction() as connection:
                if not await self._unchanged(connection, found):
                    continue  # the password was changed just now: look again
                if renewed:
                    await account_rows.set_password_hash(
                        connection, id_=found.account.id, hashed=renewed
                    )
                signed_in = await self._enter(connection, found.account)
            await self._throttle.end_sign_in(attempt)
            return signed_in

    async def who(self, *, token: str) -> Account | None:
        """Return who is signed in with *token*; None when it is over, or never was."""
        digest, now = digest_of(token), self._now()
        if digest is None:
            return None
        async with self._database.reading() as connection:
            found = await sign_ins.who(connection, digest=digest, now=now, idle_since=now - IDLE)
        if found is None:
            return None
        sign_in, account = found
        if now - sign_in.seen_at >= SEEN:
            await self._touch(digest, now)
        return account

    async def sign_out(self, *, token: str) -> None:
        """Make *token* nobody's."""
        if digest := digest_of(token):
            async with self._database.transaction() as connection:
                await sign_ins.remove(connection, digest=digest)

    async def end(self, *, digest: str, account_id: str) -> None:
        """End one sign-in of the account, by what `listed` calls it. Raises NotFound."""
        async with self._database.transaction() as connection:
            there = await sign_ins.remove_of(connection, digest=digest, account_id=account_id)
        if not there:
            raise errors.NotFound("That sign-in is over already.")

    async def sign_out_everywhere(self, *, account_id: str, but: str = "") -> int:
        """End all sign-ins of the account apart from that of the token *but*; say how many."""
        async with self._database.transaction() as connection:
            return await sign_ins.remove_all(
                connection, account_id=account_id, but=digest_of(but) or ""
            )

    async def listed(self, *, account_id: str) -> list[SignIn]:
        """Return where the account is signed in, the last used first."""
        now = self._now()
        async with self._database.reading() as connection:
            return await sign_ins.listed(
                connection, account_id=account_id, now=now, idle_since=now - IDLE
            )

    async def change_password(self, *, account: Account, old: str, new: str, token: str) -> None:
        """
        Give *account* a new password, and sign it out everywhere but where *token* is.

        Raises BadCredentials when *old* is not right, BadOption when *new* is not taken,
        TooManySignIns, and Busy.
        """
        checked(new, email=account.email)
        await self._throttle.begin_change(account_id=account.id)
        found = await self._find(account.email)
        if not found or not await self._passwords.verify(password=old, hashed=found.hashed):
            raise errors.BadCredentials("The present password is not right.")
        hashed = await self._passwords.hash(password=new, email=account.email)
        async with self._database.transaction() as connection:
            if not await self._unchanged(connection, found):
                raise errors.BadCredentials("The present password is not right.")
            await self._replace(connection, account_id=account.id, hashed=hashed, but=token)
        await self._throttle.end_change(account_id=account.id)

    async def ask_reset(self, *, email: str, address: str) -> None:
        """
        Mail a link for a new password, if there is such an account and mail is sent at all.

        Says the same in any case, at once. Raises TooManySignIns.
        """
        name = email.strip().lower()
        await self._throttle.letter(email=name, address=address)
        self._tickets.ask_reset(email=name)

    async def reset(self, *, ticket: str, password: str) -> SignedIn:
        """
        Set a new password with a link that was sent or printed, and sign in, there alone.

        Raises TicketGone, BadOption for a password that is not taken, and Busy.
        """
        found = await self.ticket(token=ticket, purpose="reset")
        hashed = await self._passwords.hash(password=password, email=found.email)
        async with self._database.transaction() as connection:
            used = await self._use(connection, ticket, "reset")
            account = await accounts.find(connection, name=used.account_id or "", lock=True)
            if account.disabled_at is not None:
                raise errors.TicketGone
            await self._replace(connection, account_id=account.id, hashed=hashed)
            return await self._enter(connection, account)

    async def ticket(self, *, token: str, purpose: Purpose) -> Ticket:
        """Return what the link with *token* is for, without using it. Raises TicketGone."""
        return await self._tickets.find(token=token, purpose=purpose)

    async def invite(
        self, *, email: str, plan: str | None = None, base_url: str | None = None
    ) -> str:
        """
        Return a link with which the owner of *email* can make an account on *plan*; mail it too.

        Raises BadOption for an address that nobody can have, NotFound for an unknown plan, Conflict
        when there is such an account.
        """
        return await self._tickets.invite(email=email, plan=plan, base_url=base_url)

    async def reset_link(self, *, name: str, base_url: str | None = None) -> str:
        """
        Return a link with which the account called *name* gets a new password, or its first.

        Raises NotFound, and Conflict when the account is disabled or that of guests.
        """
        return await self._tickets.reset_link(name=name, base_url=base_url)

    async def sweep(self) -> None:
        """Remove sign-ins and links that are over."""
        now = self._now()
        async with self._database.transaction() as connection:
            await sign_ins.remove_over(connection, now=now, idle_since=now - IDLE)
            await ticket_rows.remove_over(connection, now=now)

    async def drain(self) -> None:
        """Wait for the letters that are being sent."""
        await self._tickets.drain()

    async def close(self) -> None:
        """Send what is to be sent, and let go of threads; to be called at shutdown."""
        await self.drain()
        self._passwords.close()

    async def _create(
        self,
        connection: AsyncConnection,
        *,
        email: str,
        plan: str | None,
        hashed: str,
        operator: bool,
    ) -> Account:
        there = await account_rows.find(connection, name=email)
        if there and not await account_rows.password_hash(connection, id_=there.id):
            raise errors.Conflict(
                "There is an account with that e-mail address, which has no password yet. Whoever "
                f"runs this server can print a link to set one: pixmill accounts reset-password "
                f"{email}"
            )
        try:
            return await accounts.create(
                connection,
                email=email,
                plan=plan or self._terms.plan,
                now=self._now,
                operator=operator,
                password_hash=hashed,
            )
        except errors.NotFound as error:
            raise errors.Internal(
                "New accounts are to get a plan that there is not; see PIXMILL_SIGN_UP_PLAN.",
                detail=str(error),
            ) from error

    async def _find(self, email: str) -> _Found | None:
        if not accounts.plausible(email):
            return None
        async with self._database.reading() as connection:
            account = await account_rows.find(connection, name=email)
            if account is None:
                return None
            hashed = await account_rows.password_hash(connection, id_=account.id)
            return _Found(account=account, hashed=hashed)

    async def _unchanged(self, connection: AsyncConnection, found: _Found) -> bool:
        """Say whether the account is as it was *found*; it stays so until the transaction ends."""
        account = await accounts.find(connection, name=found.account.id, lock=True)
        hashed = await account_rows.password_hash(connection, id_=account.id)
        return hashed == found.hashed and account.disabled_at == found.account.disabled_at

    async def _enter(self, connection: AsyncConnection, account: Account) -> SignedIn:
        token, now = new_token(), self._now()
        expires_at = now + self._terms.lifetime
        await sign_ins.add(
            connection,
            SignIn(
                digest=digest_of(token) or "",
                account_id=account.id,
                created_at=now,
                seen_at=now,
                expires_at=expires_at,
            ),
        )
        return SignedIn(token=token, account=account, expires_at=expires_at)

    async def _replace(
        self, connection: AsyncConnection, *, account_id: str, hashed: str, but: str = ""
    ) -> None:
        """Keep another password, and let nothing that came of the old one be of any use."""
        await account_rows.set_password_hash(connection, id_=account_id, hashed=hashed)
        await sign_ins.remove_all(connection, account_id=account_id, but=digest_of(but) or "")
        await ticket_rows.remove_all(connection, account_id=account_id)

    async def _use(self, connection: AsyncConnection, token: str, purpose: Purpose) -> Ticket:
        return await tickets.use(connection, token=token, purpose=purpose, now=self._now)

    async def _touch(self, digest: str, now: datetime) -> None:
        try:
            async with self._database.transaction() as connection:
                await sign_ins.touch(connection, digest=digest, now=now)
        except errors.Busy:  # to read a page is possible while nothing can be written
            return
