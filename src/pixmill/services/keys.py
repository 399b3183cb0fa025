"""API keys: made once, shown once, and recognized by their digest."""

import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import clock, errors
from pixmill.services import accounts, plans
from pixmill.stores import keys
from pixmill.stores import plans as plan_rows
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.keys import Key, Match
from pixmill.stores.plans import Plan

__all__ = ["Caller", "Key", "Keys", "NewKey", "Room"]

#: What may be a key at all. Anything else is refused without asking the database.
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")

#: What an account's own key is called, with which it does things in a browser.
WEBSITE = "Website"

#: How long a key can be made to work.
LONGEST = timedelta(days=36_500)

#: Characters of a key's name.
NAME_LENGTH = 100

_BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made, with the only copy of its secret."""

    key: Key
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What keys an account may make."""

    plan: Plan  #: the account's, which says how many keys there may be
    active: int  #: keys that work now
    choices: Sequence[Plan]  #: the plans that it may choose from; its own is the first

    @property
    def full(self) -> bool:
        """Say whether there are as many keys as there may be."""
        return self.plan.max_keys is not None and self.active >= self.plan.max_keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a request, and what they may do."""

    account: Account
    key: Key
    plan: Plan  #: the key's own, when it was made with one, else the account's
    used: int  #: requests of this month that count against the plan

    @property
    def subject(self) -> str:
        """Return whose requests the plan counts: the id of the key or of the account."""
        return self.key.id if self.plan.quota_per == "key" else self.account.id


class Keys:
    """Who may call."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def create(
        self,
        *,
        account: str | None = None,
        plan: str | None = None,
        name: str = "",
        lifetime: timedelta | None = None,
        by_owner: bool = False,
    ) -> NewKey:
        """
        Make a key for *account*, an id or an e-mail address.

        With *plan* the key has that plan and not the account's. Without *account* a new one is made
        on *plan* (default: self-hosted), under a name of this machine's own. Raises NotFound,
        BadOption for a name or a *lifetime* that cannot be, and KeyLimitReached when the account
        has as many active keys as its plan allows. With *by_owner* it is the account that asks, and
        a *plan* that it may not choose (`room`) is Refused.
        """
        name = _named(name)
        if lifetime is not None and not timedelta() < lifetime <= LONGEST:
            raise errors.BadOption("A key works for some time, and for a hundred years at most.")
        now = self._now()
        async with self._database.transaction() as connection:
            if account is None:
                owner = await accounts.create(
                    connection,
                    email=accounts.new_local(),
                    plan=plan or "self-hosted",
                    now=self._now,
                )
                plan = None
            else:
                # Locked, so that two keys made at once cannot both be the last one allowed.
                owner = await accounts.find(connection, name=account, lock=True)
            room = await _room(connection, owner=owner, now=now)
            if room.full:
                raise errors.KeyLimitReached
            if by_owner and plan is not None:
                if plan not in {choice.name for choice in room.choices}:
                    raise errors.Refused("The keys of this account have the account's own plan.")
                # One that is the account's now follows it, when the account gets another.
                plan = None if plan == owner.plan else plan
            terms = room.plan if plan is None else await plans.find(connection, name=plan)
            random = "".join(secrets.choice(_BASE62) for _ in range(terms.key_length))
            secret = f"{terms.key_prefix}{random}"
            key = Key(
                id=f"key_{secrets.token_hex(10)}",
                account_id=owner.id,
                plan=plan,
                name=name,
                digest=_digest(secret),
                display_prefix=f"{terms.key_prefix}{random[:4]}",
                created_at=now,
                expires_at=now + lifetime if lifetime is not None else None,
            )
            await keys.add(connection, key)
        return NewKey(key=key, secret=secret)

    async def room(self, *, account_id: str) -> Room:
        """
        Return how many keys, and on which plans, the account may make. Raises NotFound.

        An operator, and an account whose own plan has no limits, may choose any plan but the one of
        guests; for all others another plan's key would be a way round their own limits.
        """
        async with self._database.reading() as connection:
            owner = await accounts.find(connection, name=account_id)
            return await _room(connection, owner=owner, now=self._now())

    async def all(self, *, account: str | None = None) -> list[Key]:
        """Return the keys of *account*, or of everybody, oldest first. Raises NotFound."""
        async with self._database.reading() as connection:
            if account is None:
                return await keys.listed(connection)
            owner = await accounts.find(connection, name=account)
            return await keys.listed(connection, account_id=owner.id)

    async def revoke(self, *, id_: str, account_id: str | None = None) -> Key:
        """
        Make the key stop working, from the next request on and for good.

        Raises NotFound, with *account_id* also for a key of somebody else.
        """
        return await self._change(id_, account_id, {"revoked_at": self._now()})

    async def switch(self, *, id_: str, on: bool, account_id: str | None = None) -> Key:
        """
        Switch the key off, or on, from the next request on (PO-7).

        One that is off is not active, and leaves its place to another. Raises as `revoke` does,
        Conflict for a key that is revoked, and KeyLimitReached when there is no place for it any
        more.
        """
        now = self._now()
        values = {"disabled_at": None if on else now}
        async with self._database.transaction() as connection:
            key = await _changed(connection, id_, account_id, values)
            if key.revoked_at is not None:
                raise errors.Conflict("The key is revoked, and stays so; make another one.")
            if on:
                # As in `create`: two keys at once cannot both take the last place.
                owner = await accounts.find(connection, name=key.account_id, lock=True)
                room = await _room(connection, owner=owner, now=now)
                if room.plan.max_keys is not None and room.active > room.plan.max_keys:
                    raise errors.KeyLimitReached
            return key

    async def rename(self, *, id_: str, name: str, account_id: str | None = None) -> Key:
        """Call the key something else. Raises BadOption, and as `revoke` does."""
        return await self._change(id_, account_id, {"name": _named(name)})

    async def delete(self, *, id_: str, account_id: str | None = None) -> None:
        """
        Make the key stop working, and show it no more but in what it was used for.

        Raises as `revoke` does.
        """
        now = self._now()
        await self._change(id_, account_id, {"revoked_at": now, "deleted_at": now})

    async def website(self, *, account_id: str) -> Caller:
        """
        Return the account as the caller that it is in a browser, with a key that nobody has.

        The key is made the first time. Raises NotFound for an unknown account, BadKey for one that
        is disabled.
        """
        id_ = f"{keys.WEBSITE_PREFIX}{account_id}"
        found = await self._website(id_)
        if found is None:
            async with self._database.transaction() as connection:
                owner = await accounts.find(connection, name=account_id)
                key = Key(
                    id=id_,
                    account_id=owner.id,
                    plan=None,
                    name=WEBSITE,
                    digest=id_,  # of nothing that anybody could present
                    display_prefix="",
                    created_at=self._now(),
                    kind="website",
                )
                await keys.add_website(connection, key)
            found = await self._website(id_)
        if found is None or found.account.disabled_at is not None:
            raise errors.BadKey
        return _caller(found)

    async def _website(self, id_: str) -> Match | None:
        async with self._database.reading() as connection:
            return await keys.match_id(connection, id_=id_, period=clock.period(self._now()))

    async def _change(self, id_: str, account_id: str | None, values: Mapping[str, object]) -> Key:
        async with self._database.transaction() as connection:
            return await _changed(connection, id_, account_id, values)

    async def authenticate(self, *, presented: str | None) -> Caller:
        """
        Return who *presented* belongs to.

        Raises BadKey when it is missing, malformed, unknown, revoked or expired, or its account is
        disabled: the caller does not hear which (OP-3, OP-4). Raises KeyInactive, which is one, for
        a key that is switched off (PO-12).
        """
        if presented is None or not _KEY.fullmatch(presented):
            raise errors.BadKey
        now = self._now()
        digest = _digest(presented)
        async with self._database.reading() as connection:
            found = await keys.match(connection, digest=digest, period=clock.period(now))
        if found is None or not hmac.compare_digest(found.key.digest, digest):
            raise errors.BadKey
        key, account = found.key, found.account
        expired = key.expires_at is not None and key.expires_at <= now
        if key.revoked_at is not None or account.disabled_at is not None or expired:
            raise errors.BadKey
        if key.disabled_at is not None:
            raise errors.KeyInactive
        return _caller(found)


