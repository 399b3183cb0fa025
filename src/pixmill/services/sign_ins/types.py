"""What signing in is made of: its terms, and what comes out of it."""

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pixmill.settings import Settings
from pixmill.stores.accounts import Account

#: How an account can be had now. ``first``: whoever comes is the operator.
Entrance = Literal["first", "open", "invited", "closed"]

#: How long a sign-in lasts that nobody uses.
IDLE = timedelta(days=2)
#: How exactly it is known when a sign-in was used last.
SEEN = timedelta(minutes=1)

#: How long links work: one that was asked for, one that an operator prints, an invitation.
ASKED = timedelta(hours=1)
PRINTED = timedelta(hours=24)
INVITED = timedelta(days=7)

# What `new_token` makes. Anything else is refused without asking the database.
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator has chosen."""

    sign_up: Literal["open", "invited", "closed"] = "open"
    plan: str = "self-hosted"  #: of new accounts
    lifetime: timedelta = timedelta(days=14)  #: of a sign-in, however much it is used
    base_url: str = "http://127.0.0.1:8080"  #: of links that are mailed

    @classmethod
    def of(cls, settings: Settings) -> "Terms":
        """Return what *settings* say."""
        return cls(
            sign_up=settings.sign_up,
            plan=settings.sign_up_plan,
            lifetime=timedelta(seconds=settings.sign_in_lifetime),
            base_url=settings.base_url,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Somebody who has just signed in."""

    token: str = field(repr=False)  #: what the browser keeps; nobody else does
    account: Account
    expires_at: datetime


def new_token() -> str:
    """Return 256 random bits as text that can be part of a URL."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str | None:
    """Return the digest under which *token* is kept; None for what cannot be one."""
    if not _TOKEN.fullmatch(token):
        return None
    # Nobody can guess 256 random bits, so a slow hash would protect nothing.
    return hashlib.sha256(token.encode()).hexdigest()
