"""Requests that are repeated with the same key."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from pixmill import errors
from pixmill.services import idempotency as module
from pixmill.services.idempotency import Claim, Idempotency, Remembered
from pixmill.services.keys import Keys
from pixmill.stores.db import Database
from pixmill.stores.idempotency import idempotency_keys
from services import race
from services.desk import Clock

from fixtures.warm import forks

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=60)
ANSWER = {"fingerprint": "f1", "status": 202, "body": '{"batch_id": "b"}'}


@pytest.fixture
async def account_id(keys: Keys) -> str:
    return (await keys.create(plan="self-hosted")).key.account_id


@pytest.fixture
def idempotency(database: Database, clock: Clock) -> Idempotency:
    return Idempotency(database=database, lease=LEASE, now=clock)


async def claimed(idempotency: Idempotency, account_id: str, key: str = "k") -> Claim:
    claim = await idempotency.begin(account_id=account_id, key=key)
    assert isinstance(claim, Claim)
    return claim


async def complete(database: Database, idempotency: Idempotency, claim: Claim) -> None:
    async with database.transaction() as connection:
        await idempotency.complete(connection, claim, **ANSWER)


def row(account_id: str, key: str) -> dict[str, object]:
    """Return a claim whose holder died long ago."""
    ends_at = datetime(2020, 1, 1, tzinfo=UTC)
    return {"account_id": account_id, "key": key, "token": "dead", "ends_at": ends_at}


async def rows(database: Database) -> int:
    async with database.reading() as connection:
        count = sa.select(sa.func.count()).select_from(idempotency_keys)
        return (await connection.execute(count)).scalar_one()


@pytest.mark.parametrize("key", [None, ""])
async def test_a_key_is_needed(idempotency: Idempotency, key: str | None) -> None:  # OG-55
    with pytest.raises(errors.MissingIdempotencyKey):
        await idempotency.begin(account_id="a", key=key)


@pytest.mark.parametrize("key", ["a b", "\t", "ä", "k\n", "\x7f", "x" * 256])
async def test_a_key_is_visible_ascii(idempotency: Idempotency, key: str) -> None:  # OG-55
    with pytest.raises(errors.BadIdempotencyKey):
        await idempotency.begin(account_id="a", key=key)


@pytest.mark.parametrize("key", ["x", "x" * 255, '"8e03978e-40d5"', "'; DROP TABLE results;--~!"])
async def test_any_visible_key_will_do(
    database: Database, idempotency: Idempotency, account_id: str, key: str
) -> None:
    key = key.replace(" ", "+")
    await complete(database, idempotency, await claimed(idempotency, account_id, key))

    assert await idempotency.begin(account_id=account_id, key=key) == Remembered(**ANSWER)


async def test_an_answer_is_given_again(  # OG-48
    database: Database, idempotency: Idempotency, account_id: str
) -> None:
    await complete(database, idempotency, await claimed(idempotency, account_id))

    remembered = await idempotency.begin(account_id=account_id, key="k")

    assert remembered == Remembered(**ANSWER)
    assert idempotency.replay(remembered, fingerprint="f1") == remembered


async def test_other_contents_are_a_conflict(  # OG-47
    database: Database, idempotency: Idempotency, account_id: str
) -> None:
    await complete(database, idempotency, await claimed(idempotency, account_id))
    remembered = await idempotency.begin(account_id=account_id, key="k")
    assert isinstance(remembered, Remembered)

    with pytest.raises(errors.IdempotencyConflict):
        idempotency.replay(remembered, fingerprint="f2")


async def test_while_one_is_answered_another_waits(  # OG-56
    idempotency: Idempotency, account_id: str, clock: Clock
) -> None:
    await claimed(idempotency, account_id)

    with pytest.raises(errors.IdempotencyInProgress) as refusal:
        await idempotency.begin(account_id=account_id, key="k")
    assert refusal.value.retry_after == module.RETRY_AFTER
    clock.advance(seconds=59.5)
    with pytest.raises(errors.IdempotencyInProgress) as refusal:
        await idempotency.begin(account_id=account_id, key="k")
    assert refusal.value.retry_after == 1


async def test_what_was_refused_may_be_sent_again(
    idempotency: Idempotency, account_id: str
) -> None:
    await idempotency.release(await claimed(idempotency, account_id))

    await claimed(idempotency, account_id)


async def test_an_answer_is_not_released(
    database: Database, idempotency: Idempotency, account_id: str
) -> None:
    claim = await claimed(idempotency, account_id)
    await complete(database, idempotency, claim)
    await idempotency.release(claim)

    assert isinstance(await idempotency.begin(account_id=account_id, key="k"), Remembered)


async def test_an_answer_that_was_rolled_back_is_not_remembered(
    database: Database, idempotency: Idempotency, account_id: str
) -> None:
    claim = await claimed(idempotency, account_id)
    with contextlib.suppress(errors.StorageFull):
        async with database.transaction() as connection:
            await idempotency.complete(connection, claim, **ANSWER)
            raise errors.StorageFull
    await idempotency.release(claim)

    await claimed(idempotency, account_id)


async def test_keys_are_an_account_s_own(  # OG-60
    idempotency: Idempotency, account_id: str, keys: Keys
) -> None:
    other = (await keys.create(plan="self-hosted")).key.account_id
    await claimed(idempotency, account_id)

    await claimed(idempotency, other)


async def test_an_answer_is_remembered_for_a_day(  # OG-60
    database: Database, idempotency: Idempotency, account_id: str, clock: Clock
) -> None:
    await complete(database, idempotency, await claimed(idempotency, account_id))

    clock.advance(hours=23, minutes=59, seconds=59)
    assert isinstance(await idempotency.begin(account_id=account_id, key="k"), Remembered)
    clock.advance(seconds=1)
    await claimed(idempotency, account_id)


async def test_the_key_of_a_dead_holder_is_taken(
    database: Database, idempotency: Idempotency, account_id: str, clock: Clock
) -> None:
    dead = await claimed(idempotency, account_id)
    clock.advance(seconds=60)
    heir = await claimed(idempotency, account_id)

    with pytest.raises(errors.IdempotencyInProgress):
        await complete(database, idempotency, dead)
    with pytest.raises(errors.IdempotencyInProgress):
        await idempotency.extend(dead)
    await idempotency.release(dead)
    await complete(database, idempotency, heir)


async def test_a_slow_holder_may_complete_what_nobody_took(
    database: Database, idempotency: Idempotency, account_id: str, clock: Clock
) -> None:
    slow = await claimed(idempotency, account_id)
    clock.advance(seconds=100)
    assert await idempotency.sweep() == 0

    await complete(database, idempotency, slow)


async def test_a_long_upload_holds_its_key(
    idempotency: Idempotency, account_id: str, clock: Clock
) -> None:
    claim = await claimed(idempotency, account_id)
    for _ in range(5):
        clock.advance(seconds=50)
        await idempotency.extend(claim)

    with pytest.raises(errors.IdempotencyInProgress):
        await idempotency.begin(account_id=account_id, key="k")


async def test_a_sweep_forgets_what_is_over(
    database: Database, idempotency: Idempotency, account_id: str, clock: Clock
) -> None:
    await claimed(idempotency, account_id, "dead")
    await complete(database, idempotency, await claimed(idempotency, account_id, "old"))
    clock.advance(hours=24, minutes=1)
    await complete(database, idempotency, await claimed(idempotency, account_id, "new"))
    await claimed(idempotency, account_id, "held")

    assert await idempotency.sweep() == 2
    assert await rows(database) == 2
    assert isinstance(await idempotency.begin(account_id=account_id, key="new"), Remembered)


async def test_a_sweep_forgets_more_than_one_step(
    database: Database, idempotency: Idempotency, account_id: str
) -> None:
    async with database.transaction() as connection:
        await connection.execute(
            idempotency_keys.insert(),
            [row(account_id, str(n)) for n in range(module.BATCH + 7)],
        )

    assert sum(await asyncio.gather(idempotency.sweep(), idempotency.sweep())) == module.BATCH + 7
    assert await rows(database) == 0


async def test_of_many_processes_exactly_one_gets_a_key(
    database_url: str, database: Database, account_id: str
) -> None:
    fresh, lapsed = [f"k{n}" for n in range(20)], [f"l{n}" for n in range(20)]
    names = fresh + lapsed
    async with database.transaction() as connection:
        await connection.execute(idempotency_keys.insert(), [row(account_id, n) for n in lapsed])
    server = forks()
    pipes = []
    processes = []
    for _ in range(4):
        here, there = server.Pipe()
        process = server.Process(
            target=race.claim_all, args=[there, database_url, account_id, names]
        )
        process.start()
        there.close()
        pipes.append(here)
        processes.append(process)
    assert [pipe.recv() for pipe in pipes] == ["ready"] * len(pipes)
    for pipe in pipes:
        pipe.send("go")
    got = [await asyncio.to_thread(pipe.recv) for pipe in pipes]
    for process in processes:
        process.join()

    winners = [sum(many[n * 3 + i] for many in got for i in range(3)) for n in range(len(names))]
    assert winners == [1] * len(names)
