"""Signed links: a URL that carries its own authority until a moment that is part of it."""

import hmac
import re
from datetime import datetime
from functools import cached_property

from pixmill import clock
from pixmill.services.secret import Secret

# One way to write each link: no sign, no leading zero, no upper case.
_TOKEN = re.compile(r"(0|[1-9a-f][0-9a-f]{0,15})-([0-9a-f]{64})")


class Links:
    """
    Signs and checks links for one purpose.

    A link that was signed for another purpose, or with another secret, is no link. Everything in a
    token is letters, digits and a hyphen, so it can be part of a path or of a query.
    """

    def __init__(self, secret: Secret, *, purpose: str, now: clock.Clock = clock.now) -> None:
        self._secret = secret
        self._purpose = f"pixmill link 1: {purpose}"
        self._now = now

    @cached_property
    def _key(self) -> bytes:
        return self._secret.derive(self._purpose)

    def sign(self, name: str, *, expires_at: datetime) -> str:
        """Return the token that gives access to *name* before *expires_at*, to the second."""
        return self._token(name, int(expires_at.timestamp()))

    def verify(self, name: str, token: str) -> bool:
        """Say whether *token* gives access to *name* now."""
        parts = _TOKEN.fullmatch(token)
        if not parts:
            return False
        second = int(parts[1], 16)
        return (
            hmac.compare_digest(token, self._token(name, second))
            and self._now().timestamp() < second
        )

    def _token(self, name: str, second: int) -> str:
        # The first colon ends the number, so no two pairs have one message.
        message = f"{second:x}:{name}".encode("utf-8", "surrogatepass")
        return f"{second:x}-{hmac.digest(self._key, message, 'sha256').hex()}"
