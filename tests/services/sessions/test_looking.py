"""Looking: at lists and pages of sessions, and at what works on one already."""

import asyncio
from datetime import timedelta

import pytest

from pixmill import errors
from pixmill.services.keys import Caller
from pixmill.services.sessions.runs import Terms
from pixmill.services.sessions.types import LIFE, Tally, Texts
from services.desk import Desk
from services.jobs.mill import BASE
from services.sessions.studio import Studio

pytestmark = pytest.mark.anyio

ALONE = Terms(base_url=BASE, alone=True)


async def test_a_look_counts_pictures_gives_some_and_does_not_use_the_session(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, *(f"{n}.png" for n in range(4)))
    own = {"id_": session, "account_id": caller.account.id}
    await studio.sessions.edit(**own, picture_id="img_001", texts=Texts(alt="A."), approved=True)
    await studio.sessions.edit(**own, picture_id="img_002", texts=Texts(alt="B."))
    await studio.export(caller, session, "img_003")
    await studio.work_off()
    content = await studio.sessions.find(**own)
    studio.mill.clock.advance(hours=1)

    view = await studio.sessions.look(**own, limit=2, start=1)

    assert view.tally == Tally(every=4, worded=2, approved=1, approvable=1)
    assert view.pictures == content.pictures[1:3]
    assert view.files == content.files
    assert len(view.files) == 1
    assert view.session == content.session
    none = await studio.sessions.look(**own, limit=0)
    assert (none.tally, none.pictures) == (view.tally, [])

    studio.mill.clock.advance(hours=22)
    await studio.sessions.use(**own)
    studio.mill.clock.advance(hours=23)
    await studio.sessions.look(**own, limit=1)
    studio.mill.clock.advance(hours=1)
    with pytest.raises(errors.SessionExpired):
        await studio.sessions.look(**own, limit=1)
    with pytest.raises(errors.SessionExpired):
        await studio.sessions.use(**own)


async def test_nobody_looks_at_a_session_of_somebody_else(
    studio: Studio, desk: Desk, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png")
    stranger = (await desk.caller("picture-optimizer-free")).account.id

    for look in (
        studio.sessions.look(id_=session, account_id=stranger, limit=1),
        studio.sessions.use(id_=session, account_id=stranger),
    ):
        with pytest.raises(errors.SessionNotFound):
            await look


async def test_a_list_is_full_although_some_sessions_are_over(
    studio: Studio, caller: Caller
) -> None:
    used = [await studio.session(caller, "a.png")]
    studio.mill.clock.advance(hours=1)
    for _ in range(3):
        await studio.session(caller, "a.png")
    studio.mill.clock.advance(hours=1)
    used.append(await studio.session(caller, "a.png"))
    studio.mill.clock.moment += LIFE - timedelta(hours=2.5)
    for session in used:
        await studio.sessions.use(id_=session, account_id=caller.account.id)
    studio.mill.clock.advance(hours=2)

    found = await studio.sessions.all(account_id=caller.account.id, limit=2)

    assert [session.id for session in found] == used[::-1]


@pytest.mark.parametrize("kind", ["analyze", "export"])
async def test_of_two_orders_at_once_that_are_to_be_alone_one_is_paid(
    kind: str, studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png", "b.png")

    def order() -> asyncio.Task[object]:
        if kind == "analyze":
            return asyncio.create_task(studio.analyze(caller, session, alone=True))
        return asyncio.create_task(studio.export(caller, session, terms=ALONE))

    answers = await asyncio.gather(*(order() for _ in range(4)), return_exceptions=True)

    refusals = [answer for answer in answers if isinstance(answer, BaseException)]
    assert [type(refusal) for refusal in refusals] == [errors.Conflict] * 3
    assert str(refusals[0]) == "That is being done already; wait until it is over."
    assert len(await studio.mill.waiting("runs")) == 1
    assert await studio.balance(caller) == 23

    await studio.work_off()
    await order()


async def test_an_order_is_alone_among_its_kind_and_others_are_taken_as_ever(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png")
    await studio.analyze(caller, session)

    await studio.export(caller, session, terms=ALONE)
    await studio.analyze(caller, session)
    with pytest.raises(errors.Conflict):
        await studio.analyze(caller, session, alone=True)

    other = await studio.session(caller, "b.png")
    await studio.analyze(caller, other, alone=True)
