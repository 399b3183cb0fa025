"""What DBOS may say in our log."""

import logging

from pixmill.services.queue.silence import Sparing


def kept(sparing: Sparing, message: str) -> bool:
    return sparing.filter(logging.makeLogRecord({"msg": message}))


def test_the_same_trouble_is_said_once() -> None:
    sparing = Sparing()

    assert kept(sparing, "Exception listing queues: no server at 10.0.0.1")
    assert not kept(sparing, "Exception listing queues: no server at 10.0.0.2")
    assert kept(sparing, "Exception polling schedules: no server at 10.0.0.1")


def test_what_we_say_ourselves_is_left_out() -> None:
    assert not kept(Sparing(), "Asyncio task cancelled for workflow or step f")
    assert not kept(Sparing(), "Exception encountered in asynchronous workflow:")
