"""A clock that a test can turn, and a desk that makes callers."""

from datetime import UTC, datetime, timedelta

from pixmill.services.keys import Caller, Keys
from pixmill.services.quotas import Quotas


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 6, 15, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        self.moment += timedelta(**by)


class Desk:
    """Makes callers and lets them use up requests, in one line each."""

    def __init__(self, *, keys: Keys, quotas: Quotas) -> None:
        self._keys = keys
        self._quotas = quotas
        self._secrets: dict[str, str] = {}

    async def caller(self, plan: str, *, account: str | None = None) -> Caller:
        """Return a caller with a new key, of a new account unless one is named."""
        made = await self._keys.create(account=account, plan=plan)
        self._secrets[made.key.id] = made.secret
        return await self._keys.authenticate(presented=made.secret)

    async def again(self, caller: Caller) -> Caller:
        """Return *caller* as the next request sees it."""
        return await self._keys.authenticate(presented=self._secrets[caller.key.id])

    async def use(self, caller: Caller, requests: int = 1) -> None:
        """Settle some requests of 1,000 bytes in and 600 out."""
        for _ in range(requests):
            async with self._quotas.reserve(caller=caller) as reservation:
                await reservation.settle(bytes_in=1_000, bytes_out=600)
