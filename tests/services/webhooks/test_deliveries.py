"""What is sent, when, how often, and what is kept of it."""

import asyncio
from datetime import timedelta

import pytest

from pixmill import errors
from pixmill.services.webhooks.types import SCHEDULE, Delivery, Message
from pixmill.services.webhooks.webhooks import BATCH, LOST_AFTER, MEMORY
from pixmill.stores.db import Database
from services.webhooks.office import Office
from services.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio


async def test_a_message_is_delivered_at_once(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url())
    await office.work()

    (message,) = receiver.heard
    assert message.body == '{"about":"job_1","é":1}'.encode()
    assert message.headers["content-type"] == "application/json"
    assert message.headers["x-event"] == "job.completed"
    assert message.id == id_
    assert id_.startswith("msg_")
    delivery = await office.delivery(id_)
    assert (delivery.state, delivery.attempts, delivery.due_at) == ("delivered", 1, None)
    assert delivery.finished_at == office.clock.moment
    (attempt,) = await office.attempts(id_)
    assert (attempt.number, attempt.status, attempt.error) == (1, 200, None)
    assert attempt.at == office.clock.moment


async def test_the_schedule_is_kept_to_the_end(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url("/hook", 500))
    began = office.clock.moment
    await office.work()
    for number, delay in enumerate(SCHEDULE, start=1):
        delivery = await office.delivery(id_)
        assert (delivery.state, delivery.failures) == ("pending", number)
        assert delivery.due_at == office.clock.moment + delay

        office.clock.moment += delay - timedelta(milliseconds=1)
        assert await office.tick() == 0
        office.clock.moment += timedelta(milliseconds=1)
        assert await office.tick() == 1

    delivery = await office.delivery(id_)
    assert (delivery.state, delivery.due_at) == ("failed", None)
    assert delivery.finished_at == office.clock.moment == began + sum(SCHEDULE, timedelta())
    assert await office.errors(id_) == ["status 500"] * (len(SCHEDULE) + 1)
    office.clock.advance(days=1)
    assert await office.tick() == 0


async def test_all_attempts_send_the_same(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url("/hook", 500, 502, 200))
    await office.go_through(SCHEDULE[:2])

    assert await office.state(id_) == "delivered"
    assert {message.id for message in receiver.heard} == {id_}
    assert len({message.body for message in receiver.heard}) == 1
    assert len({message.headers["x-event"] for message in receiver.heard}) == 1
    # The signature is of the moment: an old one could be anybody's who has listened.
    assert len({message.headers["webhook-timestamp"] for message in receiver.heard}) == 3
    assert len({message.headers["webhook-signature"] for message in receiver.heard}) == 3


async def test_what_it_is_about_is_gone(office: Office, receiver: Receiver) -> None:
    office.forgotten.add("job_2")
    id_ = await office.announce(receiver.url(), subject="job_2")
    await office.work()

    assert await office.state(id_) == "failed"
    assert await office.errors(id_) == ["gone"]
    assert receiver.heard == []


# 410


async def test_410_disables_the_url_for_the_account(office: Office, receiver: Receiver) -> None:
    url = receiver.url("/hook", 500, 410)
    waiting = await office.announce(url)
    await office.work()
    answered = await office.announce(url)
    await office.work()
    later = await office.announce(url)
    assert office.line.waiting == []
    assert await office.state(later) == "disabled"
    await office.go_through(SCHEDULE)

    assert [await office.state(id_) for id_ in (waiting, answered, later)] == ["disabled"] * 3
    assert await office.errors(answered) == ["status 410"]
    assert await office.errors(later) == []
    assert len(receiver.heard) == 2
    (endpoint,) = await office.log.disabled(account=office.account_id)
    assert (endpoint.url, endpoint.account_id) == (url, office.account_id)


async def test_410_is_about_one_url_of_one_account(office: Office, receiver: Receiver) -> None:
    url = receiver.url("/hook", 410, 200)
    await office.announce(url)
    await office.work()
    other = await office.new_account("bob@example.com")
    ids = [
        await office.announce(url, account_id=other),
        await office.announce(receiver.url("/other")),
    ]
    await office.work()

    assert [await office.state(id_) for id_ in ids] == ["delivered"] * 2
    assert await office.log.disabled(account=other) == []
    assert len(await office.log.disabled()) == 1


async def test_a_disabled_url_is_enabled_again(office: Office, receiver: Receiver) -> None:
    url = receiver.url("/hook", 410, 200)
    disabled = await office.announce(url)
    await office.work()
    with pytest.raises(errors.Refused, match="pixmill webhooks enable"):
        await office.log.replay(id_=disabled)

    await office.log.enable(url=url, account="ada@example.com")

    later = await office.announce(url)
    await office.log.replay(id_=disabled)
    await office.tick()
    assert [await office.state(id_) for id_ in (disabled, later)] == ["delivered"] * 2
    with pytest.raises(errors.NotFound):
        await office.log.enable(url=url, account="ada@example.com")


# Replay


async def test_a_replay_sends_the_same_under_the_same_id(
    office: Office, receiver: Receiver
) -> None:
    id_ = await office.announce(receiver.url())
    await office.work()
    office.forgotten.add("job_1")  # a replay needs nothing but what was kept
    office.clock.advance(days=1)

    again = await office.log.replay(id_=id_)

    assert (again.state, again.due_at, again.finished_at) == ("pending", office.clock.moment, None)
    assert await office.tick() == 1
    first, second = receiver.heard
    assert (second.id, second.body) == (first.id, first.body)
    assert [attempt.number for attempt in await office.attempts(id_)] == [1, 2]
    assert await office.state(id_) == "delivered"


