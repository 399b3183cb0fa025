"""Reviewing: words that somebody has looked at, until they change."""

import pytest

from pixmill import errors
from pixmill.services.keys import Caller
from pixmill.services.sessions.types import Texts
from services.desk import Desk
from services.sessions.studio import Studio

pytestmark = pytest.mark.anyio


async def approved(studio: Studio, caller: Caller, session: str) -> list[bool]:
    content = await studio.sessions.find(id_=session, account_id=caller.account.id)
    return [picture.approved for picture in content.pictures]


async def test_words_are_approved_until_they_change(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, "a.png", "b.png", "c.png")
    own = {"id_": session, "account_id": caller.account.id}
    await studio.analyze(caller, session, "img_001", "img_002")
    await studio.work_off()

    assert await studio.sessions.approve(**own, picture_ids=["img_001"]) == 1
    assert await approved(studio, caller, session) == [True, False, False]
    assert await studio.sessions.approve(**own) == 1, "of the third nothing is said"
    await studio.sessions.edit(**own, picture_id="img_002", texts=Texts(alt="Rain."))
    assert await approved(studio, caller, session) == [True, False, False]
    edited = await studio.sessions.edit(
        **own, picture_id="img_003", texts=Texts(alt="Snow."), approved=True
    )
    assert edited.approved
    await studio.analyze(caller, session, "img_001")
    await studio.work_off()
    assert await approved(studio, caller, session) == [False, False, True]


async def test_somebody_elses_session_is_not_there(
    studio: Studio, desk: Desk, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png")
    run = await studio.analyze(caller, session)
    other = await desk.caller("picture-optimizer-free")
    with pytest.raises(errors.SessionNotFound):
        await studio.sessions.approve(id_=session, account_id=other.account.id)
    with pytest.raises(errors.NotFound):
        await studio.sessions.picture(
            id_=session, account_id=other.account.id, picture_id="img_001"
        )
    running = studio.runs.running
    assert await running(session_id=session, account_id=other.account.id) == []
    assert await running(session_id=session, account_id=caller.account.id) == [run]
