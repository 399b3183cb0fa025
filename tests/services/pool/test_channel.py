"""Messages arrive whole and in order, on sockets that keep them apart and on those that do not."""

import json
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixmill.services.pool.channel import MESSAGE_SIZE, Channel

Ends = tuple[Channel, Channel]


@pytest.fixture(params=[False, True], ids=["packets", "stream"])
def ends(request: pytest.FixtureRequest) -> Iterator[Ends]:
    """Give our end, which never waits, and theirs."""
    ours, theirs = Channel.pair(framed=request.param)
    with ours, theirs:
        yield ours, theirs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(max_size=300), min_size=1, max_size=20))
def test_messages_arrive_whole_and_in_order(ends: Ends, texts: list[str]) -> None:
    ours, theirs = ends
    for text in texts:
        theirs.send({"text": text})

    assert [json.loads(ours.receive()[0]) for _ in texts] == [{"text": text} for text in texts]
    assert ours.is_silent()


def test_files_arrive_with_their_message(ends: Ends) -> None:
    ours, theirs = ends
    reading, writing = os.pipe()
    ours.send({"for": "you"}, [writing])
    os.close(writing)
    message, [received] = theirs.receive(files=2)
    os.write(received, b"through")
    os.close(received)

    assert json.loads(message) == {"for": "you"}
    assert os.read(reading, 100) == b"through"
    os.close(reading)


def test_files_that_were_not_asked_for_are_dropped(ends: Ends) -> None:
    ours, theirs = ends
    reading, writing = os.pipe()
    theirs.send({"have": "these"}, [writing] * 50)
    os.close(writing)
    message, files = ours.receive()

    assert json.loads(message) == {"have": "these"}
    assert files == []
    assert os.read(reading, 1) == b""  # nobody has the other end any more
    os.close(reading)


def test_our_end_never_waits(ends: Ends) -> None:
    ours, _ = ends

    assert ours.is_silent()
    with pytest.raises(BlockingIOError):
        ours.receive()


def test_what_was_said_breaks_the_silence_until_it_is_received(ends: Ends) -> None:
    ours, theirs = ends
    theirs.send({"one": 1})
    theirs.send({"two": 2})

    assert not ours.is_silent()
    ours.receive()
    assert not ours.is_silent()
    ours.receive()
    assert ours.is_silent()


def test_the_end_is_an_empty_message_and_no_silence(ends: Ends) -> None:
    ours, theirs = ends
    theirs.close()

    assert not ours.is_silent()
    assert ours.receive() == (b"", [])


def test_nobody_can_be_told_anything_after_the_end(ends: Ends) -> None:
    ours, theirs = ends
    theirs.close()

    with pytest.raises(ConnectionError):
        ours.send({})


def test_who_does_not_listen_is_not_waited_for(ends: Ends) -> None:
    ours, _ = ends

    def talk() -> None:
        for _ in range(1000):
            ours.send({"text": "x" * 10_000})

    with pytest.raises(ConnectionError, match="does not listen"):
        talk()


def test_a_message_of_the_largest_size_arrives(ends: Ends) -> None:
    ours, theirs = ends
    text = "x" * (MESSAGE_SIZE - len('{"text":""}\n'))
    theirs.send({"text": text})

    assert json.loads(ours.receive()[0]) == {"text": text}


def test_a_message_that_is_too_long_can_be_told_by_its_length(ends: Ends) -> None:
    ours, theirs = ends
    theirs.send({"text": "x" * MESSAGE_SIZE})

    assert len(ours.receive()[0]) > MESSAGE_SIZE
