"""Processes that were taken over and say whatever they like: the server believes none of it."""

import json
from pathlib import Path
from typing import Any

import pytest

from pixmill import errors
from pixmill.services.pool.types import SourceFacts
from services.pool.bench import Bench, OpenPool, until

FACTS: dict[str, Any] = {
    "format": "webp",
    "width": 4,
    "height": 3,
    "frames": 1,
    "how": "encoded",
    "source": {"format": "png", "width": 4, "height": 3, "frames": 1},
}


def claim(number: str = "{id}", **changes: Any) -> str:
    """Word a success as a sound process would, with *changes* to it."""
    message = {"id": 0, "size": 5, "facts": FACTS} | changes
    return json.dumps(message).replace('"id": 0', f'"id": {number}')


LIES = {
    "another job's number": claim("2000000000"),
    "no number": claim("null"),
    "a number that is text": claim('"{id}"'),
    "a number that is a truth": claim("true"),
    "a huge size": claim(size=10**15),
    "a size above the limit": claim(size=129 << 20),
    "a size that no integer type holds": claim(size=10**1000),
    "a negative size": claim(size=-1),
    "no size": claim(size=None),
    "a size of zero": claim(size=0),
    "a size with a fraction": claim(size=5.0),
    "a size that is not a number": claim(size=float("nan")),
    "more bytes than were written": claim(size=6),
    "nothing": "",
    "not JSON": "pickle me",
    "a pickle": "cos\nsystem\n(S'touch /tmp/pixmill-was-here'\ntR.",
    "bytes that are no text": "\xff\xfe",
    "a list": "[]",
    "another key": claim(extra=1),
    "no facts": claim(facts=None),
    "half of the facts": claim(facts={"format": "webp"}),
    "a format that is a path": claim(facts=FACTS | {"format": "../../etc"}),
    "a format that nobody writes": claim(facts=FACTS | {"format": "exe"}),
    "a width of zero": claim(facts=FACTS | {"width": 0}),
    "a width beyond all formats": claim(facts=FACTS | {"width": 2**31}),
    "a new way of making it": claim(facts=FACTS | {"how": "magic"}),
    "a source that is none": claim(facts=FACTS | {"source": []}),
    "an error that is none of its business": '{"id":{id},"error":"quota_exceeded","detail":""}',
    "an error that does not exist": '{"id":{id},"error":"__class__","detail":""}',
    "an error with too many words": json.dumps(
        {"id": 0, "error": "too_costly", "detail": "x" * 2000}
    ).replace("0", "{id}", 1),
    "a success and a failure": claim(error="too_costly", detail=""),
}


@pytest.fixture(
    scope="module", params=[frozenset(), {"seqpacket", "pidfd"}], ids=["linux", "other"]
)
def bench(open_shared_pool: OpenPool, request: pytest.FixtureRequest) -> Bench:
    return open_shared_pool(disable=frozenset(request.param))


def assert_it_was_killed_for(bench: Bench, *lie: object) -> None:
    liar = bench.ask("process")["pid"]
    with pytest.raises(errors.UnreadableImage) as caught:
        bench.ask(*lie)

    assert type(caught.value) is errors.UnreadableImage
    assert bench.ask("echo", "the next job") == "the next job"
    assert bench.ask("process")["pid"] != liar


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_costs_the_liar_its_life_and_hurts_nobody_else(bench: Bench, lie: str) -> None:
    assert_it_was_killed_for(bench, "say", [LIES[lie]], "12345")


@pytest.mark.parametrize("size", [64 * 1024, 100_000])
def test_a_message_that_is_too_long_is_a_lie(bench: Bench, size: int) -> None:
    assert_it_was_killed_for(bench, "say_something_long", size)


def test_a_message_that_is_nested_too_deeply_is_a_lie(bench: Bench) -> None:
    assert_it_was_killed_for(bench, "say_something_deep")


def test_messages_without_end_are_a_lie(bench: Bench) -> None:
    assert_it_was_killed_for(bench, "talk_without_end")


def test_hanging_up_is_a_lie(bench: Bench) -> None:
    assert_it_was_killed_for(bench, "hang_up")


@pytest.mark.parametrize("number", ["{id}", "{next}"])
def test_what_was_said_unasked_is_not_taken_for_the_next_answer(bench: Bench, number: str) -> None:
    liar = bench.ask("process")["pid"]
    first = bench.run(bench.optimize("say", [claim(), claim(number)], "12345"))
    [process] = bench.pool._crew.alive
    bench.run(until(lambda: not process.is_sound()))

    assert first.data == b"12345"
    assert bench.ask("echo", "the next job") == "the next job"
    assert bench.ask("process")["pid"] != liar


def test_an_answer_that_comes_after_a_wrong_one_is_not_taken_either(bench: Bench) -> None:
    assert_it_was_killed_for(bench, "say_and_answer", "{}")


def test_files_that_a_process_sends_never_arrive(open_pool: OpenPool) -> None:
    bench = open_pool()
    before = descriptors()
    done = bench.run(bench.optimize("send_files", claim(), "12345", 200))

    assert done.data == b"12345"
    assert descriptors() == before


def test_a_process_can_write_no_more_than_the_limit(open_pool: OpenPool) -> None:
    assert open_pool(output_size=1 << 20).ask("fill_the_output") == 1 << 20


def test_a_result_above_the_limit_is_too_costly(open_pool: OpenPool) -> None:
    bench = open_pool(output_size=1 << 20)

    assert len(bench.ask("large", (1 << 20) - 2)) == (1 << 20) - 2
    with pytest.raises(errors.TooCostly):
        bench.ask("large", (1 << 20) - 1)
    assert bench.pool.status().counters.crashed == 0


def test_what_a_process_says_of_a_result_is_handed_on(bench: Bench) -> None:
    done = bench.run(bench.optimize("echo", "anything"))

    assert (done.format, done.width, done.height, done.frames) == ("webp", 40, 30, 1)
    assert done.how == "encoded"
    assert done.source == SourceFacts(format="png", width=4, height=3, frames=2)
    assert done.data == b'"anything"'


def descriptors() -> list[str]:
    return sorted(path.name for path in Path("/proc/self/fd").iterdir())
