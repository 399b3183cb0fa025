"""Whose turn it is, and that no place and no memory is ever lost."""

import asyncio
import random
from collections.abc import Coroutine
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixmill import errors
from pixmill.services.pool.admission import Admission


def line(
    *, places: int = 2, memory_size: int = 100, queue_size: int = 1000, queue_timeout: float = 60
) -> Admission:
    return Admission(
        places=places,
        memory_size=memory_size,
        queue_size=queue_size,
        queue_timeout=queue_timeout,
    )


async def steps(count: int) -> None:
    """Let everybody else go on *count* times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def visit(admission: Admission, memory_size: int = 1, *, stay: int = 0) -> None:
    async with admission.admit(memory_size):
        await steps(stay)


def run(scenario: Coroutine[None, None, Admission]) -> None:
    """Play *scenario*, after which nobody may hold anything."""
    admission = asyncio.run(scenario)

    assert (admission.running, admission.memory_in_use, admission.waiting) == (0, 0, 0)


def test_as_many_enter_as_there_are_places() -> None:
    async def scenario() -> Admission:
        admission = line(places=2)
        async with admission.admit(1), admission.admit(1):
            third = asyncio.create_task(visit(admission))
            await steps(5)
            assert (admission.running, admission.waiting) == (2, 1)
        await third
        return admission

    run(scenario())


def test_as_many_enter_as_there_is_memory_for() -> None:
    async def scenario() -> Admission:
        admission = line(places=10, memory_size=100)
        async with admission.admit(60):
            second = asyncio.create_task(visit(admission, 41))
            await steps(5)
            assert (admission.running, admission.waiting) == (1, 1)
        await second
        return admission

    run(scenario())


def test_who_is_larger_than_all_of_the_memory_enters_alone() -> None:
    async def scenario() -> Admission:
        admission = line(memory_size=100)
        async with admission.admit(1):
            giant = asyncio.create_task(visit(admission, 1000, stay=10))
            await steps(5)
            assert (admission.running, admission.waiting) == (1, 1)
        await steps(5)
        assert admission.memory_in_use == 1000
        small = asyncio.create_task(visit(admission))
        await steps(2)
        assert (admission.running, admission.waiting) == (1, 1)
        await asyncio.gather(giant, small)
        return admission

    run(scenario())


def test_nobody_overtakes_also_when_there_is_room() -> None:
    async def scenario() -> Admission:
        admission = line(places=3, memory_size=100)
        entered = []

        async def enter(name: str, memory_size: int) -> None:
            async with admission.admit(memory_size):
                entered.append(name)
                await steps(3)

        sizes = {"first": 60, "large": 90, "small": 1, "smaller": 0}
        await asyncio.gather(*(enter(name, size) for name, size in sizes.items()))
        assert entered == list(sizes)
        return admission

    run(scenario())


def test_a_full_line_sends_newcomers_away() -> None:
    async def scenario() -> Admission:
        admission = line(places=1, queue_size=2)
        visits = [asyncio.create_task(visit(admission, stay=5)) for _ in range(4)]
        outcomes = await asyncio.gather(*visits, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None)] * 3 + [errors.Busy]
        assert admission.refused == 1
        return admission

    run(scenario())


def test_who_waits_too_long_is_sent_away_and_makes_room_behind() -> None:
    async def scenario() -> Admission:
        admission = line(places=3, memory_size=100, queue_timeout=0.01)
        async with admission.admit(60):
            large = asyncio.create_task(visit(admission, 90))
            await asyncio.sleep(0.005)
            small = asyncio.create_task(visit(admission, 1, stay=1))
            with pytest.raises(errors.Busy):
                await large
            await small
        assert admission.refused == 1
        return admission

    run(scenario())


def test_a_closed_line_sends_all_away_but_those_inside() -> None:
    async def scenario() -> Admission:
        admission = line(places=1)
        inside, waiting = (asyncio.create_task(visit(admission, stay=10)) for _ in range(2))
        await steps(3)
        admission.close()
        with pytest.raises(errors.Busy):
            await waiting
        with pytest.raises(errors.Busy):
            await visit(admission)
        assert admission.running == 1
        await admission.until_empty()
        await inside
        return admission

    run(scenario())


def test_a_turn_that_comes_together_with_a_cancellation_is_passed_on() -> None:
    async def scenario() -> Admission:
        admission = line(places=1)
        async with admission.admit(1):
            unlucky = asyncio.create_task(visit(admission))
            next_one = asyncio.create_task(visit(admission))
            await steps(3)
        # Its turn has come by now, but it has not run since.
        unlucky.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unlucky
        await next_one
        return admission

    run(scenario())


def test_an_error_inside_gives_everything_back() -> None:
    async def scenario() -> Admission:
        admission = line()
        with pytest.raises(ZeroDivisionError):
            async with admission.admit(5):
                _ = 1 / 0
        return admission

    run(scenario())


Visitor = tuple[int, int, int, int | None]  # size, steps before, inside, and until it is canceled

VISITORS = st.lists(
    st.tuples(
        st.integers(0, 150),
        st.integers(0, 6),
        st.integers(0, 6),
        st.none() | st.integers(0, 12),
    ),
    max_size=20,
)


async def rush(admission: Admission, visitors: list[Visitor], places: int) -> Admission:
    """Let all *visitors* come, stay and be stopped as they please, and watch the limits."""

    async def come(size: int, before: int, inside: int) -> None:
        await steps(before)
        async with admission.admit(size):
            for _ in range(inside + 1):
                assert admission.running <= places
                assert admission.memory_in_use <= 100 or admission.running == 1
                await steps(1)

    async def come_or_not(visitor: Visitor) -> None:
        size, before, inside, patience = visitor
        task = asyncio.create_task(come(size, before, inside))
        if patience is not None:
            await steps(patience)
            task.cancel()
        with suppress(asyncio.CancelledError, errors.Busy):
            await task

    await asyncio.gather(*(come_or_not(visitor) for visitor in visitors))
    return admission


@given(visitors=VISITORS, places=st.integers(1, 4), queue_size=st.integers(1, 20))
def test_limits_hold_and_nothing_leaks_whoever_is_stopped_when(
    visitors: list[Visitor], places: int, queue_size: int
) -> None:
    run(rush(line(places=places, queue_size=queue_size), visitors, places))


def test_nothing_leaks_in_a_crowd() -> None:
    chance = random.Random(400)
    crowd: list[Visitor] = [
        (
            chance.randint(0, 150),
            chance.randint(0, 200),
            chance.randint(0, 20),
            chance.choice([None, chance.randint(0, 400)]),
        )
        for _ in range(400)
    ]
    run(rush(line(places=3, queue_size=300, queue_timeout=0.05), crowd, 3))


def test_the_patient_are_never_sent_away() -> None:
    async def scenario() -> Admission:
        admission = line(places=1, queue_size=0, queue_timeout=0.01)
        async with admission.admit(1):
            patient = [asyncio.create_task(enter(admission, 1, patient=True)) for _ in range(5)]
            await asyncio.sleep(0.05)
            assert admission.waiting == 0
            with pytest.raises(errors.Busy):
                await visit(admission)
        await asyncio.gather(*patient)
        return admission

    run(scenario())


async def enter(admission: Admission, memory_size: int, *, patient: bool) -> None:
    async with admission.admit(memory_size, patient=patient):
        await steps(1)


def test_the_patient_give_way_but_not_for_ever() -> None:
    entered = []

    async def guest(admission: Admission, name: str) -> None:
        async with admission.admit(1, patient=name == "patient"):
            entered.append(name)
            await steps(1)

    async def scenario() -> Admission:
        admission = line(places=1)
        async with admission.admit(1):
            names = ["patient"] * 2 + ["hurried"] * 7
            guests = [asyncio.create_task(guest(admission, name)) for name in names]
            await steps(5)
        await asyncio.gather(*guests)
        return admission

    run(scenario())

    assert entered == ["hurried"] * 3 + ["patient"] + ["hurried"] * 3 + ["patient", "hurried"]


def test_a_closed_line_sends_the_patient_away_too() -> None:
    async def scenario() -> Admission:
        admission = line(places=1)
        async with admission.admit(1):
            patient = asyncio.create_task(enter(admission, 1, patient=True))
            await steps(5)
            admission.close()
            with pytest.raises(errors.Busy):
                await patient
        return admission

    run(scenario())