async def _room(connection: AsyncConnection, *, owner: Account, now: datetime) -> Room:
    own = await plans.find(connection, name=owner.plan)
    choices = [own]
    if owner.operator or own.unlimited:
        others = await plan_rows.listed(connection)
        # The guests' plan is for those who have no key.
        choices += [plan for plan in others if plan.name != own.name and plan.max_keys != 0]
    active = await keys.active(connection, account_id=owner.id, now=now)
    return Room(plan=own, active=active, choices=choices)


async def _changed(
    connection: AsyncConnection, id_: str, account_id: str | None, values: Mapping[str, object]
) -> Key:
    key = await keys.change(connection, id_=id_, account_id=account_id, values=values)
    if key is None:
        raise errors.NotFound(f"There is no key {id_}.")
    return key


def _caller(found: Match) -> Caller:
    return Caller(account=found.account, key=found.key, plan=found.plan, used=found.used)


def _named(name: str) -> str:
    """Return *name* as it is kept. Raises BadOption."""
    name = name.strip()
    if len(name) > NAME_LENGTH or not (name.isprintable() or not name):
        raise errors.BadOption(f"A key's name has at most {NAME_LENGTH} characters, in one line.")
    return name


def _digest(secret: str) -> str:
    # Keys hold 190 random bits or more, so a slow hash would protect nothing.
    return hashlib.sha256(secret.encode()).hexdigest()
