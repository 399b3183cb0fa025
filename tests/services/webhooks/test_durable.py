"""Deliveries on the real queue, by processes that are killed."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.queue.queue import Queue
from pixmill.services.webhooks.types import Attempt, Delivery
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.stores import deliveries
from pixmill.stores.db import Database
from services.webhooks.node import LONG, open_webhooks, running
from services.webhooks.office import Office
from services.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio

#: A test that still waits after so many seconds has found something that is lost.
HANGS = 60.0


class Desk:
    """Where messages are announced that nodes deliver."""

    def __init__(self, database: Database, webhooks: Webhooks, account_id: str) -> None:
        self._database = database
        self._webhooks = webhooks
        self._account_id = account_id

    async def announce(self, url: str, *, subject: str = "job_1", fail: bool = False) -> str:
        async with self._database.transaction() as connection:
            id_ = await self._webhooks.announce(
                connection,
                account_id=self._account_id,
                url=url,
                dialect="pixmill",
                event="job.completed",
                subject=subject,
                base_url="",
            )
            if fail:
                raise RuntimeError("not committed")
        return id_

    async def delivery(self, id_: str) -> Delivery:
        async with self._database.reading() as connection:
            found = await deliveries.find(connection, id_=id_)
        assert found
        return found

    async def attempts(self, id_: str) -> list[Attempt]:
        async with self._database.reading() as connection:
            return await deliveries.made(connection, id_=id_)

    async def once(self, id_: str, condition: Callable[[Delivery], object]) -> Delivery:
        """Wait until *condition* holds of a delivery, and return it."""
        async with asyncio.timeout(HANGS):
            while not condition(found := await self.delivery(id_)):  # noqa: ASYNC110 - as below
                await asyncio.sleep(0.02)
        return found

    async def delivered(self, id_: str) -> Delivery:
        return await self.once(id_, lambda delivery: delivery.state == "delivered")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(HANGS):
        while not condition():  # noqa: ASYNC110 - other threads and processes set it
            await asyncio.sleep(0.02)


@pytest.fixture
async def desk(
    office: Office, database: Database, database_url: str, fetcher: Fetcher
) -> AsyncIterator[Desk]:
    queue = Queue(database_url=database_url)
    await queue.start()
    webhooks = open_webhooks(database, queue, fetcher)
    yield Desk(database, webhooks, office.account_id)
    await queue.close()


async def test_the_schedule_outlives_its_process(
    desk: Desk, receiver: Receiver, database_url: str
) -> None:
    id_ = await desk.announce(receiver.url("/hook", 500, 500, 200))
    with running(database_url) as node:
        before = await desk.once(id_, lambda delivery: delivery.failures == 2)
        node.kill()

    with running(database_url) as node:
        await node.look()
        after = await desk.delivery(id_)
    assert after == before
    assert len(receiver.heard) == 2
    second = (await desk.attempts(id_))[1]
    assert after.due_at
    assert LONG <= after.due_at - second.at < LONG + timedelta(seconds=HANGS)

    with running(database_url, later=LONG):
        delivery = await desk.delivered(id_)

    assert (delivery.attempts, delivery.failures) == (3, 2)
    assert {message.id for message in receiver.heard} == {id_}
    assert len({message.body for message in receiver.heard}) == 1
    assert [attempt.error for attempt in await desk.attempts(id_)] == ["status 500"] * 2 + [None]


async def test_an_attempt_that_was_cut_off_is_made_again(
    desk: Desk, receiver: Receiver, database_url: str
) -> None:
    id_ = await desk.announce(receiver.url("/hook", receiver.hang, 200))
    with running(database_url) as node:
        await until(lambda: receiver.heard)
        node.kill()

    with running(database_url):
        delivery = await desk.delivered(id_)

    first, second = receiver.heard
    assert (second.id, second.body) == (first.id, first.body) == (id_, delivery.body)
    assert [attempt.number for attempt in await desk.attempts(id_)] == [1]


async def test_what_was_not_committed_is_not_told(
    desk: Desk, receiver: Receiver, database_url: str
) -> None:
    url = receiver.url()
    with pytest.raises(RuntimeError, match="not committed"):
        await desk.announce(url, subject="job_1", fail=True)
    told = await desk.announce(url, subject="job_2")

    with running(database_url) as node:
        await desk.delivered(told)
        await node.look()

    assert [message.body.split()[0] for message in receiver.heard] == [b"job_2"]