async def test_a_replay_begins_the_schedule_anew(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url("/hook", 500))
    await office.go_through(SCHEDULE)
    assert await office.state(id_) == "failed"

    await office.log.replay(id_=id_)
    await office.go_through(SCHEDULE)

    assert await office.state(id_) == "failed"
    assert len(await office.errors(id_)) == 2 * (len(SCHEDULE) + 1)
    assert len(set(office.line.ordered)) == len(office.line.ordered)


async def test_a_replay_need_not_wait_for_the_schedule(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url("/hook", 500, 200))
    await office.work()

    await office.log.replay(id_=id_)

    assert await office.tick() == 1
    assert await office.state(id_) == "delivered"


async def test_a_replay_leaves_alone_what_is_on_its_way(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url())

    again = await office.log.replay(id_=id_)

    assert again.queued
    assert await office.tick() == 1
    assert len(receiver.heard) == 1


async def test_what_does_not_exist_is_not_replayed(office: Office) -> None:
    with pytest.raises(errors.NotFound, match="no delivery msg_x"):
        await office.log.replay(id_="msg_x")


# Work that is done twice, or not at all


async def test_work_that_is_done_again_sends_nothing(office: Office, receiver: Receiver) -> None:
    delivered = await office.announce(receiver.url("/a"))
    failed = await office.announce(receiver.url("/b", 500))
    await office.work()

    for ticket in (f"{delivered}.1", f"{failed}.1", f"{failed}.2", "msg_x.1"):
        await office.webhooks.deliver(ticket)

    assert len(receiver.heard) == 2
    assert (await office.delivery(failed)).failures == 1


async def test_what_two_make_at_once_is_the_same_and_in_the_books_once(
    office: Office, receiver: Receiver
) -> None:
    # As when a node was taken for dead and was not. Each makes a message; both send one of them.
    both = asyncio.Barrier(2)

    async def render(delivery: Delivery, secret: str) -> Message:
        async with both:
            return await office.render(delivery, secret)

    office.webhooks.renders["pixmill"] = render
    id_ = await office.announce(receiver.url("/hook", 500))
    await asyncio.gather(*(office.webhooks.deliver(f"{id_}.1") for _ in range(2)))

    assert office.rendered == 2
    assert {(message.id, message.body) for message in receiver.heard} == {
        (id_, (await office.delivery(id_)).body)
    }
    assert await office.errors(id_) == ["status 500"]
    assert (await office.delivery(id_)).failures == 1


async def test_each_attempt_is_ordered_by_one_node(
    office: Office, receiver: Receiver, database_url: str
) -> None:
    ids = await office.announce_all([receiver.url()] * (BATCH + 20))
    office.line.waiting.clear()
    office.clock.moment += LOST_AFTER
    databases = [Database(database_url) for _ in range(4)]
    nodes = [office.open(database) for database in databases]

    ordered = sum(await asyncio.gather(*(node.due() for node in nodes)))
    while more := await office.webhooks.due():
        ordered += more
    for database in databases:
        await database.close()

    assert ordered == len(ids)
    assert sorted(office.line.waiting) == sorted(f"{id_}.2" for id_ in ids)


async def test_a_lost_attempt_is_made_up_for(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url())
    (lost,) = office.line.waiting
    office.line.waiting.clear()
    office.clock.moment += LOST_AFTER

    assert await office.webhooks.due() == 1
    await office.webhooks.deliver(lost)  # it was found after all, and too late
    assert receiver.heard == []
    await office.work()

    assert await office.state(id_) == "delivered"
    assert len(receiver.heard) == 1
    assert [attempt.number for attempt in await office.attempts(id_)] == [2]


async def test_attempts_are_not_lost_for_ever(office: Office, receiver: Receiver) -> None:
    id_ = await office.announce(receiver.url())
    for _ in range(len(SCHEDULE) + 1):
        office.line.waiting.clear()
        office.clock.moment += LOST_AFTER
        await office.webhooks.due()
    await office.work()

    assert await office.state(id_) == "failed"
    assert receiver.heard == []


# What is remembered


async def test_what_has_ended_is_forgotten_after_a_while(
    office: Office, receiver: Receiver
) -> None:
    closed = receiver.url("/closed", 410)
    ended = [await office.announce(closed)]
    await office.work()
    ended += await office.announce_all([closed] * BATCH)
    waiting = await office.announce(receiver.url("/later", 500))
    await office.work()
    office.clock.moment += MEMORY - timedelta(seconds=1)
    assert await office.webhooks.sweep() == 0
    office.clock.advance(seconds=1)

    assert await office.webhooks.sweep() == len(ended)

    assert [delivery.id for delivery in await office.log.listed()] == [waiting]
    with pytest.raises(errors.NotFound):
        await office.log.find(id_=ended[0])


async def test_the_log_is_listed_newest_first(office: Office, receiver: Receiver) -> None:
    bob = await office.new_account("bob@example.com")
    first = await office.announce(receiver.url("/a"))
    office.clock.advance(seconds=1)
    second = await office.announce(receiver.url("/b", 500), account_id=bob)
    office.clock.advance(seconds=1)
    third = await office.announce(receiver.url("/c", 404))
    await office.work()

    async def listed(**only: str) -> list[str]:
        return [delivery.id for delivery in await office.log.listed(**only)]

    assert await listed() == [third, second, first]
    assert await listed(account="bob@example.com") == [second]
    assert await listed(account=office.account_id, state="pending") == [third]
    assert await listed(limit=1) == [third]
