"""A post office: webhooks with a queue that a test can look into, and a clock that it can turn."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from pixmill import errors
from pixmill.services.accounts import Accounts
from pixmill.services.fetching.fetcher import Fetcher
from pixmill.services.fetching.types import FetchConfig
from pixmill.services.queue.types import Lane
from pixmill.services.secret import Secret
from pixmill.services.webhooks.log import DeliveryLog
from pixmill.services.webhooks.types import Attempt, Delivery, Message
from pixmill.services.webhooks.webhooks import Webhooks
from pixmill.stores.db import Database
from services.desk import Clock
from services.webhooks.receiver import Receiver

SECRET = bytes(range(32))
LOOPBACK = (ip_network("127.0.0.0/8"),)


class Line:
    """
    The queue, run by hand.

    A test about times must say when work is done; that the real queue does it is tested elsewhere
    (test_durable.py).
    """

    def __init__(self) -> None:
        self.waiting: list[str] = []
        self.ordered: list[str] = []

    async def put(
        self, connection: AsyncConnection, *, lane: Lane, id_: str, argument: str, priority: int = 1
    ) -> None:
        assert connection.in_transaction()
        assert (lane.name, id_, priority) == ("webhooks", argument, 1)
        self.ordered.append(argument)
        self.waiting.append(argument)


class Office:
    """All that it takes to deliver messages of one account to a receiver."""

    def __init__(
        self, *, database: Database, fetcher: Fetcher, receiver: Receiver, clock: Clock
    ) -> None:
        self.database = database
        self.fetcher = fetcher
        self.receiver = receiver
        self.clock = clock
        self.line = Line()
        self.webhooks = self.open()
        self.log = DeliveryLog(database=database, now=clock)
        self.account_id = ""
        #: Subjects about which nothing is known any more.
        self.forgotten: set[str] = set()
        self.rendered = 0

    def open(self, database: Database | None = None, **options: Any) -> Webhooks:
        """Return webhooks on another node, or with other options."""
        webhooks = Webhooks(
            **{
                "database": database or self.database,
                "queue": self.line,
                "fetcher": self.fetcher,
                "secret": Secret(SECRET),
                "now": self.clock,
                **options,
            }
        )
        webhooks.renders["pixmill"] = self.render
        return webhooks

    async def render(self, delivery: Delivery, secret: str) -> Message:
        """Make another message each time, with everything that a dialect is given."""
        if delivery.subject in self.forgotten:
            raise errors.NotFound
        self.rendered += 1
        assert secret == self.webhooks.secret_of(delivery.account_id)
        return Message(
            body=f'{{"about":"{delivery.subject}","é":{self.rendered}}}'.encode(),
            content_type="application/json",
            headers={"X-Event": delivery.event},
        )

    async def new_account(self, email: str = "ada@example.com") -> str:
        account = await Accounts(database=self.database).create(email=email, plan="self-hosted")
        return account.id

    async def announce(self, url: str, **details: str) -> str:
        """Announce something, and return the id of its delivery."""
        [id_] = await self.announce_all([url], **details)
        return id_

    async def announce_all(self, urls: Sequence[str], **details: str) -> list[str]:
        """Announce the same to all of *urls*, in one transaction."""
        message = {
            "account_id": self.account_id,
            "dialect": "pixmill",
            "event": "job.completed",
            "subject": "job_1",
            "base_url": "https://images.example.com",
            **details,
        }
        async with self.database.transaction() as connection:
            return [await self.webhooks.announce(connection, url=url, **message) for url in urls]

    async def work(self) -> int:
        """Do what waits in the queue; return how many pieces of work it was."""
        waiting, self.line.waiting = self.line.waiting, []
        for ticket in waiting:
            await self.webhooks.deliver(ticket)
        return len(waiting)

    async def tick(self) -> int:
        """Do what a node does about once a second; return how many attempts were made."""
        await self.webhooks.due()
        return await self.work()

    async def go_through(self, schedule: Sequence[timedelta]) -> None:
        """Let all the times of *schedule* pass, and make the attempts that fall due."""
        await self.tick()
        for delay in schedule:
            self.clock.moment += delay
            await self.tick()

    async def delivery(self, id_: str) -> Delivery:
        return (await self.log.find(id_=id_))[0]

    async def attempts(self, id_: str) -> list[Attempt]:
        return (await self.log.find(id_=id_))[1]

    async def errors(self, id_: str) -> list[str | None]:
        return [attempt.error for attempt in await self.attempts(id_)]

    async def state(self, id_: str) -> str:
        return (await self.delivery(id_)).state


def fetch_config(**options: Any) -> FetchConfig:
    return FetchConfig(**{"allow": LOOPBACK, **options})
