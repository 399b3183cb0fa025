"""Runs: what is accepted is done once, paid once, and told in its order, whoever dies."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixmill import clock as clocks
from pixmill import errors
from pixmill.services.keys import Caller
from pixmill.services.sessions.types import MOST_AT_ONCE, Texts, load_texts
from pixmill.stores import runs, usage
from services.desk import Desk
from services.queue.waiting import until
from services.sessions.studio import UGLY, Studio, names
from services.vision.server import Script

pytestmark = pytest.mark.anyio


async def test_an_analysis_tells_each_beginning_and_each_end(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png", "b.png", f"{UGLY}.png")
    run = await studio.analyze(caller, session)
    await studio.work_off()

    news = await studio.heard(run)

    assert [each.number for each in news] == list(range(1, len(news) + 1))
    begun = [each.data for each in news if each.name == "begun"]
    assert [(each["current"], each["total"]) for each in begun] == [(1, 3), (2, 3), (3, 3)]
    assert sorted(names(news)) == ["begun"] * 3 + ["done"] * 2 + ["failed", "over"]
    assert news[-1].data == {"kind": "analyze", "processed": 2, "failed": 1, "total": 3}
    content = await studio.sessions.find(id_=session, account_id=caller.account.id)
    assert [each.status for each in content.pictures] == ["described", "described", "failed"]
    assert content.running == []


async def test_each_end_is_counted_for_charts(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, "a.png", f"{UGLY}.png")
    await studio.analyze(caller, session)
    await studio.work_off()
    await studio.export(caller, session)
    await studio.work_off()
    traffic, today = studio.mill.traffic, studio.mill.clock().date()
    await traffic.flush()

    report = await traffic.days(account_id=caller.account.id, since=today, until=today)

    [line] = report.lines
    assert (line.api, line.key_id) == ("picture_optimizer", caller.key.id)
    assert (line.numbers.requests, line.numbers.errors) == (3, 1)
    assert line.numbers.bytes_in > 0 < line.numbers.bytes_out


async def test_what_fails_gives_its_credit_back(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, "a.png", f"{UGLY}.png")
    await studio.analyze(caller, session)
    assert await studio.balance(caller) == 23

    await studio.work_off()

    assert await studio.balance(caller) == 24
    async with studio.mill.database.reading() as connection:
        found = await usage.find(
            connection, subject=caller.account.id, period=clocks.period(studio.mill.clock())
        )
    assert (found.requests, found.taken) == (1, 1)


async def test_without_a_model_nothing_is_made_up_and_nothing_charged(
    blind: Studio, caller: Caller
) -> None:
    session = await blind.session(caller, "Ärger im Büro.png")
    run = await blind.analyze(caller, session)
    await blind.work_off()

    [done] = [each.data for each in await blind.heard(run) if each.name == "done"]

    assert done["engine"] == "local"
    assert done["texts"] == {
        "title": None,
        "alt": None,
        "caption": None,
        "description": None,
        "filename": "arger-im-buro",
        "keywords": [],
    }
    assert done["facts"]["colors"] == [{"hex": "#008080", "share": 1.0}]
    assert await blind.balance(caller) == 25


async def test_too_few_credits_begin_nothing(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, *(f"{n}.png" for n in range(26)))

    with pytest.raises(errors.InsufficientCredits, match="You have 25 but need 26"):
        await studio.analyze(caller, session)

    assert await studio.mill.waiting("runs") == []
    assert await studio.balance(caller) == 25
    content = await studio.sessions.find(id_=session, account_id=caller.account.id)
    assert content.running == []


async def test_a_plan_without_credits_pays_with_requests(studio: Studio, desk: Desk) -> None:
    caller = await desk.caller("optimagio-free")
    session = await studio.session(caller, "a.png", f"{UGLY}.png")
    await studio.analyze(caller, session)
    await studio.work_off()

    async with studio.mill.database.reading() as connection:
        found = await usage.find(
            connection, subject=caller.subject, period=clocks.period(studio.mill.clock())
        )
    assert (found.requests, found.taken) == (1, 1)
    await desk.use(caller, 98)
    caller = await desk.again(caller)
    with pytest.raises(errors.InsufficientCredits):
        await studio.analyze(caller, session)


async def test_a_run_that_was_cut_off_goes_on_where_it_was(
    studio: Studio, caller: Caller, script: Script
) -> None:
    session = await studio.session(caller, *(f"{n}.png" for n in range(6)))
    run = await studio.analyze(caller, session)
    script.says(*script.answers, *script.answers, script.hang)
    dying = asyncio.create_task(studio.work().run(run.id))
    await until(lambda: len(script.asked) >= 5)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    seen = await studio.runs.find(id_=run.id, account_id=caller.account.id)
    assert seen[0].finished < 6

    script.says(*script.answers[:1])
    await studio.work().run(run.id)

    news = await studio.heard(run)
    assert names(news).count("begun") == names(news).count("done") == 6
    assert names(news)[-1] == "over"
    assert [each.data["current"] for each in news if each.name == "begun"] == list(range(1, 7))
    assert await studio.balance(caller) == 19


async def test_two_who_work_on_one_run_end_each_task_once(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, *(f"{n}.png" for n in range(5)))
    run = await studio.export(caller, session)

    await asyncio.gather(studio.work().run(run.id), studio.work().run(run.id))

    news = await studio.heard(run)
    assert sorted(names(news)) == ["begun"] * 5 + ["done"] * 5 + ["over"]
    assert await studio.balance(caller) == 20
    content = await studio.sessions.find(id_=session, account_id=caller.account.id)
    assert [file.name for file in content.files] == [f"{n}.webp" for n in range(5)]


async def test_a_node_that_stops_lets_another_go_on(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, "a.png", "b.png")
    run = await studio.analyze(caller, session)
    [(id_, _)] = await studio.mill.waiting("runs")
    await studio.mill.take(id_)
    await studio.work(stopping=True).run(run.id)

    assert names(await studio.so_far(run)) == []
    await studio.work_off()

    assert names(await studio.heard(run))[-1] == "over"


async def test_events_are_heard_after_the_last_one_that_is_known(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png", "b.png")
    run = await studio.analyze(caller, session)
    await studio.work_off()

    everything = await studio.heard(run)
    for known in range(len(everything)):
        assert await studio.heard(run, after=known) == everything[known:]


async def test_exports_replace_each_other_and_keep_names_apart(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "Beach.png", "beach.png", "../../etc/passwd.png")
    await studio.export(caller, session)
    await studio.work_off()
    await studio.export(caller, session, "img_001", texts=Texts(filename="A Kite!"))
    await studio.work_off()

    content = await studio.sessions.find(id_=session, account_id=caller.account.id)

    assert [file.name for file in content.files] == ["a-kite.webp", "beach-2.webp", "passwd.webp"]
    assert await studio.balance(caller) == 21
    for file in content.files:
        stored = await studio.mill.results.find(id_=file.result_id, account_id=caller.account.id)
        await studio.mill.results.check(stored)


async def test_what_is_edited_is_what_is_exported(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, "a.png")
    texts = Texts(alt="A kite", filename="kite", keywords=("sky",))
    edited = await studio.sessions.edit(
        id_=session, account_id=caller.account.id, picture_id="img_001", texts=texts
    )
    assert load_texts(edited.words) == texts
    run = await studio.export(caller, session)
    async with studio.mill.database.reading() as connection:
        [task] = await runs.tasks_of(connection, run_id=run.id)
    assert task.name == "kite"
    with pytest.raises(errors.ImageNotFound):
        await studio.sessions.edit(
            id_=session, account_id=caller.account.id, picture_id="img_009", texts=texts
        )


async def test_pictures_that_are_not_there_or_too_many_are_refused(
    studio: Studio, caller: Caller, desk: Desk
) -> None:
    session = await studio.session(caller, "a.png")
    with pytest.raises(errors.ImageNotFound):
        await studio.analyze(caller, session, "img_002")
    other = await desk.caller("self-hosted")
    with pytest.raises(errors.SessionNotFound):
        await studio.analyze(other, session)
    full = await studio.session(other, *(f"{n}.png" for n in range(MOST_AT_ONCE + 1)))
    with pytest.raises(errors.TooManyFiles):
        await studio.analyze(other, full)


async def test_a_session_that_is_deleted_takes_everything_along(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png", "b.png")
    await studio.export(caller, session, "img_001")
    await studio.work_off()
    run = await studio.analyze(caller, session)
    assert await studio.balance(caller) == 22

    await studio.sessions.delete(id_=session, account_id=caller.account.id)
    await studio.work().run(run.id)

    assert await studio.balance(caller) == 24
    with pytest.raises(errors.SessionNotFound):
        await studio.sessions.find(id_=session, account_id=caller.account.id)
    studio.mill.clock.advance(hours=1)
    await studio.mill.results.sweep()
    assert studio.mill.files() == []


async def test_a_session_ends_a_day_after_its_last_use(studio: Studio, caller: Caller) -> None:
    session = await studio.session(caller, "a.png")
    await studio.analyze(caller, session)
    await studio.work_off()
    studio.mill.clock.advance(hours=23)
    await studio.sessions.find(id_=session, account_id=caller.account.id)
    studio.mill.clock.advance(hours=23)
    await studio.sessions.sweep()
    await studio.sessions.find(id_=session, account_id=caller.account.id)

    studio.mill.clock.advance(hours=24)
    for _ in range(2):  # before and after somebody has cleaned up
        with pytest.raises(errors.SessionExpired):
            await studio.analyze(caller, session)
        with pytest.raises(errors.SessionExpired):
            await studio.sessions.find(id_=session, account_id=caller.account.id)
        await studio.sessions.sweep()
    assert await studio.sessions.all(account_id=caller.account.id, limit=10) == []
    await studio.mill.results.sweep()
    assert studio.mill.files() == []

    studio.mill.clock.advance(days=8)
    await studio.sessions.sweep()
    with pytest.raises(errors.SessionNotFound):
        await studio.sessions.find(id_=session, account_id=caller.account.id)


async def test_a_run_that_nobody_finishes_is_given_up_and_paid_back(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, "a.png", "b.png")
    run = await studio.analyze(caller, session)
    studio.mill.clock.advance(hours=25)

    await studio.runs.sweep()

    assert names(await studio.heard(run)) == ["failed", "failed", "over"]
    assert await studio.balance(caller) == 25


@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    orders=st.lists(
        st.tuples(
            st.sampled_from(["analyze", "export"]),
            st.sets(st.integers(1, 4), min_size=1),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
async def test_credits_are_what_succeeded(
    studio: Studio, desk: Desk, orders: list[tuple[str, set[int], bool]]
) -> None:
    caller = await desk.caller("picture-optimizer-free")
    session = await studio.session(caller, "a.png", f"{UGLY} b.png", "c.png", f"{UGLY} d.png")
    spent = 0
    for kind, numbers, together in orders:
        ids = [f"img_{number:03}" for number in sorted(numbers)]
        order = studio.analyze if kind == "analyze" else studio.export
        await order(caller, session, *ids)
        spent += len(numbers & {1, 3}) if kind == "analyze" else len(numbers)
        if not together:
            await studio.work_off()
    await studio.work_off()

    async with studio.mill.database.reading() as connection:
        heard = await runs.heard(connection, session_id=session, after=0, limit=1000)
    failed = [json.loads(each.data) for each in heard if each.name == "failed"]
    assert [each for each in failed if each["picture"] in {"img_001", "img_003"}] == []
    assert await studio.balance(caller) == 25 - spent


async def test_orders_edits_and_work_at_once_neither_lose_nor_wait_for_each_other(
    studio: Studio, caller: Caller
) -> None:
    session = await studio.session(caller, *(f"{n}.png" for n in range(4)))

    async def edit() -> None:
        for number in range(1, 5):
            await studio.sessions.edit(
                id_=session,
                account_id=caller.account.id,
                picture_id=f"img_{number:03}",
                texts=Texts(alt=str(number)),
            )

    async def order() -> None:
        await studio.analyze(caller, session)
        await studio.export(caller, session)

    # Whoever is the victim of a deadlock would hear that the database is not available.
    await asyncio.gather(order(), order(), edit(), edit(), studio.work_off(), studio.work_off())
    await studio.work_off()

    content = await studio.sessions.find(id_=session, account_id=caller.account.id)
    assert content.running == []
    assert await studio.balance(caller) == 25 - 16
    assert json.loads(content.pictures[0].words or "")["alt"]
