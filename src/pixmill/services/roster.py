"""The roster: who is served, for whoever runs the server."""

from collections.abc import Sequence
from dataclasses import dataclass

from pixmill import clock
from pixmill.stores import roster
from pixmill.stores.db import Database
from pixmill.stores.roster import Member

#: Accounts on one page.
PAGE_SIZE = 50

#: Characters that are looked for: no address has more.
_LENGTH = 254


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One page of the roster."""

    members: Sequence[Member]
    more: bool  #: there is another page after it


class Roster:
    """All accounts, a page at a time."""

    def __init__(self, *, database: Database, now: clock.Clock = clock.now) -> None:
        self._database = database
        self._now = now

    async def leaf(self, *, text: str = "", page: int = 1) -> Leaf:
        """
        Return a page, from 1, of the accounts, newest first.

        With *text* only those that have it in their address, or as their id or plan.
        """
        text = text.strip()
        if len(text) > _LENGTH or not text.isprintable():
            return Leaf(members=(), more=False)
        async with self._database.reading() as connection:
            found = await roster.listed(
                connection,
                text=text,
                period=clock.period(self._now()),
                offset=(page - 1) * PAGE_SIZE,
                limit=PAGE_SIZE + 1,
            )
        return Leaf(members=found[:PAGE_SIZE], more=len(found) > PAGE_SIZE)
