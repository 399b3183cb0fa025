"""Who is alive, and who goes on with the work of those who are not."""

import logging
from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta

from pixmill.services.queue.queue import Queue
from pixmill.services.queue.types import Claim
from pixmill.stores import nodes
from pixmill.stores.db import Database

log = logging.getLogger(__name__)

_EVERYBODY = datetime.max.replace(tzinfo=UTC)


class Membership:
    """
    One node among those that run the work of a database.

    To be told often that it lives (`beat`), and it looks after the others (`look_after`). One that
    is not heard of for longer than *lease* is dead to them. With *alone*, there can be no others.
    """

    def __init__(
        self, *, id_: str, database: Database, queue: Queue, lease: timedelta, alone: bool
    ) -> None:
        self.id = id_
        self._database = database
        self._queue = queue
        self._lease = lease
        self._alone = alone
        # By the database's clock: the last beat, since when there was no gap between beats, and
        # the last search for work that nobody runs.
        self._seen_at = self._awake_since = self._searched_at = datetime.min.replace(tzinfo=UTC)
        #: Work that is ours in the tables, but not in this process, at the last search.
        self._lost: set[str] = set()

    async def join(self) -> None:
        """Become known, before any work is taken: what an unknown node has taken is nobody's."""
        async with self._database.transaction() as connection:
            await nodes.add(connection, id_=self.id)
            now = await nodes.beat(connection, id_=self.id)
        assert now is not None
        self._seen_at = self._awake_since = now
        if self._alone:
            await self._adopt(await self._queue.claims())
            await self._take_over(silent_since=_EVERYBODY)

    async def beat(self) -> bool:
        """Say that this node lives. False: the others have taken it for dead, and have its work."""
        async with self._database.transaction() as connection:
            now = await nodes.beat(connection, id_=self.id)
        if now is None:
            return False
        if now - self._seen_at > self._lease / 2:
            self._awake_since = now
        self._seen_at = now
        return True

    async def look_after(self, running: Collection[str]) -> None:
        """
        Take over from nodes that are dead, and find work that is lost.

        *running* are the ids of what this process works on. Whoever has been away, or could not
        reach the database, waits for a whole lease: perhaps the others were away for the same
        reason, and have not had the time to say that they are back.
        """
        if self._seen_at - self._awake_since < self._lease:
            return
        if self._seen_at - self._searched_at >= self._lease:
            await self._search(running)
            self._searched_at = self._seen_at
        await self._take_over(silent_since=self._seen_at - self._lease)

    async def leave(self) -> None:
        """Have others run what this node has taken and will not go on with, and be forgotten."""
        claims = await self._queue.claims(node=self.id)
        await self._queue.put_back(claims)
        async with self._database.transaction() as connection:
            await nodes.remove(connection, id_=self.id)
        if claims:
            log.info("work was put back", extra={"node": self.id, "pieces": len(claims)})

    async def _take_over(self, *, silent_since: datetime) -> None:
        async with self._database.transaction() as connection:
            dead = await nodes.bury(connection, but=self.id, before=silent_since)
        for node in dead:
            claims = await self._queue.claims(node=node)
            await self._queue.put_back(claims)
            async with self._database.transaction() as connection:
                await nodes.remove(connection, id_=node)
            log.warning("a dead node's work was taken over", extra=_facts(node, len(claims)))

    async def _search(self, running: Collection[str]) -> None:
        """
        Find what was taken by nobody who is known, and what was taken here but never arrived.

        The first is from a node that was declared dead and took more before it heard of it, and
        then died indeed. The second is from a database that went away after it had given us the
        work, and before we knew.
        """
        claims = await self._queue.claims()
        await self._adopt(claims)
        missing = [claim for claim in claims if claim.node == self.id and claim.id not in running]
        # What has just come or gone may look like that. Twice, a lease apart, it is lost.
        lost = [claim for claim in missing if claim.id in self._lost]
        self._lost = {claim.id for claim in missing} - {claim.id for claim in lost}
        if lost:
            await self._queue.put_back(lost)
            log.warning("lost work is run again", extra=_facts(self.id, len(lost)))

    async def _adopt(self, claims: Iterable[Claim]) -> None:
        """Make dead nodes of those that have taken work but are unknown: one of us takes over."""
        holders = {claim.node for claim in claims} - {self.id}
        if not holders:
            return
        async with self._database.transaction() as connection:
            for id_ in sorted(await nodes.unknown(connection, holders)):
                await nodes.add(connection, id_=id_, state="dead")


def _facts(node: str, pieces: int) -> dict[str, object]:
    return {"node": node, "pieces": pieces}
