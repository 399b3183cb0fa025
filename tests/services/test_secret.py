"""The secret that everything is signed with: one for all servers of an installation."""

import asyncio
from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill.services.secret import FILE, Secret
from pixmill.stores import secret
from pixmill.stores.db import Database

pytestmark = pytest.mark.anyio

OWN = bytes(range(40))


async def loaded(database: Database, folder: Path, value: bytes = b"") -> Secret:
    found = Secret(value)
    await found.load(database=database, data_dir=folder)
    return found


async def shared(database: Database) -> list[bytes]:
    async with database.reading() as connection:
        return list((await connection.execute(sa.select(secret.shared.c.value))).scalars())


async def test_the_one_that_is_given_is_taken(database: Database, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    found = await loaded(database, folder, OWN)

    assert found.derive("links") == Secret(OWN).derive("links")
    assert not folder.exists()
    assert await shared(database) == []


async def test_without_one_it_is_made_once(database: Database, tmp_path: Path) -> None:
    first = await loaded(database, tmp_path)
    second = await loaded(database, tmp_path)

    assert first.derive("links") == second.derive("links")
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


async def test_servers_without_a_common_disk_share_it_through_postgresql(
    database: Database, tmp_path: Path
) -> None:
    folders = [tmp_path / name for name in "abcdef"]

    found = await asyncio.gather(*(loaded(database, folder) for folder in folders))

    keys = {each.derive("links") for each in found}
    if database.dialect == "sqlite":  # each folder is an installation of its own
        assert len(keys) == len(folders)
        assert await shared(database) == []
    else:
        assert len(keys) == 1
        [value] = await shared(database)
        assert keys == {Secret(value).derive("links")}
        assert value in {(folder / FILE).read_bytes() for folder in folders}


async def test_each_purpose_has_a_key_of_its_own() -> None:
    found = Secret(OWN)

    keys = {found.derive(purpose) for purpose in ("result", "webhook a", "webhook b", "")}
    assert len(keys) == 4
    assert all(len(key) == 32 for key in keys)
    assert OWN not in keys
