"""The secret of this installation: in a file of the data directory, or in a shared database."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from sqlalchemy import Column, LargeBinary, Table, Text, select
from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.stores.tables import metadata, upserts

#: Bytes of a secret that is made here; one that is shorter is not believed.
SIZE = 32


#: One row, if any.
shared = Table(
    "secrets",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
)

_NAME = "signing"
_OFFER = upserts(shared, lambda insert: insert.on_conflict_do_nothing())


async def share(connection: AsyncConnection, offered: bytes) -> bytes:
    """Return the secret in the database, which is the one that was *offered* first."""
    row = {"name": _NAME, "value": offered}
    await connection.execute(_OFFER[connection.dialect.name], row)
    found = await connection.execute(select(shared.c.value).where(shared.c.name == _NAME))
    return bytes(found.scalar_one())


def load_or_make(path: Path) -> bytes:
    """
    Return what is in the file at *path*, which is made when there is none.

    Any number of processes may do so at once and get the same. Raises Internal when it cannot be
    read, or holds too little to be a secret.
    """
    try:
        if not path.exists():
            _make(path)
        secret = path.read_bytes()
    except OSError as error:
        raise errors.Internal(
            "The secret key in the data directory cannot be read or made.", detail=str(error)
        ) from error
    if len(secret) < SIZE:
        raise errors.Internal(
            "The secret key in the data directory is damaged; remove it to have another one made."
        )
    return secret


def _make(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise errors.Internal("The data directory cannot be made.", detail=str(error)) from error
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SIZE))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # somebody else was first, and his is as good
            os.link(draft, path)  # unlike a rename, this never replaces
    finally:
        draft.unlink()
