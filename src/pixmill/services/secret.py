"""The secret of this installation, from which everything that is signed gets a key of its own."""

import hmac
from pathlib import Path

from pixmill.stores import secret
from pixmill.stores.db import Database

#: In the data directory: the secret, unless the settings or a shared database have another.
FILE = "secret.key"


class Secret:
    """A secret that is known once the server has started."""

    def __init__(self, value: bytes = b"") -> None:
        assert not value or len(value) >= secret.SIZE, "a short secret can be guessed"
        self._value = value

    async def load(self, *, database: Database, data_dir: Path) -> None:
        """
        Find the secret, unless it was given: in a shared database, or in *data_dir*.

        Servers that share a PostgreSQL sign with the same secret without being told to. The first
        of them brings the one in its data directory along, so that links outlive the move.
        """
        if self._value:
            return
        own = secret.load_or_make(data_dir / FILE)
        self._value = own if database.dialect == "sqlite" else await _shared(database, own)

    def derive(self, purpose: str) -> bytes:
        """Return the key for *purpose*: 32 bytes that say nothing about any other."""
        assert self._value, "the secret is not loaded yet"
        return hmac.digest(self._value, purpose.encode(), "sha256")


async def _shared(database: Database, own: bytes) -> bytes:
    async with database.transaction() as connection:
        return await secret.share(connection, own)
