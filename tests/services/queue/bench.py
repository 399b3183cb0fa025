"""A database with a queue in it, and a diary of what becomes of the work."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from pixmill.services.queue.queue import Queue
from pixmill.services.queue.types import Lane
from pixmill.stores import nodes
from pixmill.stores.db import Database
from services.queue.diary import Diary
from services.queue.waiting import until

WIDE = Lane(name="wide", workflow="wide-work", places=4)
NARROW = Lane(name="narrow", workflow="narrow-work", places=1)

#: For tests of what only one kind of database does.
postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    url: str
    database: Database
    queue: Queue
    diary: Diary

    @classmethod
    def at(cls, url: str, diary: Path) -> "Bench":
        return cls(
            url=url, database=Database(url), queue=Queue(database_url=url), diary=Diary(diary)
        )

    async def close(self) -> None:
        await self.queue.close()
        await self.database.close()

    async def put(self, *arguments: str, lane: Lane = WIDE, priority: int = 1) -> None:
        """Put work in whose id is its argument."""
        async with self.database.transaction() as connection:
            for argument in arguments:
                await self.queue.put(
                    connection, lane=lane, id_=argument, argument=argument, priority=priority
                )

    async def until_claimed(self, *ids: str) -> None:
        """Wait until just these pieces of work are taken and not ended."""

        async def settled() -> bool:
            return sorted(claim.id for claim in await self.queue.claims()) == sorted(ids)

        await until(settled)

    async def nodes(self) -> list[nodes.Node]:
        async with self.database.reading() as connection:
            return await nodes.listed(connection)

    async def node_ids(self) -> list[str]:
        return [node.id for node in await self.nodes()]

    @property
    def status_table(self) -> str:
        schema = "" if self.database.dialect == "sqlite" else "dbos."
        return f"{schema}workflow_status"
