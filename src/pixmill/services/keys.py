"""API keys: made once, shown once, and recognized by their digest."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass, field
from datetime import timedelta

from pixmill import clock, errors
from pixmill.services import accounts, plans
from pixmill.stores import keys
from pixmill.stores.accounts import Account
from pixmill.stores.db import Database
from pixmill.stores.keys import Key
from pixmill.stores.plans import Plan

#: What may be a key at all. Anything else is refused without asking the database.
_KEY = re.compile(r"[A-Za-z0-9_-]{16,128}")

_BASE62 = string.ascii_letters + string.digits


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key that was just made, with the only copy of its secret."""

    key: Key
    secret: str = field(repr=False)


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
    ) -> NewKey:
        """
        Make a key for *account*, an id or an e-mail address.

        With *plan* the key has that plan and not the account's. Without *account* a new one is made
        on *plan* (default: self-hosted), under a name of this machine's own. Raises NotFound, and
        KeyLimitReached when the account has as many working keys as its plan allows.
        """
        now = self._now()
        async with self._database.transaction() as connection:
            if account is None:
                owner = await accounts.create(
                    connection,
                    email=f"local-{secrets.token_hex(4)}@localhost",
                    plan=plan or "self-hosted",
                    now=self._now,
                )
                plan = None
            else:
                # Locked, so that two keys made at once cannot both be the last one allowed.
                owner = await accounts.find(connection, name=account, lock=True)
            granted = await plans.find(connection, name=owner.plan)
            if granted.max_keys is not None:
                active = await keys.active(connection, account_id=owner.id, now=now)
                if active >= granted.max_keys:
                    raise errors.KeyLimitReached
            terms = granted if plan is None else await plans.find(connection, name=plan)
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

    async def all(self, *, account: str | None = None) -> list[Key]:
        """Return the keys of *account*, or of everybody, oldest first. Raises NotFound."""
        async with self._database.reading() as connection:
            if account is None:
                return await keys.listed(connection)
            owner = await accounts.find(connection, name=account)
            return await keys.listed(connection, account_id=owner.id)

    async def revoke(self, *, id_: str) -> Key:
        """Make the key stop working, from the next request on. Raises NotFound."""
        async with self._database.transaction() as connection:
            key = await keys.revoke(connection, id_=id_, now=self._now())
        if key is None:
            raise errors.NotFound(f"There is no key {id_}.")
        return key

    async def switch(self, *, id_: str, on: bool) -> Key:
        """Switch the key off, or on again, from the next request on (PO-7). Raises NotFound."""
        disabled_at = None if on else self._now()
        async with self._database.transaction() as connection:
            key = await keys.switch(connection, id_=id_, disabled_at=disabled_at)
        if key is None:
            raise errors.NotFound(f"There is no key {id_}.")
        return key

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
        return Caller(account=account, key=key, plan=found.plan, used=found.used)


def _digest(secret: str) -> str:
    # Keys hold 190 random bits or more, so a slow hash would protect nothing.
    return hashlib.sha256(secret.encode()).hexdigest()
