"""
How often anybody may try: passwords, letters, new accounts.

A try is counted before the password is looked at, so that many at once are no way around it, and
taken back when it was right. Three counts of a quarter of an hour hold a guesser: one of the
address at one network, one of the network, one of the address. The last could be used to keep
somebody out from afar, so it does not count at a network from which the address has signed in.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from pixmill import clock, errors
from pixmill.services.limits import network
from pixmill.stores.limits.memory import MemoryWindows
from pixmill.stores.limits.windows import MONTH, QUARTER, Spent, Window, Windows

#: Wrong passwords in a quarter of an hour: for an address at one network, at one network, for an
#: address.
PAIR, NETWORK, EMAIL = 10, 50, 100
#: Letters that an address is sent, and that one network can cause.
LETTERS, LETTERS_OF_NETWORK = 3, 20
#: Accounts that one network can try to make.
SIGN_UPS = 20
#: Wrong old passwords of somebody who is signed in.
CHANGES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """A password that is being looked at."""

    pair: Window  #: of the address at one network
    known: Window  #: full when the address has signed in there
    counted: tuple[Window, ...]


class Throttle:
    """Counts tries where requests are counted; by itself while that place is out of reach."""

    def __init__(self, *, windows: Windows, now: clock.Clock = clock.now) -> None:
        self._windows = windows
        self._own = MemoryWindows(now=now)

    async def begin_sign_in(self, *, email: str, address: str) -> Try:
        """Count a try, as if it were wrong. Raises TooManySignIns when it may not be made."""
        who, where = _digest(email), network(address)
        pair = _window(f"sign-in:{who}:{where}", PAIR)
        known = Window(subject=f"signed-in:{who}:{where}", span=MONTH, limit=1)
        counted = [pair, _window(f"sign-in:at:{where}", NETWORK)]
        if not (await self._ask([known], cost=0)).levels[0].used:
            counted.append(_window(f"sign-in:of:{who}", EMAIL))
        await self._take(counted)
        return Try(pair=pair, known=known, counted=tuple(counted))

    async def take_back(self, attempt: Try) -> None:
        """Take back what was counted: nobody has looked at the password."""
        for window in attempt.counted:
            await self._undo(window, 1)

    async def end_sign_in(self, attempt: Try) -> None:
        """Take back what was counted, and all of the pair: the password was right."""
        await self.take_back(attempt)
        await self._undo(attempt.pair, PAIR)
        await self._ask([attempt.known], cost=1)

    async def letter(self, *, email: str, address: str) -> None:
        """Count a letter. Raises TooManySignIns when it may not be asked for."""
        await self._take(
            [
                _window(f"letter:{_digest(email)}", LETTERS),
                _window(f"letters:{network(address)}", LETTERS_OF_NETWORK),
            ]
        )

    async def sign_up(self, *, address: str) -> None:
        """Count an account that is to be made. Raises TooManySignIns when it may not."""
        await self._take([_window(f"sign-up:{network(address)}", SIGN_UPS)])

    async def begin_change(self, *, account_id: str) -> None:
        """Count an old password, as if it were wrong. Raises TooManySignIns."""
        await self._take([_change(account_id)])

    async def end_change(self, *, account_id: str) -> None:
        """Take back what was counted: the old password was right."""
        await self._undo(_change(account_id), CHANGES)

    async def _take(self, windows: Sequence[Window]) -> None:
        spent = await self._ask(windows, cost=1)
        if not spent.granted:
            reset = max(level.reset for level in spent.levels if not level.remaining)
            raise errors.TooManySignIns(retry_after=-(-reset // 1000))

    async def _ask(self, windows: Sequence[Window], *, cost: int) -> Spent:
        try:
            return await self._windows.spend(windows, cost=cost)
        except errors.Unavailable:
            return await self._own.spend(windows, cost=cost)

    async def _undo(self, window: Window, cost: int) -> None:
        await self._own.undo(window, cost=cost)
        try:
            await self._windows.undo(window, cost=cost)
        except errors.Unavailable:
            return


def _change(account_id: str) -> Window:
    return _window(f"change:{account_id}", CHANGES)


def _window(subject: str, limit: int) -> Window:
    return Window(subject=subject, span=QUARTER, limit=limit)


def _digest(email: str) -> str:
    # Of one length, with nothing in it that a key may not have; and no list of addresses.
    return hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:32]
