"""
Nodes: the processes that run work, and when each was last known to live.

A node is *live* while it says so itself (`beat`). Whoever finds that it has not for too long makes
it *dead* (`bury`), which only one can, then takes over its work, then removes the row. One who dies
in between leaves a dead row behind, which is soon as old as the first was, and the next one digs.

All moments are those of the database's clock: the clocks of the machines do not matter.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Column, Table, Text, func, select, text, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, record, upserts

State = Literal["live", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A process that runs work, or did."""

    id: str  #: made anew each time that the process starts
    state: State
    seen_at: datetime


nodes = Table(
    "nodes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("state", Text, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

#: What time it is, to the millisecond at least.
_CLOCK = {
    "sqlite": type_coerce(func.strftime("%Y-%m-%d %H:%M:%f000", text("'now'")), UtcDateTime),
    # Not now(), which is when the transaction began.
    "postgresql": type_coerce(func.clock_timestamp(), UtcDateTime),
}
_ADD = upserts(nodes, lambda insert: insert.on_conflict_do_nothing())

#: When a node was last seen that nobody ever saw.
LONG_AGO = datetime.fromtimestamp(0, UTC)


async def add(connection: AsyncConnection, *, id_: str, state: State = "live") -> None:
    """Add a node that is not seen yet; one that is there already stays as it is."""
    node = Node(id=id_, state=state, seen_at=LONG_AGO)
    await connection.execute(_ADD[connection.dialect.name], asdict(node))


async def beat(connection: AsyncConnection, *, id_: str) -> datetime | None:
    """Say that a node lives, and return what time it is. None: others have declared it dead."""
    alive = nodes.update().where(nodes.c.id == id_, nodes.c.state == "live")
    seen = alive.values(seen_at=_CLOCK[connection.dialect.name]).returning(nodes.c.seen_at)
    moment: datetime | None = (await connection.execute(seen)).scalar_one_or_none()
    return moment


async def bury(connection: AsyncConnection, *, but: str, before: datetime) -> list[str]:
    """
    Declare all nodes dead that were not seen since *before*, except *but*; return their ids.

    Of several who try at once, one gets the id.
    """
    silent = select(nodes.c.id).where(nodes.c.id != but, nodes.c.seen_at < before)
    # Rows that somebody is just writing are not silent, and nobody waits for two of them crosswise.
    silent = silent.with_for_update(skip_locked=True)
    gone = await connection.execute(
        nodes.update()
        .where(nodes.c.id.in_(silent), nodes.c.seen_at < before)
        .values(state="dead", seen_at=_CLOCK[connection.dialect.name])
        .returning(nodes.c.id)
    )
    return sorted(gone.scalars())


async def remove(connection: AsyncConnection, *, id_: str) -> None:
    """Remove a node, whose work has been taken over or is done."""
    await connection.execute(nodes.delete().where(nodes.c.id == id_))


async def unknown(connection: AsyncConnection, ids: Iterable[str]) -> set[str]:
    """Return those of *ids* that no node has."""
    wanted = set(ids)
    found = await connection.execute(select(nodes.c.id).where(nodes.c.id.in_(wanted)))
    return wanted - set(found.scalars())


async def now(connection: AsyncConnection) -> datetime:
    """Return what time it is where nodes are seen."""
    moment: datetime = (
        await connection.execute(select(_CLOCK[connection.dialect.name]))
    ).scalar_one()
    return moment


async def listed(connection: AsyncConnection) -> list[Node]:
    """Return all nodes, by id."""
    rows = await connection.execute(select(*nodes.c).order_by(nodes.c.id))
    return [record(Node, row) for row in rows]
