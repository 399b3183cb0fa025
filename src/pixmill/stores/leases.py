"""
How long stored bytes are needed: one lease for each key under which bytes may lie.

Bytes are shared by all results that are made of them, so nobody may delete a file just because his
own result is over. No file is deleted while somebody needs it, on any number of machines, because:

1. A *digest* has at most one key at a time (unique column). Whoever wants to keep bytes asks for
   that key with `hold`, which also makes the lease last for a while, and only then writes the file.
2. The result's row is added in the transaction in which `extend` makes the lease last for the life
   of that result. Leases only ever get longer (but see `shorten`).
3. `lapse` takes the digest away from leases that are over. It and `extend` change the same row, so
   one of them is first, and the second sees what the first did (PostgreSQL looks at the row again
   after it has waited for the lock; SQLite has one writer at a time). If `lapse` is first, `extend`
   says no, and its caller begins anew with `hold`. If `extend` is first, the lease is not over.
4. A key without a digest is never given to anybody again: a key has a random part, and the next
   `hold` of the same bytes makes another one. So its file can be deleted at any later time, by
   anybody, twice, or while the same bytes are being written under their new key.
5. The row is removed (`end`) after the file. Whoever dies in between leaves the row, and the next
   sweep deletes the file again.

So nothing depends on how long a writer takes. Clocks matter only for when a lease is over.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Column, Table, Text, bindparam, case, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill.stores.tables import UtcDateTime, metadata, taken, upserts


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A key, the bytes that lie there, and how long they are needed."""

    key: str
    digest: str | None  #: SHA-256 of the bytes; None once the file may be deleted
    ends_at: datetime


leases = Table(
    "leases",
    metadata,
    Column("key", Text, primary_key=True),
    Column("digest", Text, unique=True),
    Column("ends_at", UtcDateTime, nullable=False, index=True),
)

_UNTIL = bindparam("until", type_=UtcDateTime)

_HOLD = {
    dialect: insert.returning(leases.c.key)
    for dialect, insert in upserts(
        leases,
        lambda insert: insert.on_conflict_do_update(
            index_elements=["digest"],
            set_={
                "ends_at": case(
                    (leases.c.ends_at < insert.excluded.ends_at, insert.excluded.ends_at),
                    else_=leases.c.ends_at,
                )
            },
        ),
    ).items()
}
_EXTEND = (
    leases.update()
    .where(leases.c.key == bindparam("held"), leases.c.digest.is_not(None))
    .values(ends_at=case((leases.c.ends_at < _UNTIL, _UNTIL), else_=leases.c.ends_at))
)
_SHORTEN = leases.update().where(leases.c.key == bindparam("held")).values(ends_at=_UNTIL)


def new_key(digest: str) -> str:
    """Return a new key for the bytes with that *digest*, fanned out by its start."""
    return f"{digest[:2]}/{digest}.{secrets.token_hex(8)}"


def digest_of(key: str) -> str:
    """Return the digest of the bytes that lie at *key*."""
    return key[3:].partition(".")[0]


async def hold(connection: AsyncConnection, *, digest: str, until: datetime) -> str:
    """Return the key of the bytes with that *digest*, needed at least *until* then."""
    lease = Lease(key=new_key(digest), digest=digest, ends_at=until)
    result = await connection.execute(_HOLD[connection.dialect.name], asdict(lease))
    return str(result.scalar_one())


async def extend(connection: AsyncConnection, *, key: str, until: datetime) -> bool:
    """Say that *key* is needed at least *until* then. False: its file is given up already."""
    return (await connection.execute(_EXTEND, {"held": key, "until": until})).rowcount == 1


async def lock(connection: AsyncConnection, *, key: str) -> None:
    """Let nobody change the lease of *key* before this transaction is over."""
    # SQLite has no row locks and ignores it: its transactions are alone anyway.
    await connection.execute(select(leases.c.key).where(leases.c.key == key).with_for_update())


async def shorten(connection: AsyncConnection, *, key: str, until: datetime) -> None:
    """
    Say that *key* is needed no longer than *until* then.

    Only for a caller who has called `lock` and looked afterwards at who needs it.
    """
    await connection.execute(_SHORTEN, {"held": key, "until": until})


async def lapse(connection: AsyncConnection, *, now: datetime, limit: int) -> list[str]:
    """
    Give up at most *limit* files that nobody needs any more; return the keys of all given up.

    That includes those of a sweep that died, and those another sweep is deleting right now.
    """
    over = select(leases.c.key).where(leases.c.ends_at <= now).order_by(leases.c.ends_at)
    gone = await connection.execute(
        leases.update()
        .where(leases.c.key.in_(taken(over, limit=limit)), leases.c.ends_at <= now)
        .values(digest=None)
        .returning(leases.c.key)
    )
    return [str(key) for key in gone.scalars()]


async def end(connection: AsyncConnection, *, keys: Sequence[str]) -> None:
    """Remove the leases of *keys*, whose files are deleted."""
    # In one order everywhere: see `pixmill.stores.usage.add`.
    for key in sorted(keys):
        await connection.execute(
            leases.delete().where(leases.c.key == key, leases.c.digest.is_(None))
        )
