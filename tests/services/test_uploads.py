"""Uploads: there while a job needs them, and gone soon after."""

import asyncio
import os
import resource
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services.pool.blob import Blob
from pixmill.stores.leases import leases
from services.jobs.mill import Mill

pytestmark = pytest.mark.anyio

DATA = os.urandom(700_000)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def claim(mill: Mill, key: str, **until: float) -> None:
    async with mill.database.transaction() as connection:
        end = mill.clock() + timedelta(**until)
        await mill.uploads.claim(connection, key=key, until=end)


async def release(mill: Mill, key: str) -> None:
    async with mill.database.transaction() as connection:
        await mill.uploads.release(connection, key=key)


async def test_what_is_kept_comes_back_sealed(mill: Mill) -> None:
    key = await mill.keep(DATA)

    with await mill.uploads.open(key=key, size=len(DATA)) as blob:
        assert blob.read() == DATA
        with pytest.raises(OSError, match="permitted"):
            os.write(blob.fd, b"more")


async def test_equal_uploads_are_kept_apart(mill: Mill) -> None:
    first, second = await mill.keep(DATA), await mill.keep(DATA)
    await release(mill, first)
    await mill.results.sweep()

    assert mill.files() == [second]
    with pytest.raises(errors.ResultGone):
        await mill.uploads.open(key=first, size=len(DATA))


async def test_what_is_never_claimed_is_deleted_after_a_while(mill: Mill) -> None:
    key = await mill.keep(DATA)
    mill.clock.advance(minutes=119)
    await mill.results.sweep()
    assert mill.files() == [key]

    mill.clock.advance(minutes=1)
    await mill.results.sweep()

    assert mill.files() == []
    with pytest.raises(errors.UploadIncomplete):
        await claim(mill, key, days=1)


async def test_what_is_claimed_stays_until_then(mill: Mill) -> None:
    key = await mill.keep(DATA)
    await claim(mill, key, days=3)
    mill.clock.advance(days=3, seconds=-1)
    await mill.results.sweep()
    assert mill.files() == [key]

    mill.clock.advance(seconds=1)
    await mill.results.sweep()

    assert mill.files() == []


async def test_what_is_released_is_deleted_by_the_next_sweep(mill: Mill) -> None:
    key = await mill.keep(DATA)
    await claim(mill, key, days=3)
    await release(mill, key)
    await release(mill, key)
    await mill.results.sweep()

    assert mill.files() == []
    async with mill.database.reading() as connection:
        assert (await connection.execute(sa.select(leases))).all() == []


async def test_a_release_that_is_rolled_back_releases_nothing(mill: Mill) -> None:
    key = await mill.keep(DATA)
    with suppress(InterruptedError):
        async with mill.database.transaction() as connection:
            await mill.uploads.release(connection, key=key)
            raise InterruptedError

    await mill.results.sweep()

    assert mill.files() == [key]


async def test_a_claim_and_a_sweep_at_once_agree(mill: Mill) -> None:
    keys = [await mill.keep(b"x") for _ in range(12)]
    mill.clock.advance(hours=2)

    async def try_to_claim(key: str) -> bool:
        try:
            await claim(mill, key, days=1)
        except errors.UploadIncomplete:
            return False
        return True

    *claimed, _, _ = await asyncio.gather(
        *(try_to_claim(key) for key in keys), mill.results.sweep(), mill.results.sweep()
    )
    await mill.results.sweep()

    assert mill.files() == sorted(key for key, there in zip(keys, claimed, strict=True) if there)


async def test_what_is_cut_off_is_not_taken_for_the_upload(mill: Mill) -> None:
    key = await mill.keep(DATA)
    (mill.folder / key).write_bytes(DATA[:-1])

    with pytest.raises(errors.ResultGone):
        await mill.uploads.open(key=key, size=len(DATA))


async def test_nothing_stays_open_after_a_failure(mill: Mill) -> None:
    before = descriptors()
    for _ in range(3):
        with pytest.raises(errors.ResultGone):
            await mill.uploads.open(key="00/nothing", size=1)

    assert descriptors() <= before


async def test_a_store_that_is_full_keeps_nothing(mill: Mill) -> None:
    async def be_full() -> None:  # as in test_objects.py
        raise errors.StorageFull

    mill.objects.before_put = be_full
    with Blob.of(DATA) as blob, pytest.raises(errors.StorageFull):
        await mill.uploads.keep(blob)

    mill.clock.advance(hours=3)
    await mill.results.sweep()
    async with mill.database.reading() as connection:
        assert (await connection.execute(sa.select(leases))).all() == []


async def test_no_room_for_an_upload_is_something_that_passes(mill: Mill) -> None:
    key = await mill.keep(DATA)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(DATA) // 2, limits[1]))
    try:
        with pytest.raises(errors.Busy):
            await mill.uploads.open(key=key, size=len(DATA))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
