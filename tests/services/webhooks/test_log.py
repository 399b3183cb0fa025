"""The log as the owner of an account sees it."""

import pytest

from pixmill import errors
from services.webhooks.office import Office
from services.webhooks.receiver import Receiver

pytestmark = pytest.mark.anyio


async def test_an_account_sees_its_own_deliveries_alone(office: Office, receiver: Receiver) -> None:
    good, bad = receiver.url("/good"), receiver.url("/bad", 500)
    ids = [await office.announce(good), await office.announce(bad)]
    office.clock.advance(seconds=1)
    ids.append(await office.announce(good))
    await office.work()
    other = await office.new_account("bob@example.com")
    own = {"account_id": office.account_id, "start": 0, "limit": 9}

    page = await office.log.page(**own)
    assert {delivery.id for delivery, _ in page} == set(ids)
    assert page[0][0].id == ids[2]
    last = {delivery.id: attempt for delivery, attempt in page}
    assert [getattr(last[id_], "status", None) for id_ in ids] == [200, 500, 200]
    waiting = await office.log.page(**own, state="pending", url=bad)
    assert [delivery.id for delivery, _ in waiting] == [ids[1]]
    assert await office.log.page(**{**own, "start": 3}) == []
    receivers = await office.log.receivers(account_id=office.account_id)
    told = [(each.url, each.messages, each.delivered, each.pending) for each in receivers]
    assert told == [(good, 2, 2, 0), (bad, 1, 0, 1)]

    assert await office.log.page(**{**own, "account_id": other}) == []
    assert await office.log.receivers(account_id=other) == []
    for ask in (office.log.find, office.log.replay):
        with pytest.raises(errors.NotFound):
            await ask(id_=ids[0], account_id=other)
    found, attempts = await office.log.find(id_=ids[0], account_id=office.account_id)
    assert (found.url, len(attempts)) == (good, 1)
