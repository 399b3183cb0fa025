"""Traffic: what charts are made of."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from pixmill import errors
from pixmill.engine.types import Options
from pixmill.services.jobs.types import InBatch
from pixmill.services.keys import Caller, Keys
from pixmill.services.traffic import DAYS, Numbers, Traffic, TrafficReport
from pixmill.stores import schema
from pixmill.stores.db import Database
from services.desk import Clock, Desk
from services.jobs.mill import AVIF, WEBP, Mill, picture, press

pytestmark = pytest.mark.anyio

TODAY = date(2026, 6, 15)


@pytest.fixture
def traffic(database: Database, clock: Clock) -> Traffic:
    return Traffic(database=database, now=clock)


@pytest.fixture
async def caller(desk: Desk) -> Caller:
    return await desk.caller("self-hosted")


def count(traffic: Traffic, caller: Caller, api: str = "optipic", **numbers: int) -> None:
    traffic.count(account_id=caller.account.id, key_id=caller.key.id, api=api, **numbers)


async def today(traffic: Traffic, caller: Caller) -> TrafficReport:
    return await traffic.days(account_id=caller.account.id, since=TODAY, until=TODAY)


async def test_what_was_counted_is_added_up(traffic: Traffic, caller: Caller) -> None:
    for _ in range(3):
        count(traffic, caller, requests=1, bytes_in=1_000, bytes_out=400)
    await traffic.flush()
    count(traffic, caller, requests=1, cached=1, bytes_in=1_000, bytes_out=400)
    count(traffic, caller, errors=1)
    await traffic.flush()

    total = (await today(traffic, caller)).total
    assert total == Numbers(requests=4, cached=1, errors=1, bytes_in=4_000, bytes_out=1_600)
    assert total.bytes_saved == 2_400


async def test_nothing_is_written_twice(traffic: Traffic, caller: Caller) -> None:
    count(traffic, caller, requests=1)
    await asyncio.gather(*(traffic.flush() for _ in range(5)))
    await traffic.flush()
    await traffic.stop()

    assert (await today(traffic, caller)).total.requests == 1


async def test_days_keys_and_apis_are_told_apart(
    traffic: Traffic, desk: Desk, caller: Caller, clock: Clock
) -> None:
    other = await desk.caller("self-hosted", account=caller.account.id)
    count(traffic, caller, "optipic", requests=2)
    clock.advance(days=2)
    count(traffic, caller, "smolpix", requests=4)
    count(traffic, other, "smolpix", requests=8)
    await traffic.flush()

    report = await traffic.days(
        account_id=caller.account.id, since=TODAY, until=TODAY + timedelta(days=2)
    )
    assert [number.requests for number in report.per_day.values()] == [2, 0, 12]
    assert list(report.per_day) == [TODAY + timedelta(days=each) for each in range(3)]
    assert {id_: number.requests for (id_, _), number in report.per_key.items()} == {
        other.key.id: 8,
        caller.key.id: 6,
    }
    assert [(api, number.requests) for api, number in report.per_api.items()] == [
        ("smolpix", 12),
        ("optipic", 2),
    ]
    assert [(line.day, line.key_name, line.api) for line in report.lines if line.day == TODAY] == [
        (TODAY, caller.key.label, "optipic")
    ]


async def test_one_key_one_api_and_some_days_can_be_asked_for(
    traffic: Traffic, desk: Desk, caller: Caller, clock: Clock
) -> None:
    other = await desk.caller("self-hosted", account=caller.account.id)
    for number, (who, api) in enumerate(
        (who, api) for who in (caller, other) for api in ("optipic", "smolpix")
    ):
        count(traffic, who, api, requests=10**number)
    clock.advance(days=1)
    count(traffic, caller, requests=10_000)
    await traffic.flush()

    async def asked(**which: str) -> int:
        report = await traffic.days(account_id=caller.account.id, since=TODAY, until=TODAY, **which)
        return report.total.requests

    assert await asked() == 1_111
    assert await asked(key_id=other.key.id) == 1_100
    assert await asked(api="smolpix") == 1_010
    assert await asked(key_id=caller.key.id, api="smolpix") == 10


async def test_nobody_sees_another_s_and_the_operator_sees_the_sum(
    traffic: Traffic, desk: Desk, caller: Caller
) -> None:
    other = await desk.caller("self-hosted")
    count(traffic, caller, requests=1)
    count(traffic, other, requests=2)
    count(traffic, other, "smolpix", requests=4)
    await traffic.flush()

    assert (await today(traffic, caller)).total.requests == 1
    everybody = await traffic.days(account_id=None, since=TODAY, until=TODAY)
    assert [(line.api, line.key_id, line.numbers.requests) for line in everybody.lines] == [
        ("optipic", "", 3),
        ("smolpix", "", 4),
    ]


async def test_a_day_is_one_of_utc(traffic: Traffic, caller: Caller, clock: Clock) -> None:
    clock.moment = datetime(2026, 6, 15, 23, 59, 59, tzinfo=UTC)
    count(traffic, caller, requests=1)
    clock.advance(seconds=1)
    count(traffic, caller, requests=1)
    await traffic.flush()

    report = await traffic.days(account_id=caller.account.id, since=date.min, until=date.max)
    assert [line.day for line in report.lines] == [TODAY, TODAY + timedelta(days=1)]


async def test_a_database_that_is_away_loses_nothing(tmp_path: Path, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path / 'later' / 'pixmill.db'}"
    database = Database(url)
    traffic = Traffic(database=database, now=clock)
    for number in (1, 10):
        traffic.count(account_id="acc", key_id="key", api="optipic", requests=number)
        with pytest.raises(errors.Unavailable):
            await traffic.flush()
    schema.migrate(url)
    traffic.count(account_id="acc", key_id="key", api="optipic", requests=100)

    await traffic.flush()

    report = await traffic.days(account_id="acc", since=TODAY, until=TODAY)
    assert report.total.requests == 111
    await database.close()


async def test_servers_write_the_same_rows_at_once(database_url: str, clock: Clock) -> None:
    databases = [Database(database_url) for _ in range(4)]
    servers = [Traffic(database=database, now=clock) for database in databases]
    for _ in range(5):
        for number, server in enumerate(servers):
            # Each in another order.
            for key in sorted(range(20), key=lambda key: (key * (2 * number + 3)) % 20):
                server.count(account_id="acc", key_id=f"key_{key}", api="optipic", requests=1)
        await asyncio.gather(*(server.flush() for server in servers))

    report = await servers[0].days(account_id="acc", since=TODAY, until=TODAY)
    assert {number.requests for number in report.per_key.values()} == {20}
    assert len(report.per_key) == 20
    for database in databases:
        await database.close()


async def test_what_is_old_is_forgotten(traffic: Traffic, caller: Caller, clock: Clock) -> None:
    count(traffic, caller, requests=1)
    clock.advance(days=1)
    count(traffic, caller, requests=2)
    await traffic.flush()
    clock.advance(days=DAYS)
    await traffic.sweep()

    report = await traffic.days(account_id=caller.account.id, since=date.min, until=date.max)
    assert report.total.requests == 2


async def test_a_deleted_key_keeps_its_name_in_what_it_did(
    traffic: Traffic, keys: Keys, caller: Caller
) -> None:
    made = await keys.create(account=caller.account.id, name="shop")
    traffic.count(account_id=caller.account.id, key_id=made.key.id, api="smolpix", requests=1)
    await traffic.flush()
    await keys.delete(id_=made.key.id)

    assert list((await today(traffic, caller)).per_key) == [(made.key.id, "shop")]


async def test_what_is_done_in_a_browser_is_told_apart_whoever_counts_it(
    traffic: Traffic, keys: Keys, caller: Caller
) -> None:
    website = await keys.website(account_id=caller.account.id)
    count(traffic, website, "picture_optimizer", requests=1)
    await traffic.flush()

    [line] = (await today(traffic, caller)).lines
    assert (line.key_name, line.api) == ("Website", "website")


async def test_jobs_are_counted_once_when_they_end(mill: Mill, caller: Caller) -> None:
    """Two results of one picture, one of them again, and a picture that is none."""

    async def mood(data: bytes, options: Options) -> bytes:
        if data == picture(3):
            raise errors.UnreadableImage
        return await press(data, options)

    mill.press.mood = mood
    await mill.submit(caller, 1, item={"wanted": (WEBP, AVIF)})
    await mill.work_off()
    await mill.submit(caller, 1, 3, item={"wanted": (WEBP,)})
    await mill.work_off()
    await mill.traffic.flush()

    total = (await today(mill.traffic, caller)).total
    assert (total.requests, total.cached, total.errors) == (3, 1, 1)
    assert total.bytes_in == 3 * len(picture(1))
    assert total.bytes_out > 0


async def test_canceled_jobs_are_not_counted(mill: Mill, caller: Caller) -> None:
    accepted = await mill.submit(caller, 1)
    await mill.jobs.cancel(id_=accepted.jobs[0].id, account_id=caller.account.id)
    await mill.work_off()
    await mill.traffic.flush()

    assert (await today(mill.traffic, caller)).lines == []


async def test_a_batch_of_the_dashboard_is_the_website_s(mill: Mill, keys: Keys) -> None:
    made = await keys.create()
    website = await keys.website(account_id=made.key.account_id)
    await mill.submit(website, 1, 2, batch=InBatch(name="b", close=True))
    await mill.work_off()
    await mill.traffic.flush()

    assert {
        api: numbers.requests
        for api, numbers in (await today(mill.traffic, website)).per_api.items()
    } == {"website": 2}
